"""An account event: something that changed about a provider account, for whoever runs the gateway; kept for ever."""

from enum import StrEnum
from typing import Any

import msgspec

from schema.clock import Millis


class AccountEventType(StrEnum):
    CIRCUIT_OPENED = "account.circuit_opened"  # it failed too often: nothing is sent to it
    CIRCUIT_HALF_OPENED = "account.circuit_half_opened"  # it may show with one video that it works again
    CIRCUIT_CLOSED = "account.circuit_closed"
    UNAUTHORIZED = "account.unauthorized"  # it refused our credential
    AUTHORIZED = "account.authorized"  # it takes our credential again
    OUT_OF_CREDITS = "account.out_of_credits"
    PAUSED = "account.paused"  # by an operator
    RESUMED = "account.resumed"
    RESET = "account.reset"
    CREDITS_LOW = "credits.low"  # a configured share is left
    CREDITS_TOLD = "credits.told"  # an operator said how many are left
    CREDITS_TOPPED_UP = "credits.topped_up"  # there are more than before


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What changed, and the facts of its type; ``actor`` is the operator who did it, None when it came by itself."""

    id: str
    at: Millis
    account: str
    type: AccountEventType
    actor: str | None = None
    data: dict[str, Any] = {}
