"""What happened to an account, for whoever runs the gateway: written with the change it tells, and kept for ever."""

from enum import StrEnum
from typing import Any

import msgspec

from schema.clock import Millis


class AccountEventType(StrEnum):
    CIRCUIT_OPENED = "account.circuit_opened"
    CIRCUIT_HALF_OPENED = "account.circuit_half_opened"
    CIRCUIT_CLOSED = "account.circuit_closed"
    UNAUTHORIZED = "account.unauthorized"
    AUTHORIZED = "account.authorized"
    OUT_OF_CREDITS = "account.out_of_credits"
    PAUSED = "account.paused"
    RESUMED = "account.resumed"
    RESET = "account.reset"
    CREDITS_TOLD = "credits.told"
    CREDITS_LOW = "credits.low"
    CREDITS_TOPPED_UP = "credits.topped_up"


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, the facts of its type, and the operator who did it; None when nobody did."""

    id: str
    at: Millis
    account: str
    type: AccountEventType
    actor: str | None = None
    data: dict[str, Any] = {}
