"""Writing down what happened to a video and its attempts: the move, the version, the event, the money, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.policy.observing import sample_of
from gateway.policy.telling import facts_of
from gateway.services.books import Books
from gateway.services.budgets import Warned
from gateway.store.store import Transaction
from schema.attempt import Attempt
from schema.clock import Millis
from schema.event import Event, EventType
from schema.ids import Ids
from schema.lifecycle import (
    ENDED,
    LIVE,
    OPEN,
    AttemptMove,
    AttemptState,
    VideoMove,
    VideoStatus,
    move_attempt,
    move_video,
)
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
        """Change the attempt; a video that was given up and waited for its end is settled by it.

        What becomes of an attempt after its video has ended is a new version of the video too: its receipt says it.
        """
        was = self.attempt.state
        self.attempt = await self.records.attempt(self.tx, self.video, self.attempt, self.now, move=move, **changes)
        if self.video.may_still_cost:
            self.video = await self.records.settle(self.tx, self.video, self.now)
        elif self.video.ended and self.attempt.state is not was:
            await self.move_video()
        elif self._tells_cost:
            await self.move_video(credits=self.attempt.credits)

    @property
    def _tells_cost(self) -> bool:
        """Its video was completed before the provider said what it cost; what its tenant paid stays as it is."""
        made = self.attempt.state is AttemptState.SUCCEEDED and self.attempt.account == self.video.account
        unsaid = self.video.status is VideoStatus.COMPLETED and self.video.credits is None
        return made and unsaid and self.attempt.credits is not None

    async def fail_video(self, code: VideoErrorCode, message: str) -> None:
        """End the video as failed, unless it has ended."""
        if not self.video.ended:
            self.video = await self.records.fail(self.tx, self.video, self.now, code, message)


class Records:
    """The only writer of videos' and attempts' changes: the move tables decide what is legal, and money follows."""

    def __init__(self, ids: Ids, books: Books) -> None:
        self._ids = ids
        self._books = books

    async def video(
        self,
        tx: Transaction,
        video: Video,
        now: Millis,
        *,
        move: VideoMove | None = None,
        tell: EventType | None = None,
        about: dict[str, Any] | None = None,
        decision: bytes | None = None,
        made: Attempt | None = None,
        **changes: Any,
    ) -> Video:
        """Change a video, which this transaction has locked, and tell its watchers if asked.

        Args:
            about: what the event says beside how the video is.
            made: the attempt whose file completes it; its cost is what the video costs.

        Raises:
            IllegalMove: the life cycle has no such move.
        """
        status = video.status if move is None else move_video(video.status, move)
        ends = status in ENDED and not video.ended
        if ends:
            changes |= {"substate": None, "completed_at": now}
        after = replace(video, status=status, version=video.version + 1, **changes)
        if ends:
            after = await self._books.ended(tx, after, now, made=made)
        await tx.videos.update(after, was=video.version, decision=decision)
        if tell is not None:
            self.tell(tx, after, tell, now, **(about or {}))
        return after

    async def settle(self, tx: Transaction, video: Video, now: Millis) -> Video:
        """Resolve what is held for a video that was given up, if what its provider did is known by now."""
        settled = await self._books.resolve_given_up(tx, video, now)
        if settled == video:
            return video
        return await self.video(tx, video, now, held=settled.held, charged=settled.charged, credits=settled.credits)

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

    async def warn(self, tx: Transaction, video: Video, warned: Sequence[Warned], now: Millis) -> Video:
        """Tell which share of a budget was reached, on the video that reached it."""
        for one in warned:
            about = {"budget": msgspec.structs.asdict(one)}
            video = await self.video(tx, video, now, tell=EventType.BUDGET_WARNING, about=about)
        return video

    async def add_attempt(self, tx: Transaction, video: Video, attempt: Attempt, now: Millis) -> None:
        """Keep a new attempt of a video, which this transaction has locked."""
        await tx.attempts.add(attempt)
        await self._books.attempt_changed(tx, video, None, attempt, now)

    async def attempt(
        self,
        tx: Transaction,
        video: Video,
        attempt: Attempt,
        now: Millis,
        *,
        move: AttemptMove | None = None,
        **changes: Any,
    ) -> Attempt:
        """Change an attempt of a video, which this transaction has locked.

        Raises:
            IllegalMove: the life cycle has no such move.
        """
        state = attempt.state if move is None else move_attempt(attempt.state, move)
        if state not in OPEN and attempt.state in OPEN:
            changes["ended_at"] = now
        after = replace(attempt, state=state, **changes)
        await tx.attempts.update(after, was=attempt.state)
        await self._books.attempt_changed(tx, video, attempt, after, now)
        if after.state is not attempt.state and after.state not in LIVE:
            await _observe(tx, video, attempt, after, now)
        return after

    def tell(self, tx: Transaction, video: Video, type: EventType, now: Millis, **data: Any) -> None:
        """Add an event that says how the video is now, for whoever hears it and for the video's own address."""
        tx.events.add(
            Event(
                id=self._ids.event(now),
                video=video.id,
                tenant=video.tenant,
                seq=video.version,
                type=type,
                at=now,
                data=facts_of(video) | data,
            ),
            video.routing.webhook_url,
        )


async def _observe(tx: Transaction, video: Video, before: Attempt, after: Attempt, now: Millis) -> None:
    """Keep what the end of an attempt says about its account, in place of what was thought while it was unknown."""
    sample = sample_of(after, video, now)
    if sample is not None:
        await tx.samples.keep(after.id, sample, now)
    elif before.state is AttemptState.UNKNOWN:
        await tx.samples.drop(after.id)
