"""/v1/providers: the accounts a caller reaches, how they are, and what they can be told."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from gateway.policy.metering import Left
from gateway.policy.observing import Observed, Spread
from gateway.rest.answers import JSON, Answer
from gateway.rest.models import MakerView, maker
from gateway.rest.requests import Call, caller
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import Moment, Name, encode
from gateway.services.availability import Report
from schema.account import Circuit, CredentialState, CreditsSource
from schema.tenant import Scope

PATH = "/v1/providers"

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e15)]


class AccountCircuitView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it is sent videos, as far as its answers go.

    Attributes:
        state: `half_open` lets one video through, on trial.
        until: when an open one is probed, seconds since the Unix epoch.
        failures: submits in a row that nobody answered.
        poll_failures: the same of polls.
        opens: how often it opened since it was last closed.
    """

    state: Circuit
    until: Moment | None
    failures: _Count
    poll_failures: _Count
    opens: _Count


class RestingView(msgspec.Struct, frozen=True, kw_only=True):
    """It asked to be left alone.

    Attributes:
        reason: such as `rate_limited` or `out_of_credits`.
        until: seconds since the Unix epoch.
    """

    reason: Name
    until: Moment


class CreditsView(msgspec.Struct, frozen=True, kw_only=True):
    """Its balance, in its own credits.

    Attributes:
        left: what was told last, less what was billed since.
        told_at: seconds since the Unix epoch.
        per_hour: how fast they go, by the last day.
        hours_left: how long they last at that pace; null when none are going.
    """

    left: _Count
    told_at: Moment
    source: CreditsSource
    per_hour: _Number
    hours_left: _Number | None


class AccountLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of the provider's.

    Attributes:
        limit: null for none.
        running: videos in the making, where that is what is limited.
        left: what is left of it; null without a limit.
        resets_at: when it is whole again if nothing more is asked, seconds since the Unix epoch; null when it is whole.
    """

    limit: _Count | None
    running: _Count | None = None
    left: _Count | None = None
    resets_at: Moment | None = None


class LimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider lets it do: videos at once, requests a minute and a day."""

    concurrent: AccountLimitView
    per_minute: AccountLimitView
    per_day: AccountLimitView


class SpreadView(msgspec.Struct, frozen=True, kw_only=True):
    """Times, in milliseconds: the median, and what one of twenty exceeds."""

    p50_ms: _Count
    p95_ms: _Count


class ObservedView(msgspec.Struct, frozen=True, kw_only=True):
    """What its latest attempts showed.

    Attributes:
        kind: of video, such as `8/standard`; null for all.
        success_rate: the share that gave a video; null when none was tried.
        queue: from a video's acceptance until the attempt began.
        make: from then until it was made.
    """

    kind: Name | None
    made: _Count
    failed: _Count
    success_rate: _Rate | None
    queue: SpreadView | None
    make: SpreadView | None


class ProviderView(MakerView, frozen=True, kw_only=True):
    """A provider account: what it can be told, and how it is.

    Attributes:
        paused: an operator wants it to get no more videos.
        credits: null when nobody told its balance.
        waiting: videos that wait for room there; some may begin elsewhere as well.
        observed: in all, of its latest attempts.
        kinds: the same by kind of video.
    """

    object: Literal["provider_account"] = "provider_account"
    circuit: AccountCircuitView
    paused: bool
    credential: CredentialState
    resting: RestingView | None
    credits: CreditsView | None
    limits: LimitsView
    waiting: _Count
    observed: ObservedView
    kinds: Annotated[tuple[ObservedView, ...], msgspec.Meta(max_length=1000)]


class ProviderListView(msgspec.Struct, frozen=True, kw_only=True):
    """Every account you reach."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[ProviderView, ...], msgspec.Meta(max_length=1000)]


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    now = gateway.clock.now()
    reports = await gateway.availability.of_tenant(principal.tenant)
    data = tuple([ProviderView(**shown(report, now)) for report in reports])
    return Answer(encode(ProviderListView(data=data)), headers=(JSON, PRIVATE, VARY))


def shown(report: Report, now: int) -> dict[str, Any]:
    """What everybody may see of an account: the fields of ``ProviderView``."""
    state = report.state
    return {
        **msgspec.structs.asdict(maker(report.account, report.provider)),
        "circuit": AccountCircuitView(
            state=state.circuit,
            until=None if state.circuit_until is None else state.circuit_until // 1000,
            failures=state.failures,
            poll_failures=state.poll_failures,
            opens=state.opens,
        ),
        "paused": state.paused_at is not None,
        "credential": state.credential,
        "resting": _resting(report, now),
        "credits": _credits(report),
        "limits": LimitsView(
            concurrent=_concurrent(report),
            per_minute=_window(report.minute),
            per_day=_window(report.day),
        ),
        "waiting": report.waiting,
        "observed": _observed(None, report.observed.all),
        "kinds": tuple([_observed(kind, one) for kind, one in report.observed.kinds.items()]),
    }


def _concurrent(report: Report) -> AccountLimitView:
    limit = report.account.limits.concurrent
    left = None if limit is None else max(limit - report.running, 0)
    return AccountLimitView(limit=limit, running=report.running, left=left)


def _window(window: Left) -> AccountLimitView:
    whole_at = window.whole_at
    return AccountLimitView(
        limit=window.limit, left=window.left, resets_at=None if whole_at is None else -(-whole_at // 1000)
    )


def _resting(report: Report, now: int) -> RestingView | None:
    until = report.state.resting_until
    if until is None or until <= now:
        return None
    return RestingView(reason=report.state.resting_reason or "busy", until=until // 1000)


def _credits(report: Report) -> CreditsView | None:
    state = report.state
    if report.left is None or state.credits_at is None or state.credits_source is None:
        return None
    return CreditsView(
        left=report.left,
        told_at=state.credits_at // 1000,
        source=state.credits_source,
        per_hour=report.burn.per_hour,
        hours_left=report.burn.hours_left,
    )


def _observed(kind: str | None, seen: Observed) -> ObservedView:
    return ObservedView(
        kind=kind,
        made=seen.made,
        failed=seen.failed,
        success_rate=None if seen.success_rate is None else round(seen.success_rate, 4),
        queue=_spread(seen.queue),
        make=_spread(seen.make),
    )


def _spread(spread: Spread | None) -> SpreadView | None:
    return None if spread is None else SpreadView(p50_ms=spread.p50, p95_ms=spread.p95)
