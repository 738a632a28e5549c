"""What would have been: recorded decisions made again under another policy, and what that had changed. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from gateway.policy.ranking import expected_ms
from gateway.policy.routing import AccountFacts, Circumstances, History, decide, overlay, snapshot
from providers.base import Capabilities, RateCard
from schema.clock import Millis, millis
from schema.money import Micros
from schema.quote import STANDING, Candidate, Decision, Exclusion, ReasonCode
from schema.tenant import Funding, RoutingPolicy
from schema.video import RoutingWish, VideoSpec


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A video and the decision that was stored with it."""

    video: str
    spec: VideoSpec
    routing: RoutingWish
    created_at: Millis
    decision: Decision


class Skip(StrEnum):
    """Why a decision can not be made again."""

    NO_FACTS = "no_facts"  # it was made before facts were kept with decisions
    ACCOUNT_GONE = "account_gone"  # who made the video is no longer configured


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a video, and what is expected of that; without an account, nobody could.

    Attributes:
        cost: micros; None without a price.
        time: until the video is there, milliseconds.
    """

    account: str | None = None
    cost: Micros | None = None
    time: Millis | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One video: what was decided, and what would have been."""

    video: str
    before: Choice
    after: Choice


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """How many videos went from one account to another; None is nobody."""

    before: str | None
    after: str | None
    count: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """A sum or a mean under both policies, over the videos for which both are known; None when there are none."""

    counted: int = 0
    before: int | None = None
    after: int | None = None

    @property
    def difference(self) -> int | None:
        return None if self.before is None or self.after is None else self.after - self.before


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What another policy had changed.

    Attributes:
        considered: videos looked at, the skipped among them.
        same: went to the same account.
        moves: who lost how many to whom, the most first.
        nobody_before, nobody_after: videos nobody could make.
        cost: sums, micros.
        time: means, milliseconds.
        differences: the videos that went elsewhere.
    """

    considered: int
    skipped: dict[Skip, int]
    same: int
    moves: tuple[Move, ...]
    nobody_before: int
    nobody_after: int
    cost: Totals
    time: Totals
    differences: tuple[Difference, ...]

    @property
    def changed(self) -> int:
        return len(self.differences)


class Able(msgspec.Struct, frozen=True, kw_only=True):
    """What an account can do now, and what it asks for it."""

    capabilities: Capabilities
    rates: RateCard


Configured = Mapping[str, Able]
"""By account id: those that are configured now."""


def replayed(one: Recorded, policy: RoutingPolicy, funding: Funding, configured: Configured) -> Difference | Skip:
    """Decide again for one video, from the facts of then and what the accounts can do now."""
    was = one.decision.chosen or one.decision.hopeful
    if not one.decision.snapshot:
        return Skip.NO_FACTS
    if was is not None and was.account not in configured:
        return Skip.ACCOUNT_GONE
    wish = overlay(one.routing, policy, funding, spec=one.spec)
    known = [candidate for candidate in one.decision.candidates if candidate.account in configured]
    seen = snapshot(one.decision.at, tuple([_facts(candidate, configured) for candidate in known]))
    again = decide(one.spec, wish, seen, _circumstances(one, known))
    now = again.chosen or again.hopeful
    return Difference(video=one.video, before=_choice(was, configured), after=_choice(now, configured))


def _facts(candidate: Candidate, configured: Configured) -> AccountFacts:
    able = configured[candidate.account]
    return AccountFacts(
        account=candidate.account,
        provider=candidate.provider,
        capabilities=able.capabilities,
        rates=able.rates,
        known=candidate.facts,
        standing=tuple([reason for reason in candidate.excluded if reason.code in STANDING]),
        retry_at=next((r.until for r in candidate.excluded if r.code is ReasonCode.RETRIES_USED_UP), None),
    )


def _circumstances(one: Recorded, candidates: list[Candidate]) -> Circumstances:
    """Where the video stood: what it had tried, and what its tenant could afford, as far as the decision says."""
    reasons = [reason for candidate in candidates for reason in candidate.excluded]
    deadline = one.routing.deadline_seconds
    return Circumstances(
        history=History(
            tries={one.account: int(one.scores.get("tries", 0)) for one in candidates if one.scores.get("tries")},
            refused=frozenset(one.account for one in candidates if _refused(one.excluded)),
        ),
        affordable=next((_affordable(r) for r in reasons if r.code is ReasonCode.OVER_BUDGET), None),
        since=one.created_at,
        ends_by=None if deadline is None else one.created_at + millis(deadline),
        full=next((reason for reason in reasons if reason.code is ReasonCode.TENANT_AT_CAPACITY), None),
    )


def _refused(excluded: tuple[Exclusion, ...]) -> bool:
    return any(reason.code is ReasonCode.ALREADY_REFUSED for reason in excluded)


def _affordable(reason: Exclusion) -> Micros:
    return int(reason.params["affordable_micros"])


def _choice(candidate: Candidate | None, configured: Configured) -> Choice:
    if candidate is None:
        return Choice()
    typical = configured[candidate.account].capabilities.typical_seconds
    return Choice(account=candidate.account, cost=candidate.expected, time=expected_ms(candidate.facts, typical))


def report(outcomes: Iterable[Difference | Skip]) -> Report:
    """What became of all of them, put together."""
    skipped: Counter[Skip] = Counter()
    decided: list[Difference] = []
    for outcome in outcomes:
        if isinstance(outcome, Skip):
            skipped[outcome] += 1
        else:
            decided.append(outcome)
    changed = [one for one in decided if one.before.account != one.after.account]
    moves = Counter((one.before.account, one.after.account) for one in changed)
    costs = [(one.before.cost, one.after.cost) for one in decided]
    times = [(one.before.time, one.after.time) for one in decided]
    return Report(
        considered=len(decided) + skipped.total(),
        skipped=dict(sorted(skipped.items())),
        same=len(decided) - len(changed),
        moves=tuple([Move(before=before, after=after, count=n) for (before, after), n in moves.most_common()]),
        nobody_before=sum(one.before.account is None for one in decided),
        nobody_after=sum(one.after.account is None for one in decided),
        cost=_sums(costs),
        time=_means(times),
        differences=tuple(changed),
    )


def _sums(pairs: list[tuple[int | None, int | None]]) -> Totals:
    both = [(before, after) for before, after in pairs if before is not None and after is not None]
    if not both:
        return Totals()
    return Totals(counted=len(both), before=sum(one for one, _ in both), after=sum(one for _, one in both))


def _means(pairs: list[tuple[int | None, int | None]]) -> Totals:
    sums = _sums(pairs)
    if sums.before is None or sums.after is None:
        return sums
    count = sums.counted
    return Totals(counted=count, before=round(sums.before / count), after=round(sums.after / count))
