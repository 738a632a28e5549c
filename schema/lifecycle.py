"""How a video and an attempt may move. Everything that decides a state's successor is in the two tables below.

A video is ``in_progress`` from the moment an upstream may be working on it, and never goes back to ``queued``.
An attempt is one try at one account; ``unknown`` is the honest state between "we sent it" and "we know".
"""

from enum import StrEnum
from typing import TypeVar

from schema.errors import IllegalMove


class VideoStatus(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class Substate(StrEnum):
    """What a video that has not ended is doing."""

    WAITING_CAPACITY = "waiting_capacity"  # accepted; no account may take it just now
    SUBMITTING = "submitting"  # the paid request is being sent
    RUNNING = "running"  # an upstream is making it
    OUTCOME_UNKNOWN = "outcome_unknown"  # sent; whether it arrived is not known
    FETCHING = "fetching"  # made; the file is being copied here


class AttemptState(StrEnum):
    PLANNED = "planned"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class VideoMove(StrEnum):
    START = "start"  # an upstream may be working on it
    COMPLETE = "complete"  # the file is ours
    REUSE = "reuse"  # an equal video's file is its too
    FAIL = "fail"
    CANCEL = "cancel"


class AttemptMove(StrEnum):
    SEND = "send"  # the intent is durable; one coroutine may send
    ACCEPT = "accept"  # the upstream gave us a ref
    REFUSE = "refuse"  # provably nothing was begun
    LOSE = "lose"  # sent, and we do not know
    FINISH = "finish"  # the upstream made the video
    BREAK = "break"  # the upstream failed to make it
    VOID = "void"  # an operator found out that it gives nothing


VIDEO_MOVES: dict[VideoStatus, dict[VideoMove, VideoStatus]] = {
    VideoStatus.QUEUED: {
        VideoMove.START: VideoStatus.IN_PROGRESS,
        VideoMove.REUSE: VideoStatus.COMPLETED,
        VideoMove.FAIL: VideoStatus.FAILED,
        VideoMove.CANCEL: VideoStatus.CANCELED,
    },
    VideoStatus.IN_PROGRESS: {
        VideoMove.START: VideoStatus.IN_PROGRESS,
        VideoMove.COMPLETE: VideoStatus.COMPLETED,
        VideoMove.FAIL: VideoStatus.FAILED,
        VideoMove.CANCEL: VideoStatus.CANCELED,
    },
    VideoStatus.COMPLETED: {},
    VideoStatus.FAILED: {},
    VideoStatus.CANCELED: {},
}

ATTEMPT_MOVES: dict[AttemptState, dict[AttemptMove, AttemptState]] = {
    AttemptState.PLANNED: {
        AttemptMove.SEND: AttemptState.SUBMITTING,
        AttemptMove.REFUSE: AttemptState.FAILED,
    },
    AttemptState.SUBMITTING: {
        AttemptMove.ACCEPT: AttemptState.RUNNING,
        AttemptMove.REFUSE: AttemptState.FAILED,
        AttemptMove.LOSE: AttemptState.UNKNOWN,
        AttemptMove.FINISH: AttemptState.SUCCEEDED,  # a hook may arrive before the submit's answer
        AttemptMove.BREAK: AttemptState.FAILED,
    },
    AttemptState.RUNNING: {
        AttemptMove.FINISH: AttemptState.SUCCEEDED,
        AttemptMove.BREAK: AttemptState.FAILED,
        AttemptMove.LOSE: AttemptState.UNKNOWN,  # the deadline passed in silence
    },
    AttemptState.UNKNOWN: {
        AttemptMove.ACCEPT: AttemptState.RUNNING,
        AttemptMove.REFUSE: AttemptState.FAILED,  # a keyed replay was refused for its bytes, which were the same
        AttemptMove.FINISH: AttemptState.SUCCEEDED,
        AttemptMove.BREAK: AttemptState.FAILED,
        AttemptMove.VOID: AttemptState.FAILED,
    },
    AttemptState.SUCCEEDED: {},
    AttemptState.FAILED: {},
}

ENDED = frozenset(status for status, moves in VIDEO_MOVES.items() if not moves)
"""The video statuses that never change."""

LIVE = frozenset({AttemptState.PLANNED, AttemptState.SUBMITTING, AttemptState.RUNNING})
"""A video has at most one attempt in these."""

OPEN = LIVE | {AttemptState.UNKNOWN}
"""An attempt in these may still turn out to have made a video."""

_State = TypeVar("_State", VideoStatus, AttemptState)


def move_video(status: VideoStatus, move: VideoMove) -> VideoStatus:
    """The status after a move.

    Raises:
        IllegalMove: the table has no such move.
    """
    return _successor(status, VIDEO_MOVES[status].get(move), move)


def move_attempt(state: AttemptState, move: AttemptMove) -> AttemptState:
    """The state after a move.

    Raises:
        IllegalMove: the table has no such move.
    """
    return _successor(state, ATTEMPT_MOVES[state].get(move), move)


def _successor(state: _State, successor: _State | None, move: StrEnum) -> _State:
    if successor is None:
        raise IllegalMove(f"{type(state).__name__} {state} has no move {move}")
    return successor
