"""/v1/admin: what every operator's route asks of its request, the incidents, and the quarantine after a restore."""

from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import get, post

from gateway.auth import actor_of
from gateway.rest.answers import Answer
from gateway.rest.bodies import read_body
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller
from gateway.rest.views import Moment, Name, Text, VideoId, encode
from gateway.services.incidents import IncidentPage
from gateway.services.quarantine import Waiting
from gateway.wiring import Gateway
from schema.errors import InvalidRequest
from schema.ids import ATTEMPT, INCIDENT, could_be, pattern
from schema.incident import Incident, IncidentKind
from schema.instance import Instance
from schema.tenant import Scope

T = TypeVar("T")

PATH = "/v1/admin"
INCIDENTS = PATH + "/incidents"
QUARANTINE = PATH + "/quarantine"

_KINDS = frozenset(IncidentKind)

AttemptId = Annotated[str, msgspec.Meta(pattern=pattern(ATTEMPT), max_length=30)]
_IncidentId = Annotated[str, msgspec.Meta(pattern=pattern(INCIDENT), max_length=30)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not happen, and did.

    Attributes:
        created_at: seconds since the Unix epoch.
        tenant: whom it happened to; null when nobody knows, as everything below.
        data: the facts of its kind.
    """

    id: _IncidentId
    object: Literal["incident"] = "incident"
    kind: IncidentKind
    created_at: Moment
    tenant: Name | None
    video: VideoId | None
    attempt: AttemptId | None
    account: Name | None
    data: dict[str, Any]


class IncidentPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some incidents, newest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[IncidentView, ...], msgspec.Meta(max_length=100)]
    last_id: _IncidentId | None
    has_more: bool


class QuarantineView(msgspec.Struct, frozen=True, kw_only=True):
    """Which life of the database this is, and whether anything may be sent in it.

    Attributes:
        on: nothing is sent and nothing accepted.
        epoch: 1 for a database that was never restored.
        since: when it was quarantined, seconds since the Unix epoch.
        restored_from: the backup, if it was said.
        released_at: when the latest quarantine ended, seconds since the Unix epoch.
        released_by: who ended it.
    """

    on: bool
    epoch: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    since: Moment | None
    restored_from: Text | None
    released_at: Moment | None
    released_by: Text | None


class ReleaseQuarantine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a quarantine is to end.

    Attributes:
        waiting: what becomes of videos that no provider is known to have: `fail` ends them, for they may have been
            sent after the backup was made; `resume` sends them, when you know that they were not.
    """

    waiting: Waiting = Waiting.FAIL


class ReleasedView(msgspec.Struct, frozen=True, kw_only=True):
    """How many videos go on, and how many were ended."""

    resumed: _Count
    failed: _Count


def operator(call: Call) -> tuple[Gateway, str]:
    """The gateway, and the operator who is calling it, as records name him.

    Raises:
        Unauthenticated: no key, or one nobody has.
        Forbidden: the key is no operator's.
    """
    gateway, principal = caller(call, Scope.OPERATOR)
    return gateway, actor_of(principal)


@get(INCIDENTS)
async def incidents(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], ("kind", "after", "limit"))
    kind = asked.get("kind")
    if kind is not None and kind not in _KINDS:
        raise InvalidRequest.field("kind", "invalid_value", f"must be one of {', '.join(IncidentKind)}")
    wish = cut(asked, partial(could_be, INCIDENT), "an incident")
    wanted = None if kind is None else IncidentKind(kind)
    page = await gateway.incidents.page(kind=wanted, after=wish.after, limit=wish.limit)
    return Answer(encode(incident_page(page)))


@get(QUARANTINE)
async def quarantine(request: Call) -> Answer:
    gateway, _ = operator(request)
    return Answer(encode(quarantine_view(await gateway.quarantine.state())))


@post(QUARANTINE + "/release")
async def release(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, ReleaseQuarantine)
    released = await gateway.quarantine.release(wanted.waiting, actor, gateway.clock.now())
    return Answer(encode(ReleasedView(resumed=released.resumed, failed=released.failed)))


def incident_page(page: IncidentPage) -> IncidentPageView:
    data = tuple([_incident(one) for one in page.incidents])
    return IncidentPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def quarantine_view(instance: Instance) -> QuarantineView:
    return QuarantineView(
        on=instance.quarantined,
        epoch=instance.epoch,
        since=seconds(instance.quarantined_at),
        restored_from=instance.restored_from,
        released_at=seconds(instance.released_at),
        released_by=instance.released_by,
    )


def seconds(moment: int | None) -> int | None:
    """Milliseconds as whole seconds."""
    return None if moment is None else moment // 1000


def _incident(incident: Incident) -> IncidentView:
    return IncidentView(
        id=incident.id,
        kind=incident.kind,
        created_at=incident.at // 1000,
        tenant=incident.tenant,
        video=incident.video,
        attempt=incident.attempt,
        account=incident.account,
        data=incident.data,
    )
