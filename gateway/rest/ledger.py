"""/v1/balance and /v1/ledger: how a tenant stands, and every entry that made it so; as pages, or whole as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from litestar import get

from gateway.rest.answers import JSON, Answer, Header, Stream
from gateway.rest.headers import prefers
from gateway.rest.pages import PAGE_NAMES, cut, given, links
from gateway.rest.requests import Call, caller, headers
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import Moment, Money, Name, Text, VideoId, encode
from gateway.services.ledger import EntryPage
from gateway.wiring import Gateway
from schema.errors import InvalidRequest
from schema.ids import ENTRY, names_entry, pattern
from schema.ledger import Balance, Entry, EntryKind, short_name
from schema.money import CURRENCY, MAX_MICROS
from schema.tenant import FundingMode, Principal, Scope

BALANCE = "/v1/balance"
PATH = "/v1/ledger"
CSV_TYPE = "text/csv"
CSV_HEAD = ("entry_id", "time", "kind", "video_id", "account", "unit", "amount", "note")

_FORMATS = ("json", "csv")
_PIECE = 32_768
"""Characters of CSV that are sent at once."""
_STEERING = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What a cell may not begin with: a spreadsheet would take it for a formula, or lose it."""

_EntryId = Annotated[str, msgspec.Meta(pattern=pattern(ENTRY), max_length=30)]
_Amount = Annotated[int, msgspec.Meta(ge=-MAX_MICROS, le=MAX_MICROS)]
_Period = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$", max_length=10)]


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """What you may commit in a day or a month, UTC, in millionths of the currency.

    Attributes:
        period: a day (`2026-11-20`) or a month (`2026-11`).
        used_micros: what videos accepted in it were charged, and what is held for them.
    """

    period: _Period
    limit_micros: Money
    used_micros: Money


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """How you stand, in millionths of the currency.

    Attributes:
        mode: `prepaid` spends what was topped up, `postpaid` pays afterwards.
        balance_micros: what you have, without what is held; null when you pay afterwards.
        available_micros: what you can still spend, on your balance and of your budgets; null without a limit.
        held_micros: set aside for videos that have not ended, or were canceled while their provider goes on.
        spent_micros: what your videos have cost.
        budgets: those of today, if you have any.
    """

    object: Literal["balance"] = "balance"
    currency: Literal["USD"] = CURRENCY
    mode: FundingMode
    balance_micros: Money | None
    available_micros: Money | None
    held_micros: Money
    spent_micros: Money
    budgets: Annotated[tuple[BudgetView, ...], msgspec.Meta(max_length=2)]


class LedgerPostingView(msgspec.Struct, frozen=True, kw_only=True):
    """An amount on one account of the ledger.

    Attributes:
        account: `available`, `owed`, `held` or `spent`, yours; or `funding`, where money comes from.
        unit: `micros`, millionths of the currency.
    """

    account: Name
    unit: Name
    amount: _Amount


class LedgerEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """Postings that belong together, and sum to zero.

    Attributes:
        kind: `top_up` and `adjust` are the operator's, `hold`, `capture` and `release` a video's; you never see the
            other two, which are about what providers bill us.
        created_at: seconds since the Unix epoch.
        note: why, when a person made it.
    """

    id: _EntryId
    object: Literal["ledger_entry"] = "ledger_entry"
    kind: EntryKind
    video_id: VideoId | None
    created_at: Moment
    note: Text | None
    postings: Annotated[tuple[LedgerPostingView, ...], msgspec.Meta(max_length=8)]


class LedgerPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries, in order.

    Attributes:
        first_id: give it as `before` to see those before this page.
        last_id: give it as `after` to see those behind it.
        has_more: there are others beyond, in the direction of travel.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[LedgerEntryView, ...], msgspec.Meta(max_length=100)]
    first_id: _EntryId | None
    last_id: _EntryId | None
    has_more: bool


