"""How an upstream says no: the reasons, and the exception that carries one to the edge that words it."""

from enum import StrEnum
from typing import Any


class Refusal(StrEnum):
    INVALID = "invalid"
    MALFORMED = "malformed"
    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"
    OUT_OF_CREDITS = "out_of_credits"
    RATE_LIMITED = "rate_limited"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"
    SERVER_ERROR = "server_error"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    DROPPED = "dropped"


REFUSALS = {
    "429": Refusal.RATE_LIMITED,
    "500": Refusal.HTTP_500,
    "502": Refusal.HTTP_502,
    "503": Refusal.HTTP_503,
    "5000": Refusal.SERVER_ERROR,
    "no-credits": Refusal.OUT_OF_CREDITS,
    "unauthorized": Refusal.UNAUTHORIZED,
    "invalid": Refusal.INVALID,
    "reject": Refusal.REJECTED,
    "drop-before-accept": Refusal.DROPPED,
}
"""What each refusing marker does."""

POLL_FAULTS = {
    "poll-404": (Refusal.NOT_FOUND, 1),
    "poll-500": (Refusal.SERVER_ERROR, 2),
    "poll-drop": (Refusal.DROPPED, 1),
}
"""What each polling marker does, and to how many of the first status calls."""


class Refused(Exception):
    """The upstream says no. `facts` are documented fields of that answer; `fault` is the marker that asked for it."""

    def __init__(
        self, refusal: Refusal, message: str, *, facts: dict[str, Any] | None = None, fault: str | None = None
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message
        self.facts = facts or {}
        self.fault = fault
