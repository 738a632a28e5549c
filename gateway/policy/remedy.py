"""When nobody can ever make a video: the smallest change after which somebody could.

A change is the smaller the fewer fields it touches, then the less authority it needs. Of equals, an account that could
begin at once goes first, then the cheaper one. A change is tried before it is told: another spec may meet another rule
of the tenant's, and that may need a change of its own.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from gateway.policy.amending import AMENDS, Case
from gateway.policy.routing import PLAIN, Circumstances, Snapshot, decide, overlay
from schema.money import MAX_MICROS, Micros, format_micros
from schema.quote import PASSING, Candidate, Exclusion, ReasonCode
from schema.remedy import Change, Party, Remedy
from schema.tenant import UNLIMITED, Funding, RoutingPolicy
from schema.video import ANY_MODEL, LONGEST_SECONDS, RoutingWish, VideoSpec

_ROUNDS = 8
"""Changes may call for others that often, for one account."""

_UNSUPPORTED = frozenset(
    {ReasonCode.UNSUPPORTED_ASPECT_RATIO, ReasonCode.UNSUPPORTED_DURATION, ReasonCode.UNSUPPORTED_QUALITY}
)
_ADJUST = Change(field="gateway.on_unsupported", to="adjust", by=Party.CALLER)
_AUTHORITY = (Party.CALLER, Party.TENANT, Party.OPERATOR)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A wish, and its tenant's terms that it is laid over."""

    spec: VideoSpec
    routing: RoutingWish = RoutingWish()
    policy: RoutingPolicy = RoutingPolicy()
    funding: Funding = UNLIMITED


