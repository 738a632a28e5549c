"""The audit trail: who changed what, when, and how it was before. Written with the change, never changed itself."""

from typing import Any

import msgspec

from schema.clock import Millis


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    Attributes:
        actor: whose key it was, or ``file``.
        action: ``tenant.created``, ``api_key.revoked`` …; the object's kind and what was done to it.
        tenant: whose object it is; None for what belongs to nobody.
        subject: the object's id.
        before, after: the object as it was and as it is, without secrets; None where it was not, or is not any more.
        request: the id of the request that asked for it.
    """

    id: str
    at: Millis
    actor: str
    action: str
    tenant: str | None
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request: str | None = None


class TrailWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: all that is not None must hold.

    Attributes:
        action: how the action begins, such as ``account.``.
        since, until: moments; the latter is outside.
    """

    tenant: str | None = None
    subject: str | None = None
    action: str | None = None
    since: Millis | None = None
    until: Millis | None = None
