"""/v1/admin/accounts: every account with who paused it, the operator's hand on it, and what happened to it."""

from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post

from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator
from gateway.rest.admin_attempts import Note
from gateway.rest.answers import Answer
from gateway.rest.bodies import read_body
from gateway.rest.pages import cut, given
from gateway.rest.providers import ProviderView, shown
from gateway.rest.requests import Call
from gateway.rest.views import Moment, Name, Text, encode
from gateway.services.availability import Report
from gateway.services.operators import MAX_CREDITS, AccountEventPage
from gateway.wiring import Gateway
from schema.account_event import AccountEvent, AccountEventType
from schema.ids import ACCOUNT_EVENT, could_be, pattern

PATH = ADMIN + "/accounts"
EVENTS = PATH + "/events"

_EventId = Annotated[str, msgspec.Meta(pattern=pattern(ACCOUNT_EVENT), max_length=30)]


class PauseView(msgspec.Struct, frozen=True, kw_only=True):
    """Who paused it, and why.

    Attributes:
        at: seconds since the Unix epoch.
        by: whose key it was: its tenant and the key's end.
    """

    at: Moment
    by: Text
    note: Text


class AccountView(ProviderView, frozen=True, kw_only=True):
    """An account, as its operator sees it.

    Attributes:
        sandbox: only test tenants reach it.
        pause: null when it is not paused.
    """

    sandbox: bool
    pause: PauseView | None


class AccountListView(msgspec.Struct, frozen=True, kw_only=True):
    """Every configured account."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[AccountView, ...], msgspec.Meta(max_length=1000)]


class AccountAct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What you do to it.

    Attributes:
        note: why; kept with your key's name.
    """

    note: Note = ""


class TellCredits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its provider's own pages say.

    Attributes:
        credits: its balance now, in its own credits.
        note: how you know; kept with your key's name.
    """

    credits: Annotated[int, msgspec.Meta(ge=0, le=MAX_CREDITS)]
    note: Note = ""


class AccountEventView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an account.

    Attributes:
        created_at: seconds since the Unix epoch.
        actor: the operator who did it; null when nobody did.
        data: the facts of its type.
    """

    id: _EventId
    object: Literal["account_event"] = "account_event"
    type: AccountEventType
    created_at: Moment
    account: Name
    actor: Text | None
    data: dict[str, Any]


class AccountEventPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, newest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[AccountEventView, ...], msgspec.Meta(max_length=100)]
    last_id: _EventId | None
    has_more: bool


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, _ = operator(request)
    now = gateway.clock.now()
    data = tuple([_account(report, now) for report in await gateway.availability.all()])
    return Answer(encode(AccountListView(data=data)))


@post(PATH + "/{account_id:str}/pause")
async def pause(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, AccountAct)
    await gateway.operators.pause(_id(request), actor=actor, note=wanted.note)
    return await _now(gateway, _id(request))


@post(PATH + "/{account_id:str}/resume")
async def resume(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, AccountAct)
    await gateway.operators.resume(_id(request), actor=actor, note=wanted.note)
    return await _now(gateway, _id(request))


@post(PATH + "/{account_id:str}/reset")
async def reset(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, AccountAct)
    await gateway.operators.reset(_id(request), actor=actor, note=wanted.note)
    return await _now(gateway, _id(request))


@post(PATH + "/{account_id:str}/credits")
async def credits_(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, TellCredits)
    await gateway.operators.credits(_id(request), wanted.credits, actor=actor, note=wanted.note)
    return await _now(gateway, _id(request))


@get(EVENTS)
async def events(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], ("account", "after", "limit"))
    wish = cut(asked, partial(could_be, ACCOUNT_EVENT), "an account event")
    page = await gateway.operators.events(account=asked.get("account"), after=wish.after, limit=wish.limit)
    return Answer(encode(_page(page)))


async def _now(gateway: Gateway, account: str) -> Answer:
    return Answer(encode(_account(await gateway.availability.one(account), gateway.clock.now())))


def _id(call: Call) -> str:
    id: str = call.path_params["account_id"]
    return id


def _account(report: Report, now: int) -> AccountView:
    state, pause = report.state, None
    if state.paused_at is not None:
        pause = PauseView(at=state.paused_at // 1000, by=state.paused_by or "", note=state.pause_note or "")
    return AccountView(**shown(report, now), sandbox=report.account.sandbox, pause=pause)


def _page(page: AccountEventPage) -> AccountEventPageView:
    data = tuple([_event(one) for one in page.events])
    return AccountEventPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def _event(event: AccountEvent) -> AccountEventView:
    return AccountEventView(
        id=event.id,
        type=event.type,
        created_at=event.at // 1000,
        account=event.account,
        actor=event.actor,
        data=event.data,
    )
