"""/v1/admin/attempts: those whose outcome nobody knows, what they may have cost, and what operators found out."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from litestar import get, post

from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import AttemptId, operator, seconds
from gateway.rest.answers import Answer
from gateway.rest.bodies import read_body
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call
from gateway.rest.views import Moment, Money, Name, ReasonView, Text, VideoId, encode
from gateway.services.ledger import MAX_NOTE
from gateway.services.unknowns import (
    MAX_CREDITS,
    MAX_REF,
    PROMPT_SHOWN,
    ResolutionPage,
    Suspense,
    UnknownAttempt,
    UnknownPage,
)
from schema.errors import InvalidRequest, NotFound
from schema.ids import RESOLUTION, could_be, names_attempt, pattern
from schema.lifecycle import AttemptState, VideoStatus
from schema.resolution import Resolution, Verb

PATH = ADMIN + "/attempts"
RESOLUTIONS = ADMIN + "/resolutions"
SUSPENSE = ADMIN + "/suspense"

Note = Annotated[str, msgspec.Meta(max_length=MAX_NOTE)]
_ResolutionId = Annotated[str, msgspec.Meta(pattern=pattern(RESOLUTION), max_length=30)]
_Ref = Annotated[str, msgspec.Meta(max_length=MAX_REF)]
_Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
_Credits = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class UnknownAttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose outcome nobody knows, and what helps to find it in the provider's books.

    Attributes:
        video_status: whether its video still waits for it.
        key: the idempotency key it was sent under.
        keyed: the provider knows that key, so it was sent again under it, `replays` times.
        callback: the provider was told where to call back.
        provider_ref: the provider's own id, when that was learned after all.
        started_at: when it was sent, seconds since the Unix epoch.
        age_seconds: how long ago that is.
        prompt: its beginning, to compare with the provider's dashboard.
        prompt_sha256: hex digest of the whole prompt.
        credits: the most it may have cost, in the account's credits; it stands in suspense.
        micros: the same in millionths of the currency; null without a price.
    """

    id: AttemptId
    object: Literal["attempt"] = "attempt"
    state: AttemptState
    video: VideoId
    video_status: VideoStatus
    tenant: Name
    account: Name
    provider: Name
    key: Name
    keyed: bool
    replays: _Count
    callback: bool
    provider_ref: _Ref | None
    reason: ReasonView | None
    started_at: Moment
    age_seconds: Moment
    prompt: Annotated[str, msgspec.Meta(max_length=PROMPT_SHOWN)]
    prompt_sha256: _Hash
    credits: _Credits
    micros: Money | None


class UnknownAttemptPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some of them, oldest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[UnknownAttemptView, ...], msgspec.Meta(max_length=100)]
    last_id: AttemptId | None
    has_more: bool


class BindAttempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider has a job for it.

    Attributes:
        ref: the provider's id for that job.
        note: where you found it; kept with your key's name.
    """

    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REF)]
    note: Note = ""


class VoidAttempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It was never made, or gave us nothing.

    Attributes:
        credits: what the provider billed for it all the same.
        note: how you know; kept with your key's name.
    """

    credits: Annotated[int, msgspec.Meta(ge=0, le=MAX_CREDITS)] = 0
    note: Note = ""


class ResolutionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who said what about which attempt; it is never changed.

    Attributes:
        created_at: seconds since the Unix epoch.
        actor: whose key it was: its tenant and the key's end.
        ref: the provider's id for it, when it was bound.
        credits: what was billed for nothing, when it was voided.
    """

    id: _ResolutionId
    object: Literal["resolution"] = "resolution"
    verb: Verb
    created_at: Moment
    attempt: AttemptId
    video: VideoId
    tenant: Name
    account: Name
    actor: Text
    note: Note
    ref: _Ref | None
    credits: _Credits | None


class ResolutionPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some resolutions, newest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[ResolutionView, ...], msgspec.Meta(max_length=100)]
    last_id: _ResolutionId | None
    has_more: bool


class SuspenseView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may have billed us for, while nobody knows.

    Attributes:
        credits: the account's own.
        micros: the same in millionths of the currency, as far as there was a price.
        attempts: how many are unknown.
        oldest_at: when the oldest of them was sent, seconds since the Unix epoch.
    """

    account: Name
    credits: _Credits
    micros: Money
    attempts: _Count
    oldest_at: Moment | None