@get(BALANCE)
async def balance(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    tenant = principal.tenant
    view = balance_view(await gateway.ledger.balance(tenant), tenant.funding.mode)
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY))


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    query: bytes = request.scope["query_string"]
    asked = given(query, ("format", *PAGE_NAMES))
    if _format(asked, headers(request.scope, b"accept")) == "csv":
        return await _export(gateway, principal, request, asked)
    wish = cut(asked, names_entry, "an entry")
    page = await gateway.ledger.page(
        principal.tenant.id,
        after=wish.after,
        before=wish.before,
        limit=wish.limit,
        newest_first=wish.newest_first,
    )
    view = page_view(page, principal.tenant.id)
    link = links(PATH, query, wish, view)
    neighbours = ((b"link", link.encode()),) if link else ()
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY, *neighbours))


def balance_view(balance: Balance, mode: FundingMode) -> BalanceView:
    return BalanceView(
        mode=mode,
        balance_micros=balance.balance,
        available_micros=balance.available,
        held_micros=balance.held,
        spent_micros=balance.spent,
        budgets=tuple(
            [
                BudgetView(period=budget.period, limit_micros=budget.limit, used_micros=budget.used)
                for budget in balance.budgets
            ]
        ),
    )


def page_view(page: EntryPage, tenant: str) -> LedgerPageView:
    data = tuple([_entry(entry, tenant) for entry in page.entries])
    return LedgerPageView(
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None, has_more=page.more
    )


def _entry(entry: Entry, tenant: str) -> LedgerEntryView:
    return LedgerEntryView(
        id=entry.id,
        kind=entry.kind,
        video_id=entry.video,
        created_at=entry.at // 1000,
        note=entry.note,
        postings=tuple(
            [
                LedgerPostingView(account=short_name(posting.account, tenant), unit=posting.unit, amount=posting.amount)
                for posting in entry.postings
            ]
        ),
    )


# the whole ledger


def _format(asked: dict[str, str], accepted: list[str]) -> str:
    found = asked.get("format")
    if found is None:
        return "csv" if prefers(accepted, CSV_TYPE, to="application/json") else "json"
    if found not in _FORMATS:
        raise InvalidRequest.field("format", "invalid_value", f"must be one of {', '.join(_FORMATS)}")
    return found


async def _export(gateway: Gateway, principal: Principal, request: Call, asked: dict[str, str]) -> Answer:
    """Everything, oldest first, in pieces; the first is made before the status is out, so that it can still fail."""
    for name in PAGE_NAMES:
        if name in asked:
            raise InvalidRequest.field(name, "exclusive", "is for pages; CSV is always the whole ledger")
    tenant = principal.tenant.id
    about = (*_FILE, (b"content-disposition", f'attachment; filename="ledger-{tenant}.csv"'.encode()), PRIVATE, VARY)
    if request.scope["state"].get("head"):
        return Stream(b"", _nothing(), headers=about)
    pieces = csv_pieces(gateway.ledger.all(tenant), tenant)
    return Stream(await anext(pieces), pieces, headers=about)


_FILE: tuple[Header, ...] = ((b"content-type", b"text/csv; charset=utf-8; header=present"),)


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def csv_pieces(entries: AsyncIterator[Entry], tenant: str) -> AsyncIterator[bytes]:
    """A line a posting, beneath a line of names (RFC 4180); never more than a piece of it is in memory."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(CSV_HEAD)
    async for entry in entries:
        writer.writerows(_rows(entry, tenant))
        if lines.tell() >= _PIECE:
            yield lines.getvalue().encode()
            lines.seek(0)
            lines.truncate()
    yield lines.getvalue().encode()


def _rows(entry: Entry, tenant: str) -> Iterator[tuple[str | int, ...]]:
    at = datetime.fromtimestamp(entry.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for posting in entry.postings:
        account = _cell(short_name(posting.account, tenant))
        yield (
            entry.id, at, entry.kind.value, entry.video or "",
            account, posting.unit, posting.amount, _cell(entry.note or ""),
        )  # fmt: skip


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection); numbers are left as they are."""
    return f"'{text}" if text.startswith(_STEERING) else text
