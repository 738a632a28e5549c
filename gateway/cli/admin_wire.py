"""What the gateway answers operators, as far as the command line reads it."""

from typing import Any

import msgspec


class Reason(msgspec.Struct, frozen=True):
    """Why nobody knows."""

    code: str


class UnknownAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose outcome nobody knows."""

    id: str
    video_status: str
    tenant: str
    account: str
    started_at: int
    age_seconds: int
    prompt: str
    credits: int
    micros: int | None
    provider_ref: str | None = None
    reason: Reason | None = None


class UnknownAttemptPage(msgspec.Struct, frozen=True):
    """Some of them, oldest first, and whether there are more behind ``last_id``."""

    data: tuple[UnknownAttempt, ...]
    has_more: bool = False
    last_id: str | None = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator found out about an attempt."""

    id: str
    verb: str
    created_at: int
    attempt: str
    video: str
    tenant: str
    account: str
    actor: str
    note: str = ""
    ref: str | None = None
    credits: int | None = None


class OperatorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator booked for a tenant."""

    id: str
    kind: str
    tenant: str
    currency: str
    amount_micros: int
    created_at: int
    actor: str | None = None
    note: str | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not happen, and did."""

    id: str
    kind: str
    created_at: int
    tenant: str | None = None
    video: str | None = None
    attempt: str | None = None
    account: str | None = None
    data: dict[str, Any] = {}


class IncidentPage(msgspec.Struct, frozen=True):
    """Some incidents, newest first, and whether there are more behind ``last_id``."""

    data: tuple[Incident, ...]
    has_more: bool = False
    last_id: str | None = None
