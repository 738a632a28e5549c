"""Luck and pace that are always the same."""

from gateway.config.settings import Timing
from gateway.services.pacing import Pacing
from gateway.wiring import Gateway


def evenly() -> float:
    return 0.5


def steady(built: Gateway, timing: Timing) -> Pacing:
    """The pace of a gateway's polls, without chance."""
    return Pacing(accounts=built.accounts, clock=built.clock, timing=timing, luck=evenly)
