"""An account's credits: told now and then, counted in between, and told about when they run low."""

import msgspec
from msgspec.structs import replace

from gateway.policy.standing import LONG_REST
from providers.base import Provider
from schema.account import AccountState, CreditsSource
from schema.clock import Millis
from schema.money import Credits
from schema.video import VideoSpec

HOUR = 3_600_000
DAY = 24 * HOUR


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """How fast credits go, by an hour, and for how many hours they last; None when nobody can tell."""

    per_hour: float
    hours_left: float | None


def left(state: AccountState, spent: Credits) -> Credits | None:
    """What is left of the balance that was told; None when none was.

    Args:
        spent: what the ledger says the account has billed, in all.
    """
    if state.credits is None or state.credits_spent is None:
        return None
    return max(state.credits - (spent - state.credits_spent), 0)


def believed(state: AccountState, now: Millis) -> bool:
    """Whether videos are kept from an account by the balance that was told.

    One that a provider told when it refused for want of credits keeps them away as long as that refusal does: nobody
    may tell us of a top-up, and to be refused again costs nothing.
    """
    return state.credits_source is not CreditsSource.PROVIDER or now < (state.credits_at or 0) + LONG_REST


def pays_for(remaining: Credits, provider: Provider) -> int:
    """How many more videos it pays for, if they are all of the cheapest quality."""
    qualities = (None, *provider.capabilities.qualities)
    cheapest = min(provider.rates.quote(VideoSpec(prompt="", quality=quality)).high for quality in qualities)
    return remaining // max(cheapest, 1)


def told(
    state: AccountState, credits: Credits, source: CreditsSource, *, spent: Credits, now: Millis
) -> tuple[AccountState, bool]:
    """The state after somebody told a balance, and whether it is a top-up.

    What an operator tells is one when it is more than was thought to be left. A provider tells balances when it has
    too little of them: that is none, unless nothing was known before.
    """
    before = left(state, spent)
    topped_up = source is CreditsSource.OPERATOR and before is not None and credits > before
    fresh = topped_up or state.credits_full is None
    after = replace(
        state,
        credits=credits,
        credits_at=now,
        credits_source=source,
        credits_spent=spent,
        credits_full=credits if fresh else max(credits, state.credits_full or 0),
        credits_warned=None if fresh else state.credits_warned,
    )
    return after, topped_up


def steps(state: AccountState, remaining: Credits, percents: tuple[int, ...]) -> tuple[int, ...]:
    """The steps that are reached and were not told, highest first: shares of the greatest balance, in percent."""
    full = state.credits_full
    if not full:
        return ()
    told_down_to = 101 if state.credits_warned is None else state.credits_warned
    reached = {step for step in percents if step < told_down_to and remaining * 100 <= full * step}
    return tuple(sorted(reached, reverse=True))


def burn(credits: Credits, since: Millis, now: Millis, remaining: Credits | None) -> Burn:
    """How fast credits go, by what attempts begun since have cost; an hour's worth of time at least."""
    per_hour = credits * HOUR / max(now - since, HOUR)
    hours = None if remaining is None or not per_hour else remaining / per_hour
    return Burn(per_hour=round(per_hour, 3), hours_left=None if hours is None else round(hours, 1))
