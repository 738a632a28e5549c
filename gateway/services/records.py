"""Writing down what happened to a video and to its attempts: the move, the version, the event, in one transaction."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.store.store import Transaction
from schema.attempt import Attempt
from schema.clock import Millis
from schema.event import Event, EventType
from schema.ids import Ids
from schema.lifecycle import ENDED, OPEN, AttemptMove, VideoMove, move_attempt, move_video
from schema.video import Video, VideoError, VideoErrorCode


@dataclass
class Case:
    """A video and one of its attempts, held by a transaction that has the video locked; changes show here at once."""

    tx: Transaction
    records: "Records"
    now: Millis
    video: Video
    attempt: Attempt

    async def move_video(self, move: VideoMove | None = None, *, tell: EventType | None = None, **changes: Any) -> None:
        self.video = await self.records.video(self.tx, self.video, self.now, move=move, tell=tell, **changes)

    async def move_attempt(self, move: AttemptMove | None = None, **changes: Any) -> None:
        self.attempt = await self.records.attempt(self.tx, self.attempt, self.now, move=move, **changes)

    async def fail_video(self, code: VideoErrorCode, message: str) -> None:
        """End the video as failed, unless it has ended."""
        if not self.video.ended:
            self.video = await self.records.fail(self.tx, self.video, self.now, code, message)


class Records:
    """The only writer of videos' and attempts' changes; the move tables decide what is legal."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    async def video(
        self,
        tx: Transaction,
        video: Video,
        now: Millis,
        *,
        move: VideoMove | None = None,
        tell: EventType | None = None,
        decision: bytes | None = None,
        **changes: Any,
    ) -> Video:
        """Change a video, which this transaction has locked, and tell its watchers if asked.

        Raises:
            IllegalMove: the life cycle has no such move.
        """
        status = video.status if move is None else move_video(video.status, move)
        if status in ENDED and not video.ended:
            changes |= {"substate": None, "completed_at": now}
        after = replace(video, status=status, version=video.version + 1, **changes)
        await tx.videos.update(after, was=video.version, decision=decision)
        if tell is not None:
            await self.tell(tx, after, tell, now)
        return after

    async def case(self, tx: Transaction, video: str, attempt: str, now: Millis) -> Case | None:
        """Lock a video for a change to one of its attempts; None when either is gone."""
        locked, found = await tx.videos.lock(video), await tx.attempts.get(attempt)
        if locked is None or found is None:
            return None
        return Case(tx=tx, records=self, now=now, video=locked, attempt=found)

    async def fail(self, tx: Transaction, video: Video, now: Millis, code: VideoErrorCode, message: str) -> Video:
        """End a video as failed."""
        error = VideoError(code.value, message)
        return await self.video(tx, video, now, move=VideoMove.FAIL, tell=EventType.FAILED, error=error)

    async def attempt(
        self, tx: Transaction, attempt: Attempt, now: Millis, *, move: AttemptMove | None = None, **changes: Any
    ) -> Attempt:
        """Change an attempt, whose video this transaction has locked.

        Raises:
            IllegalMove: the life cycle has no such move.
        """
        state = attempt.state if move is None else move_attempt(attempt.state, move)
        if state not in OPEN and attempt.state in OPEN:
            changes["ended_at"] = now
        after = replace(attempt, state=state, **changes)
        await tx.attempts.update(after, was=attempt.state)
        return after

    async def tell(self, tx: Transaction, video: Video, type: EventType, now: Millis, **data: Any) -> None:
        """Add an event that says how the video is now."""
        facts: dict[str, Any] = {"status": video.status, "substate": video.substate, "progress": video.progress}
        if video.error is not None:
            facts["error"] = {"code": video.error.code, "message": video.error.message}
        await tx.events.add(
            Event(
                id=self._ids.event(now),
                video=video.id,
                tenant=video.tenant,
                seq=video.version,
                type=type,
                at=now,
                data=facts | data,
            )
        )
