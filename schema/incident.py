"""An incident: something that must not happen, written down for whoever runs the gateway, and kept for ever."""

from enum import StrEnum
from typing import Any

import msgspec

from schema.clock import Millis


class IncidentKind(StrEnum):
    DUPLICATE_CHARGE = "duplicate_charge"  # one key, two jobs: both were billed
    REF_COLLISION = "ref_collision"  # an upstream gave one id to two attempts
    COST_ABOVE_QUOTE = "cost_above_quote"  # a video cost more than was promised
    ORPHAN_HOOK = "orphan_hook"  # a signed hook that speaks of nothing we know
    ORPHAN_ANSWER = "orphan_answer"  # an answer found in a journal, about an attempt we do not know


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, to whom as far as it is known, and the facts of its kind."""

    id: str
    at: Millis
    kind: IncidentKind
    tenant: str | None = None
    video: str | None = None
    attempt: str | None = None
    account: str | None = None
    data: dict[str, Any] = {}