class _Cure(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one account able.

    Attributes:
        touched: how many fields would be others than they are; to adjust touches each that is bent.
        waits: it could make the video then, but not now.
        price: what it will probably cost then, micros.
    """

    remedy: Remedy
    touched: int
    waits: bool
    price: Micros | None

    @property
    def size(self) -> tuple[int, int, bool, float, str]:
        changes = self.remedy.changes
        authority = max(_AUTHORITY.index(change.by) for change in changes)
        price = float("inf") if self.price is None else self.price
        return self.touched, authority, self.waits, price, self.remedy.account


def remedy(asked: Asked, seen: Snapshot, standing: Circumstances = PLAIN) -> Remedy | None:
    """The smallest change after which somebody could make it, now or later; None when nothing helps.

    Of no use where somebody can already: then there is nothing to change.
    """
    cases = (
        Case(
            spec=asked.spec,
            routing=asked.routing,
            policy=asked.policy,
            funding=asked.funding,
            facts=facts,
            at=seen.at,
            standing=standing,
        )
        for facts in seen.accounts
    )
    cures = [cure for case in cases if (cure := _cured(case)) is not None and cure.remedy.changes]
    return min(cures, key=lambda cure: cure.size).remedy if cures else None


def _cured(case: Case) -> _Cure | None:
    """What it takes to make one account able; None when nothing does."""
    changes: dict[str, Change] = {}
    priced = case.facts.known.price_per_credit is not None
    for _ in range(_ROUNDS):
        candidate = _decided(case)
        against = [reason for reason in candidate.excluded if reason.code not in PASSING]
        if not against:
            found = Remedy(account=candidate.account, changes=tuple(changes.values()))
            more = len(candidate.adjustments) - 1 if _ADJUST.field in changes else 0
            price = candidate.expected if priced else None
            return _Cure(remedy=found, touched=len(changes) + more, waits=not candidate.able, price=price)
        for change in _changes(case, against):
            if change is None:
                return None
            changes[change.field] = change
            case = AMENDS[change.field](case, change.to)
    return None


def _decided(case: Case) -> Candidate:
    """The account alone, as a decision would see it."""
    wish = overlay(case.routing, case.policy, case.funding, spec=case.spec)
    alone = Snapshot(at=case.at, accounts=(case.facts,))
    return decide(case.spec, wish, alone, case.standing).candidates[0]


def _changes(case: Case, against: list[Exclusion]) -> list[Change | None]:
    """A change for each reason, None where there is none; to adjust stands for several wishes that can not be told."""
    bent = [reason for reason in against if reason.code in _UNSUPPORTED]
    if len(bent) < 2:
        return [_change(case, reason) for reason in against]
    return [_ADJUST, *(_change(case, reason) for reason in against if reason not in bent)]


def _change(case: Case, reason: Exclusion) -> Change | None:
    """What to change about one reason; None when nothing does."""
    made = _MAKERS.get(reason.code)
    return None if made is None else made(case, reason)


def _by_caller(field: str, to: str | int | None) -> Change:
    return Change(field=field, to=to, by=Party.CALLER)


def _nearest(asked: int, able: tuple[int, int] | None) -> int | None:
    """The nearest duration it can be told; None when it can not be told one."""
    return None if able is None else min(max(asked, able[0]), able[1])


def _shape(_: Case, reason: Exclusion) -> Change:
    return _by_caller("aspect_ratio", str(reason.params["able"]).partition(",")[0] or None)


def _duration(case: Case, reason: Exclusion) -> Change:
    return _by_caller("seconds", _nearest(int(reason.params["asked"]), case.facts.capabilities.seconds))


def _longer(_: Case, reason: Exclusion) -> Change | None:
    seconds = -(-int(reason.params["fastest_ms"]) // 1000)
    return _by_caller("gateway.deadline_seconds", seconds) if seconds <= LONGEST_SECONDS else None


def _dearer(case: Case, reason: Exclusion) -> Change | None:
    """The first cap that is in the way: the caller's own, or one of its tenant's."""
    cost = int(reason.params["cost_micros"])
    if cost > MAX_MICROS:
        return None
    own, funding = case.routing.max_cost_micros, case.funding.per_video
    to = format_micros(cost)
    if own is not None and own < cost:
        return _by_caller("gateway.max_cost", to)
    field = "tenant.funding.per_video" if funding is not None and funding < cost else "tenant.routing.max_cost"
    return Change(field=field, to=to, by=Party.TENANT)


def _priced(case: Case, _: Exclusion) -> Change:
    """A price is needed, unless it is only the caller's own cap that asks for one."""
    uncapped = replace(case, routing=replace(case.routing, max_cost_micros=None))
    if case.routing.max_cost_micros is not None and not _needs_price(uncapped):
        return _by_caller("gateway.max_cost", None)
    return Change(field="accounts.price_per_credit", to=None, by=Party.OPERATOR)


def _needs_price(case: Case) -> bool:
    return any(reason.code is ReasonCode.PRICE_UNKNOWN for reason in _decided(case).excluded)


_MAKERS: dict[ReasonCode, Callable[[Case, Exclusion], Change | None]] = {
    ReasonCode.OTHER_MODEL: lambda _, __: _by_caller("model", ANY_MODEL),
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: _shape,
    ReasonCode.UNSUPPORTED_DURATION: _duration,
    ReasonCode.UNSUPPORTED_QUALITY: lambda _, reason: _by_caller("quality", reason.params["able"]),
    ReasonCode.NO_IMAGE_INPUT: lambda _, __: _by_caller("input_reference", None),
    ReasonCode.IMAGE_TOO_LARGE: lambda _, __: _by_caller("input_reference", None),
    ReasonCode.PROMPT_TOO_LONG: lambda _, reason: _by_caller("prompt", reason.params["able"]),
    ReasonCode.NOT_IN_ONLY: lambda case, _: _by_caller("gateway.only", case.facts.account),
    ReasonCode.EXCLUDED: lambda _, __: _by_caller("gateway.exclude", None),
    ReasonCode.TOO_SLOW: _longer,
    ReasonCode.NOT_ALLOWED: lambda case, _: Change(field="tenant.routing", to=case.facts.account, by=Party.TENANT),
    ReasonCode.OVER_MAX_COST: _dearer,
    ReasonCode.PRICE_UNKNOWN: _priced,
}
"""What to change for each reason: the field, what to make of it, and who can. What is not here nothing changes."""
