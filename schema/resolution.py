"""A resolution: what an operator found out about an attempt whose outcome nobody knew, kept for ever."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import Credits


class Verb(StrEnum):
    BIND = "bind"  # the provider has a job for it, and this is its ref
    VOID = "void"  # it was never made, or gave us nothing


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """Who said what about which attempt.

    Attributes:
        actor: whose key it was, as its tenant and the end of the key.
        ref: the provider's id for it, when it was bound.
        credits: what the provider billed for nothing, when it was voided.
    """

    id: str
    at: Millis
    verb: Verb
    attempt: str
    video: str
    tenant: str
    account: str
    actor: str
    note: str
    ref: str | None = None
    credits: Credits | None = None
