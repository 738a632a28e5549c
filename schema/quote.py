"""A decision: who could make a video, in what order, at what price, and why the others could not."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import CURRENCY, CreditRange, Credits, Micros, MicrosRange
from schema.video import Adjustment, Strategy


class ReasonCode(StrEnum):
    """Why an account is not a candidate. Stable; parameters stand beside it, sentences nowhere."""

    # what was asked: these stay true however long one waits
    OTHER_MODEL = "other_model"
    UNSUPPORTED_ASPECT_RATIO = "unsupported_aspect_ratio"
    UNSUPPORTED_DURATION = "unsupported_duration"
    UNSUPPORTED_QUALITY = "unsupported_quality"
    NO_IMAGE_INPUT = "no_image_input"
    PROMPT_TOO_LONG = "prompt_too_long"
    NOT_IN_ONLY = "not_in_only"
    EXCLUDED = "excluded"
    NOT_ALLOWED = "not_allowed"
    PRICE_UNKNOWN = "price_unknown"
    OVER_MAX_COST = "over_max_cost"
    TOO_SLOW = "too_slow"
    ALREADY_REFUSED = "already_refused"
    # how the account is: these may pass
    CIRCUIT_OPEN = "circuit_open"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    OUT_OF_CREDITS = "out_of_credits"
    UNAUTHORIZED = "unauthorized"
    AT_CAPACITY = "at_capacity"
    MINUTE_QUOTA_EXHAUSTED = "minute_quota_exhausted"
    DAILY_QUOTA_EXHAUSTED = "daily_quota_exhausted"
    PAUSED = "paused"
    OVER_BUDGET = "over_budget"
    RETRIES_USED_UP = "retries_used_up"
    WAITS_FOR_BETTER = "waits_for_better"
    # how it compares with the chosen one: these exclude nobody
    TRIED_BEFORE = "tried_before"
    NOT_PREFERRED = "not_preferred"
    DEARER = "dearer"
    SLOWER = "slower"
    LESS_RELIABLE = "less_reliable"
    LOWER_SCORE = "lower_score"
    LATER_IN_ORDER = "later_in_order"
    BUSIER = "busier"
    LATER_NAME = "later_name"


CROWDED = frozenset(
    {ReasonCode.AT_CAPACITY, ReasonCode.MINUTE_QUOTA_EXHAUSTED, ReasonCode.RATE_LIMITED, ReasonCode.BUSY}
)
"""Reasons that pass when others have had their turn: worth waiting for (``max_wait_seconds``)."""

STANDING = CROWDED | {
    ReasonCode.CIRCUIT_OPEN,
    ReasonCode.OUT_OF_CREDITS,
    ReasonCode.UNAUTHORIZED,
    ReasonCode.DAILY_QUOTA_EXHAUSTED,
    ReasonCode.PAUSED,
}
"""What speaks against an account whatever the wish."""

PASSING = STANDING | {ReasonCode.OVER_BUDGET, ReasonCode.RETRIES_USED_UP, ReasonCode.WAITS_FOR_BETTER}
"""Reasons that waiting may cure: work is queued for such an account, not refused."""

OUTRANKED = frozenset(
    {
        ReasonCode.TRIED_BEFORE,
        ReasonCode.NOT_PREFERRED,
        ReasonCode.DEARER,
        ReasonCode.SLOWER,
        ReasonCode.LESS_RELIABLE,
        ReasonCode.LOWER_SCORE,
        ReasonCode.LATER_IN_ORDER,
        ReasonCode.BUSIER,
        ReasonCode.LATER_NAME,
    }
)
"""Why an account that could make the video is not the one that does."""


class Exclusion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason against one account; ``params`` hold the facts (``{"asked": "1:1", "able": "16:9, 9:16"}``)."""

    code: ReasonCode
    params: dict[str, str | int] = {}
    until: Millis | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was known about an account when a decision was made: with it, the same decision can be made again.

    Attributes:
        price_per_credit: micros; None when unknown.
        load: videos it has in the making.
        wait_ms: until it can begin one more, as far as we can tell.
        make_ms, fast_ms: from sent to made, the median and the fastest tenth; None while nothing was observed.
        made, failed: how many of the latest attempts there gave a video, and how many did not.
        learned: kind of spec → what such videos have cost there on average, credits.
        credits_left: its balance, less the most that videos in the making may still cost; None when nobody told one.
    """

    price_per_credit: Micros | None = None
    load: int = 0
    wait_ms: Millis = 0
    make_ms: Millis | None = None
    fast_ms: Millis | None = None
    made: int = 0
    failed: int = 0
    learned: dict[str, Credits] = {}
    credits_left: Credits | None = None


class Party(StrEnum):
    """Who can make a change."""

    CALLER = "caller"
    TENANT = "tenant"
    OPERATOR = "operator"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change: a field, as REST spells it, and what to make of it; None is to leave it out."""

    field: str
    to: str | int | None
    by: Party


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest change after which somebody could make the video, and who that is."""

    account: str
    changes: tuple[Change, ...]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the decision saw it.

    Attributes:
        credits: what it would cost, in the account's credits.
        price: the same as money; None when the account has no price.
        expected: what it will probably cost, micros; None when the account has no price.
        excluded: empty for those who could make it now.
        outranked: why one who could make it now is not the first.
        scores: the parts the ranking compared, smaller is better.
        facts: what was known about the account.
    """

    account: str
    provider: str
    credits: CreditRange
    price: MicrosRange | None
    expected: Micros | None = None
    excluded: tuple[Exclusion, ...] = ()
    outranked: Exclusion | None = None
    adjustments: tuple[Adjustment, ...] = ()
    scores: dict[str, float] = {}
    facts: Facts = Facts()

    @property
    def able(self) -> bool:
        """It could make the video now."""
        return not self.excluded

    @property
    def waitable(self) -> bool:
        """It could make the video now or later: nothing but passing reasons stand against it."""
        return all(reason.code in PASSING for reason in self.excluded)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Every account, best first; the able come before the excluded. Stored with the video as it was made.

    Attributes:
        at: the moment of the facts it was made from.
        snapshot: a digest of them: two decisions with the same one saw the same world.
        policy: the version of the tenant's routing policy; None when it has none of its own.
        rule: which of the policy's rules applied, from 1; None when none did.
        remedy: when nobody can ever make the video: what would change that.
    """

    at: Millis
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    snapshot: str = ""
    policy: int | None = None
    rule: int | None = None
    remedy: Remedy | None = None

    @property
    def chosen(self) -> Candidate | None:
        """The best account that could make it now."""
        first = next(iter(self.candidates), None)
        return first if first is not None and first.able else None

    @property
    def hopeful(self) -> Candidate | None:
        """The best account that could make it now or later; None means nobody ever will."""
        return next((candidate for candidate in self.candidates if candidate.waitable), None)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What a video would cost, and where it would be made: a promise until it expires.

    Attributes:
        id: give it as ``quote_id`` with the same wish: the top is the most that is charged, whatever happens.
        price: None when the account that would make it has no price; then there is no id, for there is no promise.
        missing: micros that lack for it on the tenant's balance or budget.
    """

    id: str | None
    created_at: Millis
    expires_at: Millis
    currency: str = CURRENCY
    account: str
    provider: str
    price: MicrosRange | None
    expected: Micros | None
    missing: Micros = 0
    decision: Decision
