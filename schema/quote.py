"""A decision: who could make a video, in what order, at what price, and why the others could not."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import CURRENCY, CreditRange, Micros, MicrosRange
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
    ALREADY_REFUSED = "already_refused"
    # how the account is: these may pass
    CIRCUIT_OPEN = "circuit_open"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    OUT_OF_CREDITS = "out_of_credits"
    UNAUTHORIZED = "unauthorized"
    AT_CAPACITY = "at_capacity"
    OVER_BUDGET = "over_budget"
    RETRIES_USED_UP = "retries_used_up"


PASSING = frozenset(
    {
        ReasonCode.CIRCUIT_OPEN,
        ReasonCode.RATE_LIMITED,
        ReasonCode.BUSY,
        ReasonCode.OUT_OF_CREDITS,
        ReasonCode.UNAUTHORIZED,
        ReasonCode.AT_CAPACITY,
        ReasonCode.OVER_BUDGET,
        ReasonCode.RETRIES_USED_UP,
    }
)
"""Reasons that waiting may cure: work is queued for such an account, not refused."""


class Exclusion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason against one account; ``params`` hold the facts (``{"asked": "1:1", "able": "16:9, 9:16"}``)."""

    code: ReasonCode
    params: dict[str, str | int] = {}
    until: Millis | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the decision saw it.

    Attributes:
        credits: what it would cost, in the account's credits.
        price: the same as money; None when the account has no price.
        excluded: empty for those who could make it now.
        scores: the parts the ranking compared, smaller is better.
    """

    account: str
    provider: str
    credits: CreditRange
    price: MicrosRange | None
    excluded: tuple[Exclusion, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    scores: dict[str, float] = {}

    @property
    def able(self) -> bool:
        """It could make the video now."""
        return not self.excluded

    @property
    def waitable(self) -> bool:
        """It could make the video now or later: nothing but passing reasons stand against it."""
        return all(reason.code in PASSING for reason in self.excluded)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Every account, best first; the able come before the excluded. Stored with the video as it was made."""

    at: Millis
    strategy: Strategy
    candidates: tuple[Candidate, ...]

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
