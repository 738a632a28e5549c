"""What a failure means for the account and for the video: one table, and the policy for unknown outcomes."""

from enum import StrEnum

import msgspec

from schema.errors import FailureKind
from schema.video import OnUnknown


class AccountStep(StrEnum):
    NOTHING = "nothing"
    COUNT = "count"  # an infrastructure failure: counts towards the breaker
    REST = "rest"  # stay away until the time it named, or a while
    DRY = "dry"  # no credits: stay away longer, tell an operator
    DISTRUST = "distrust"  # credential refused: stay away until it changes
    NO_CALLBACK = "no_callback"  # remember to submit without a callback URL


class VideoStep(StrEnum):
    FAIL = "fail"  # ends with a clear code; never shopped around
    REROUTE = "reroute"  # decide again among all accounts
    ELSEWHERE = "elsewhere"  # decide again without this account
    WAIT = "wait"  # keep waiting for the truth
    REPLAY = "replay"  # the same bytes under the same key to the same account


class Consequence(msgspec.Struct, frozen=True):
    account: AccountStep
    video: VideoStep


REFUSED: dict[FailureKind, Consequence] = {
    FailureKind.INVALID_REQUEST: Consequence(AccountStep.NOTHING, VideoStep.FAIL),
    FailureKind.CONTENT_REJECTED: Consequence(AccountStep.NOTHING, VideoStep.FAIL),
    FailureKind.UNSUPPORTED: Consequence(AccountStep.NOTHING, VideoStep.ELSEWHERE),
    FailureKind.CALLBACK_REFUSED: Consequence(AccountStep.NO_CALLBACK, VideoStep.REROUTE),
    FailureKind.OUT_OF_CREDITS: Consequence(AccountStep.DRY, VideoStep.REROUTE),
    FailureKind.UNAUTHORIZED: Consequence(AccountStep.DISTRUST, VideoStep.REROUTE),
    FailureKind.RATE_LIMITED: Consequence(AccountStep.REST, VideoStep.REROUTE),
    FailureKind.BUSY: Consequence(AccountStep.REST, VideoStep.REROUTE),
    FailureKind.UNREACHABLE: Consequence(AccountStep.COUNT, VideoStep.REROUTE),
}
"""After a clean refusal, or when nothing was sent."""

MAX_UNKNOWN = 2
"""With the tenant's consent one more submit may follow an unknown one: never a third."""


def after_unknown(policy: OnUnknown, *, keyed: bool, unknown_so_far: int) -> VideoStep:
    """What to do when nobody knows whether a paid submit arrived.

    Args:
        policy: the tenant's written consent, or its absence.
        keyed: the provider knows our key, so the same bytes may be sent again to it.
        unknown_so_far: attempts of this video whose outcome is unknown, this one included.
    """
    if keyed:
        return VideoStep.REPLAY
    if policy is OnUnknown.WAIT:
        return VideoStep.WAIT
    if policy is OnUnknown.FAIL or unknown_so_far >= MAX_UNKNOWN:
        return VideoStep.FAIL
    return VideoStep.REROUTE if policy is OnUnknown.RETRY else VideoStep.ELSEWHERE
