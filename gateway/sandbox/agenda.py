"""Which webhooks are due when: one heap for all jobs, so that a waiting job costs one entry and no task."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from msgspec import Struct

from gateway.sandbox.jobs import Job, Status
from gateway.sandbox.pace import NEVER
from schema.clock import millis


class Step(Struct, frozen=True):
    """One webhook of a job, so many simulated milliseconds after the one before it."""

    gap: float
    status: Status


class Due(Struct, frozen=True, kw_only=True):
    """A webhook to deliver now, the ones to follow it, and which try this is. A retry sends the same bytes."""

    job: Job
    step: Step
    then: tuple[Step, ...]
    number: int = 1
    body: bytes | None = None


def steps_of(job: Job) -> tuple[Step, ...]:
    """Every webhook this job will ever cause, in order."""
    if job.order.webhook_url is None or "lost-webhook" in job.script or job.ends == NEVER:
        return ()
    last = Status.FAILED if job.fails else Status.COMPLETED
    extras = {
        "duplicate-webhook": Step(millis(1), last),
        "stale-webhook": Step(millis(2), Status.PROCESSING),
        "late-url": Step(millis(5), last),
    }
    return (Step(0.0, last), *(step for name, step in extras.items() if name in job.script))


class Agenda:
    """What to deliver, by simulated moment. `on_head` is called when the next one is sooner than it was."""

    def __init__(self) -> None:
        self.on_head: Callable[[], None] = lambda: None
        self._heap: list[tuple[float, int, Due]] = []
        self._numbers = count()

    @property
    def next_moment(self) -> float:
        return self._heap[0][0] if self._heap else NEVER

    def add(self, moment: float, due: Due) -> None:
        is_head = moment < self.next_moment
        heappush(self._heap, (moment, next(self._numbers), due))
        if is_head:
            self.on_head()

    def follow(self, steps: tuple[Step, ...], job: Job, moment: float) -> None:
        """Put the first of the steps on the agenda; the others wait for it."""
        if steps:
            self.add(moment + steps[0].gap, Due(job=job, step=steps[0], then=steps[1:]))

    def pop(self, moment: float) -> Due | None:
        return heappop(self._heap)[2] if self._heap and self._heap[0][0] <= moment else None

    def clear(self) -> None:
        self._heap.clear()
