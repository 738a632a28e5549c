"""A decision: who could make a video, in what order, at what price, and why the others could not."""

from enum import StrEnum
from typing import Annotated

import msgspec

from schema.clock import Millis
from schema.money import CURRENCY, CreditRange, Micros, MicrosRange
from schema.remedy import Remedy
from schema.video import Adjustment, Strategy

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Word = Annotated[str, msgspec.Meta(max_length=4096)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Money = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class ReasonCode(StrEnum):
    """Why an account does not make the video. Stable; parameters stand beside it, sentences nowhere."""

    # what was asked: these stay true however long one waits
    OTHER_MODEL = "other_model"
    UNSUPPORTED_ASPECT_RATIO = "unsupported_aspect_ratio"
    UNSUPPORTED_DURATION = "unsupported_duration"
    UNSUPPORTED_QUALITY = "unsupported_quality"
    NO_IMAGE_INPUT = "no_image_input"
    IMAGE_TOO_LARGE = "image_too_large"
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
    TENANT_AT_CAPACITY = "tenant_at_capacity"
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

PASSING = STANDING | {
    ReasonCode.OVER_BUDGET,
    ReasonCode.TENANT_AT_CAPACITY,
    ReasonCode.RETRIES_USED_UP,
    ReasonCode.WAITS_FOR_BETTER,
}
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
    """One reason against one account, or why it is not the first.

    Attributes:
        params: the facts behind it, such as `{"asked": "1:1", "able": "16:9, 9:16"}`; each code has its own.
        until: when it is expected to pass, milliseconds since the Unix epoch; null, or left out, where nobody knows.
    """

    code: ReasonCode
    params: dict[_Name, _Word | _Whole] = {}
    until: _Count | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was known about an account when a decision was made: with it, the same decision can be made again.

    Attributes:
        price_per_credit: micros; null, or left out, when unknown.
        load: videos it had in the making.
        wait_ms: until it can begin one more, as far as we can tell.
        make_ms: from sent to made, the median; null, or left out, while nothing was observed.
        fast_ms: the same for the fastest tenth.
        made: how many of the latest attempts there gave a video.
        failed: how many did not.
        learned: kind of video → what such videos have cost there on average, credits.
        credits_left: its balance, less the most that videos in the making may still cost; null, or left out, when
            nobody told one.
    """

    price_per_credit: _Money | None = None
    load: _Count = 0
    wait_ms: _Count = 0
    make_ms: _Count | None = None
    fast_ms: _Count | None = None
    made: _Count = 0
    failed: _Count = 0
    learned: dict[_Name, _Count] = {}
    credits_left: _Count | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the decision saw it.

    Attributes:
        credits: what it would cost, in the account's credits.
        price: the same as money; null when the account has no price.
        expected: what it will probably cost, micros; null when the account has no price.
        excluded: what stood against it; empty for those who could make it at once.
        outranked: why one who could make it at once is not the first.
        adjustments: what would be bent to suit it.
        scores: what the ranking compared. The smaller the better, but for `score`.
        facts: what was known about the account.
    """

    account: _Name
    provider: _Name
    credits: CreditRange
    price: MicrosRange | None
    expected: _Money | None = None
    excluded: Annotated[tuple[Exclusion, ...], msgspec.Meta(max_length=64)] = ()
    outranked: Exclusion | None = None
    adjustments: Annotated[tuple[Adjustment, ...], msgspec.Meta(max_length=16)] = ()
    scores: dict[_Name, _Whole | float] = {}
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
        at: the moment of the facts it was made from, milliseconds since the Unix epoch.
        snapshot: a digest of them: two decisions with the same one saw the same world.
        policy: the version of the tenant's routing policy; null when it has none of its own.
        rule: which of the policy's rules applied, from 1; null when none did.
        remedy: when nobody can ever make the video: what would change that.
    """

    at: _Count
    strategy: Strategy
    candidates: Annotated[tuple[Candidate, ...], msgspec.Meta(max_length=1000)]
    snapshot: _Name = ""
    policy: _Count | None = None
    rule: _Count | None = None
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
        price: None when the account that would make it has no price; then there is no id, for there is no promise, and
            neither is there one when it would be made at an account of the tenant's own.
        missing: micros that lack for it on the tenant's balance or budget.
        reused_from: the video whose file it would have, for nothing; then there is no promise either.
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
    reused_from: str | None = None