class SuspenseListView(msgspec.Struct, frozen=True, kw_only=True):
    """Every account's."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[SuspenseView, ...], msgspec.Meta(max_length=1000)]


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], ("state", "account", "tenant", "after", "limit"))
    if asked.get("state", AttemptState.UNKNOWN) != AttemptState.UNKNOWN:
        raise InvalidRequest.field("state", "invalid_value", f"must be {AttemptState.UNKNOWN}")
    wish = cut(asked, names_attempt, "an attempt")
    page = await gateway.unknowns.page(
        account=asked.get("account"), tenant=asked.get("tenant"), after=wish.after, limit=wish.limit
    )
    return Answer(encode(unknown_page(page)))


@post(PATH + "/{attempt_id:str}/bind")
async def bind(request: Call) -> Answer:
    gateway, actor = operator(request)
    id = _attempt_id(request)
    wanted = await read_body(request, BindAttempt)
    resolution = await gateway.unknowns.bind(id, wanted.ref, actor=actor, note=wanted.note)
    return Answer(encode(resolution_view(resolution)))


@post(PATH + "/{attempt_id:str}/void")
async def void(request: Call) -> Answer:
    gateway, actor = operator(request)
    id = _attempt_id(request)
    wanted = await read_body(request, VoidAttempt)
    resolution = await gateway.unknowns.void(id, wanted.credits, actor=actor, note=wanted.note)
    return Answer(encode(resolution_view(resolution)))


@get(RESOLUTIONS)
async def resolutions(request: Call) -> Answer:
    gateway, _ = operator(request)
    wish = cut(given(request.scope["query_string"], ("after", "limit")), partial(could_be, RESOLUTION), "a resolution")
    page = await gateway.unknowns.resolutions(after=wish.after, limit=wish.limit)
    return Answer(encode(resolution_page(page)))


@get(SUSPENSE)
async def suspense(request: Call) -> Answer:
    gateway, _ = operator(request)
    found = await gateway.unknowns.suspense()
    return Answer(encode(SuspenseListView(data=tuple([_suspense(one) for one in found]))))


def unknown_page(page: UnknownPage) -> UnknownAttemptPageView:
    data = tuple([_unknown(one) for one in page.attempts])
    return UnknownAttemptPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def resolution_page(page: ResolutionPage) -> ResolutionPageView:
    data = tuple([resolution_view(one) for one in page.resolutions])
    return ResolutionPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def resolution_view(resolution: Resolution) -> ResolutionView:
    return ResolutionView(
        id=resolution.id,
        verb=resolution.verb,
        created_at=resolution.at // 1000,
        attempt=resolution.attempt,
        video=resolution.video,
        tenant=resolution.tenant,
        account=resolution.account,
        actor=resolution.actor,
        note=resolution.note,
        ref=resolution.ref,
        credits=resolution.credits,
    )


def _attempt_id(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one, without asking the database."""
    id: str = call.path_params["attempt_id"]
    if not names_attempt(id):
        raise NotFound
    return id


def _unknown(unknown: UnknownAttempt) -> UnknownAttemptView:
    attempt = unknown.attempt
    return UnknownAttemptView(
        id=attempt.id,
        state=attempt.state,
        video=attempt.video,
        video_status=unknown.status,
        tenant=attempt.tenant,
        account=attempt.account,
        provider=attempt.provider,
        key=attempt.key,
        keyed=attempt.keyed,
        replays=attempt.replays,
        callback=attempt.callback,
        provider_ref=attempt.ref,
        reason=None if attempt.reason is None else ReasonView(attempt.reason.code, attempt.reason.message),
        started_at=attempt.started_at // 1000,
        age_seconds=unknown.age // 1000,
        prompt=unknown.prompt,
        prompt_sha256=unknown.prompt_sha256,
        credits=unknown.credits,
        micros=unknown.micros,
    )


def _suspense(suspense: Suspense) -> SuspenseView:
    return SuspenseView(
        account=suspense.account,
        credits=suspense.credits,
        micros=suspense.micros,
        attempts=suspense.attempts,
        oldest_at=seconds(suspense.oldest_at),
    )
