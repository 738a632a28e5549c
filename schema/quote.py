"""A decision: who could make a video, in what order, at what price, and why the others could not."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import CreditRange, MicrosRange
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


PASSING = frozenset(
    {
        ReasonCode.CIRCUIT_OPEN,
        ReasonCode.RATE_LIMITED,
        ReasonCode.BUSY,
        ReasonCode.OUT_OF_CREDITS,
        ReasonCode.UNAUTHORIZED,
        ReasonCode.AT_CAPACITY,
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
