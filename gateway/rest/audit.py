"""/v1/admin/audit and /v1/audit: who changed what, and when; whole for operators, a tenant's own part for it."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator
from gateway.rest.answers import JSON, Answer, Header, Stream
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import Moment, Name, Text, encode
from gateway.services.trails import as_told
from gateway.wiring import Gateway
from schema.errors import InvalidRequest
from schema.ids import TRAIL, could_be, pattern
from schema.tenant import Scope
from schema.trail import TrailEntry, TrailWish

PATH = ADMIN + "/audit"
EXPORT = PATH + "/export"
OWN = "/v1/audit"

_FILTERS = ("subject", "action", "since", "until")
_PAGES = ("after", "before", "limit")
_PIECE = 64 * 1024
MAX_SUBJECT, MAX_ACTION = 256, 64
"""Characters to look for."""

_LONGEST = 12
"""Digits of a moment in seconds."""
_LINES: tuple[Header, ...] = (
    (b"content-type", b"application/jsonl"),
    (b"content-disposition", b'attachment; filename="audit.jsonl"'),
)

_EntryId = Annotated[str, msgspec.Meta(pattern=pattern(TRAIL), max_length=30)]
_Word = Annotated[str, msgspec.Meta(max_length=256)]


class AuditEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One change; it is never changed itself.

    Attributes:
        created_at: seconds since the Unix epoch.
        actor: whose key it was, its tenant and the key's end; `file` for a configuration file, and, as tenants are
            told, `operator` for whoever is none of their own keys.
        action: the kind of thing, and what was done to it: `tenant.created`, `account.updated`.
        tenant: whose thing it is; null for what belongs to nobody.
        subject: the thing's id.
        before: the thing as it was, as far as it differs, without secrets; null where it was not.
        after: the thing as it is; null where it is not any more.
        request_id: the request that asked for it; null for none.
    """

    id: _EntryId
    object: Literal["audit_entry"] = "audit_entry"
    created_at: Moment
    actor: Text
    action: Name
    tenant: Name | None
    subject: _Word
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: _Word | None


class AuditPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries, newest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[AuditEntryView, ...], msgspec.Meta(max_length=100)]
    first_id: _EntryId | None
    last_id: _EntryId | None
    has_more: bool


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], (*_PAGES, "tenant", *_FILTERS))
    return await _page(gateway, asked, _wish(asked, asked.get("tenant")), None)


@get(EXPORT)
async def export(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], ("tenant", *_FILTERS))
    about = (*_LINES, PRIVATE, VARY)
    if request.scope["state"].get("head"):
        return Stream(b"", _nothing(), headers=about)
    pieces = _pieces(gateway.trails.all(_wish(asked, asked.get("tenant"))))
    return Stream(await anext(pieces, b""), pieces, headers=about)


@get(OWN)
async def list_own(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.TENANT_ADMIN)
    asked = given(request.scope["query_string"], (*_PAGES, *_FILTERS))
    tenant = principal.tenant.id
    return await _page(gateway, asked, _wish(asked, tenant), tenant)


async def _page(gateway: Gateway, asked: dict[str, str], wish: TrailWish, told_to: str | None) -> Answer:
    where = cut(asked, partial(could_be, TRAIL), "an entry")
    page = await gateway.trails.page(wish, after=where.after, before=where.before, limit=where.limit)
    data = tuple([entry_view(one if told_to is None else as_told(one, told_to)) for one in page.entries])
    view = AuditPageView(
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None, has_more=page.more
    )
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY))


def entry_view(entry: TrailEntry) -> AuditEntryView:
    return AuditEntryView(
        id=entry.id,
        created_at=entry.at // 1000,
        actor=entry.actor,
        action=entry.action,
        tenant=entry.tenant,
        subject=entry.subject,
        before=entry.before,
        after=entry.after,
        request_id=entry.request,
    )


def _wish(asked: dict[str, str], tenant: str | None) -> TrailWish:
    since, until = (_moment(asked, name) for name in ("since", "until"))
    subject, action = (_words(asked, name, most) for name, most in (("subject", MAX_SUBJECT), ("action", MAX_ACTION)))
    return TrailWish(tenant=tenant, subject=subject, action=action, since=since, until=until)


def _words(asked: dict[str, str], name: str, most: int) -> str | None:
    text = asked.get(name)
    if text is not None and len(text) > most:
        raise InvalidRequest.field(name, "invalid_value", f"takes {most} characters at most")
    return text


def _moment(asked: dict[str, str], name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST):
        raise InvalidRequest.field(name, "invalid_value", "must be a moment in whole seconds since the Unix epoch")
    return int(text) * 1000


async def _pieces(entries: AsyncIterator[TrailEntry]) -> AsyncIterator[bytes]:
    """A line an entry, oldest first; never more than a piece of it is in memory."""
    piece = bytearray()
    async for entry in entries:
        piece += encode(entry_view(entry)) + b"\n"
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece
