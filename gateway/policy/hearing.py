"""What a hook may do: how much of what it tells is believed, and when it tells the same as another."""

from msgspec.structs import replace

from providers.base import Phase, Update
from schema.attempt import Attempt


def hint(update: Update, attempt: Attempt) -> Update:
    """News as far as a hook is believed: it may not make an attempt dearer than was said before.

    Where nothing was said its word counts in our own books, for the provider billed it: above the quote that is an
    incident, and no tenant pays more than was held.
    """
    if update.credits is None or attempt.credits is None or update.credits <= attempt.credits:
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
