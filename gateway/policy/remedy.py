"""When nobody can ever make a video: the smallest change after which somebody could.

A change is the smaller the fewer fields it touches, then the less authority it needs, then the cheaper the video.
"""

from collections.abc import Callable

from schema.money import Micros, format_micros
from schema.quote import PASSING, Candidate, Change, Exclusion, Party, ReasonCode, Remedy

_UNSUPPORTED = frozenset(
    {ReasonCode.UNSUPPORTED_ASPECT_RATIO, ReasonCode.UNSUPPORTED_DURATION, ReasonCode.UNSUPPORTED_QUALITY}
)
_ADJUST = Change(field="gateway.on_unsupported", to="adjust", by=Party.CALLER)
_AUTHORITY = (Party.CALLER, Party.TENANT, Party.OPERATOR)


def remedy(own_cap: Micros | None, candidates: tuple[Candidate, ...]) -> Remedy | None:
    """The smallest change that would make somebody able; None when nothing would.

    Args:
        own_cap: the most the caller himself said it may cost; a cap of its tenant's is the tenant's to change.
    """
    found = [
        (_size(candidate, changes), Remedy(account=candidate.account, changes=changes))
        for candidate in candidates
        if (changes := _changes(own_cap, candidate)) is not None
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _size(candidate: Candidate, changes: tuple[Change, ...]) -> tuple[int, int, float, str]:
    authority = max(_AUTHORITY.index(change.by) for change in changes)
    price = float("inf") if candidate.expected is None else float(candidate.expected)
    return len(changes), authority, price, candidate.account


def _changes(own_cap: Micros | None, candidate: Candidate) -> tuple[Change, ...] | None:
    """What it takes to make one account able; None when nothing does."""
    against = [reason for reason in candidate.excluded if reason.code not in PASSING]
    bent = [reason for reason in against if reason.code in _UNSUPPORTED]
    if len(bent) > 1:
        against = [reason for reason in against if reason not in bent]
    changes = [_change(own_cap, candidate, reason) for reason in against]
    known = tuple(change for change in changes if change is not None)
    if len(known) < len(changes):
        return None
    return (*((_ADJUST,) if len(bent) > 1 else ()), *known)


def _change(own_cap: Micros | None, candidate: Candidate, reason: Exclusion) -> Change | None:
    if reason.code is ReasonCode.OVER_MAX_COST:
        return _dearer(own_cap, int(reason.params["cost_micros"]), int(reason.params["max_cost_micros"]))
    known = _CHANGES.get(reason.code)
    if known is None:
        return None
    field, by, to = known
    return Change(field=field, to=to(candidate, reason), by=by)


def _dearer(own_cap: Micros | None, cost: Micros, cap: Micros) -> Change:
    """The cap that is in the way: the caller's own, or its tenant's."""
    if own_cap == cap:
        return Change(field="gateway.max_cost", to=format_micros(cost), by=Party.CALLER)
    return Change(field="tenant.routing.max_cost", to=format_micros(cost), by=Party.TENANT)


def _nearest(asked: int, able: str) -> int | None:
    """The nearest duration of a span as it stands in a reason (``5-10``); None when it can not be told one."""
    shortest, _, longest = able.partition("-")
    return min(max(asked, int(shortest)), int(longest)) if shortest.isdecimal() and longest.isdecimal() else None


def _account(candidate: Candidate, _: Exclusion) -> str:
    return candidate.account


def _nothing(_: Candidate, __: Exclusion) -> None:
    """Leave it out."""


_Made = Callable[[Candidate, Exclusion], str | int | None]

_CHANGES: dict[ReasonCode, tuple[str, Party, _Made]] = {
    ReasonCode.OTHER_MODEL: ("model", Party.CALLER, lambda _, __: "auto"),
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: (
        "aspect_ratio",
        Party.CALLER,
        lambda _, reason: str(reason.params["able"]).partition(",")[0] or None,
    ),
    ReasonCode.UNSUPPORTED_DURATION: (
        "seconds",
        Party.CALLER,
        lambda _, reason: _nearest(int(reason.params["asked"]), str(reason.params["able"])),
    ),
    ReasonCode.UNSUPPORTED_QUALITY: ("quality", Party.CALLER, lambda _, reason: reason.params["able"]),
    ReasonCode.NO_IMAGE_INPUT: ("input_reference", Party.CALLER, _nothing),
    ReasonCode.PROMPT_TOO_LONG: ("prompt", Party.CALLER, lambda _, reason: reason.params["able"]),
    ReasonCode.NOT_IN_ONLY: ("gateway.only", Party.CALLER, _account),
    ReasonCode.EXCLUDED: ("gateway.exclude", Party.CALLER, _nothing),
    ReasonCode.TOO_SLOW: (
        "gateway.deadline_seconds",
        Party.CALLER,
        lambda _, reason: -(-int(reason.params["fastest_ms"]) // 1000),
    ),
    ReasonCode.NOT_ALLOWED: ("tenant.routing", Party.TENANT, _account),
    ReasonCode.PRICE_UNKNOWN: ("accounts.price_per_credit", Party.OPERATOR, _nothing),
}
"""What to change for each reason: the field, who can, and what to make of it."""
