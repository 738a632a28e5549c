"""What became of a paid request: one pure function from evidence to verdict.

The exception class can not tell whether money was spent: a peer that resets before it read anything and one that
resets after it read everything look alike. Only "did the first byte of the request leave?" separates a submit that
may be sent again from one that may not (table in tests/policy/test_verdict.py).
"""

import msgspec

from providers.base import Accepted
from schema.attempt import Reason, Verdict
from schema.errors import FailureKind, ProviderFailure

REFUSALS = frozenset(
    {
        FailureKind.INVALID_REQUEST,
        FailureKind.CONTENT_REJECTED,
        FailureKind.UNSUPPORTED,
        FailureKind.CALLBACK_REFUSED,
        FailureKind.OUT_OF_CREDITS,
        FailureKind.UNAUTHORIZED,
        FailureKind.RATE_LIMITED,
        FailureKind.BUSY,
    }
)
"""Kinds with which an upstream says no before it begins: nothing was made, nothing billed."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after a send.

    Attributes:
        started: the first byte of the request may have left this machine.
        reading: what the adapter made of a whole answer; None when no whole answer came.
        trouble: what the transport said, for people.
    """

    started: bool
    reading: Accepted | ProviderFailure | None
    trouble: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with its facts: ``accepted`` for ACCEPTED, ``reason`` for the others."""

    verdict: Verdict
    accepted: Accepted | None = None
    reason: Reason | None = None
    retry_after: float | None = None
    credits_available: int | None = None


def classify(evidence: Evidence) -> Outcome:
    """The verdict on one send: NOT_SENT and REJECTED are provable; everything else without a ref is UNKNOWN."""
    reading = evidence.reading
    if isinstance(reading, Accepted):
        return Outcome(verdict=Verdict.ACCEPTED, accepted=reading)
    if isinstance(reading, ProviderFailure):
        return _refused(reading) if reading.kind in REFUSALS else _unknown(reading.kind, reading.detail)
    if not evidence.started:
        return Outcome(verdict=Verdict.NOT_SENT, reason=Reason(FailureKind.UNREACHABLE, evidence.trouble))
    return _unknown(FailureKind.LOST, evidence.trouble)


def _refused(failure: ProviderFailure) -> Outcome:
    return Outcome(
        verdict=Verdict.REJECTED,
        reason=Reason(failure.kind, failure.detail),
        retry_after=failure.retry_after,
        credits_available=failure.credits_available,
    )


def _unknown(kind: FailureKind, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.UNKNOWN, reason=Reason(kind, detail))
