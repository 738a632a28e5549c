"""What a hook may do: how much of what it tells is believed, and when it tells the same as another."""

from msgspec.structs import replace

from providers.base import Phase, Update
from schema.attempt import Attempt


def hint(update: Update, attempt: Attempt) -> Update:
    """News as far as a hook is believed: it may not make an attempt dearer than its submit said, or was quoted."""
    most = attempt.credits_high if attempt.credits is None else attempt.credits
    if update.credits is None or update.credits <= most:
        return update
    return replace(update, credits=None)


def meaning(update: Update, *, usable: bool) -> str | None:
    """What a piece of news says, whatever its bytes; None when it is judged anew each time it is told.

    Args:
        usable: it brings a file that may be fetched. ``completed`` without one means something else a while later.
    """
    if update.phase is Phase.SUCCEEDED:
        return update.phase.value if usable else None
    if update.phase is Phase.FAILED:
        return update.phase.value
    return f"{update.phase.value} {update.progress or 0}"
