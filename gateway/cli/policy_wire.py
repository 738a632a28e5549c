"""What the gateway answers about tenants' policies, as far as the command line reads it."""

from typing import Any

import msgspec


class Stamp(msgspec.Struct, frozen=True):
    """Which version it is; ``created_at`` in seconds since the epoch."""

    version: int
    created_at: int
    author: str = ""
    note: str = ""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant and its policy."""

    id: str
    routing: dict[str, Any]
    policy: Stamp
    managed_by: str = ""


class PolicyVersion(Stamp, frozen=True, kw_only=True):
    """A version with what it says."""

    routing: dict[str, Any]


class PolicyPage(msgspec.Struct, frozen=True):
    """Some versions, newest first, and whether there are older ones than ``last_id``."""

    data: tuple[PolicyVersion, ...]
    has_more: bool = False
    last_id: str | None = None


class Move(msgspec.Struct, frozen=True):
    """How many videos would have gone from one account to another; None is nobody."""

    before: str | None
    after: str | None
    count: int


class Totals(msgspec.Struct, frozen=True):
    """A figure under both policies."""

    counted: int
    before: int | None
    after: int | None
    difference: int | None


class Choice(msgspec.Struct, frozen=True):
    """Who makes a video, and what is expected of that."""

    account: str | None
    cost_micros: int | None
    time_ms: int | None


class Difference(msgspec.Struct, frozen=True):
    """A video that would have gone elsewhere."""

    video_id: str
    before: Choice
    after: Choice


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What another policy had changed."""

    considered: int
    skipped: dict[str, int]
    same: int
    changed: int
    moves: tuple[Move, ...]
    nobody_before: int
    nobody_after: int
    cost_micros: Totals
    time_ms: Totals
    differences: tuple[Difference, ...]
