"""What may still give a video: its other attempts, as long as an upstream is at them or their file is to come."""

from gateway.store.store import Transaction
from gateway.store.tasks import TaskKind
from schema.attempt import Attempt
from schema.lifecycle import AttemptState, Substate

FILE_LOST = "The provider made the video, but its file could not be copied here."

_SUBSTATES = {AttemptState.SUBMITTING: Substate.SUBMITTING, AttemptState.SUCCEEDED: Substate.FETCHING}


async def prospect(tx: Transaction, attempt: Attempt) -> Attempt | None:
    """Another attempt than this one that may still give the video, which is locked."""
    for other in await tx.attempts.of_video(attempt.video):
        if other.id != attempt.id and other.promising and await _may_come(tx, other):
            return other
    return None


async def _may_come(tx: Transaction, attempt: Attempt) -> bool:
    """A file is to come while somebody is to copy it; once that was given up nobody is."""
    return attempt.state is not AttemptState.SUCCEEDED or await tx.tasks.exists(TaskKind.FETCH, attempt.id)


def substate_of(attempt: Attempt) -> Substate:
    """What a video is doing that waits for this attempt."""
    return _SUBSTATES.get(attempt.state, Substate.RUNNING)
