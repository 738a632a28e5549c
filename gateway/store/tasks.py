"""Work that is due. A claim is a lease: it lapses by itself, and its epoch fences whoever held it before."""

from enum import StrEnum

import msgspec

from gateway.store.database import Connection
from schema.clock import Millis


class TaskKind(StrEnum):
    SUBMIT = "submit"  # subject: a video that needs an attempt
    WATCH = "watch"  # subject: an attempt whose end is not known
    CANCEL = "cancel"  # subject: a video that is canceled by itself
    TEND = "tend"  # subject: an account whose circuit is not closed, or whose credits are counted
    FETCH = "fetch"  # subject: an attempt whose file must be copied here
    HOOK = "hook"  # subject: an attempt that hooks spoke of and that is not known yet


ALL_KINDS = tuple(TaskKind)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed task. ``errors`` counts failures in a row, snoozes are none; ``lease`` is how long a claim lasts."""

    kind: TaskKind
    subject: str
    epoch: int
    errors: int
    lease: Millis


class StaleLease(Exception):
    """Somebody else has this task by now: forget what was found out, change nothing."""


class Tasks:
    """``stirred``: this transaction made something due."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.stirred = False

    async def add(self, kind: TaskKind, subject: str, due: Millis) -> None:
        """Something is due; when it was due already, the earlier time counts and a lease on it lapses."""
        await self._connection.run(
            "INSERT INTO tasks (kind, subject, due) VALUES (?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE "
            "SET due = CASE WHEN tasks.due < excluded.due AND tasks.leased_until IS NULL THEN tasks.due "
            "ELSE excluded.due END, leased_until = NULL, line = NULL, epoch = tasks.epoch + 1",
            kind,
            subject,
            due,
        )
        self.stirred = True

    async def claim(
        self, worker: str, *, now: Millis, until: Millis, limit: int, kinds: tuple[TaskKind, ...] = ALL_KINDS
    ) -> list[Task]:
        """Up to ``limit`` due tasks, the longest due first, leased to this worker until ``until``."""
        rows = await self._connection.all(
            f"WITH ready AS MATERIALIZED (SELECT kind, subject, due FROM tasks WHERE due <= ?{_of(kinds)} "
            "ORDER BY due LIMIT ? "
            "/*skip locked*/) UPDATE tasks SET due = ?, leased_until = ?, worker = ?, epoch = epoch + 1 "
            "WHERE (kind, subject) IN (SELECT kind, subject FROM ready) RETURNING kind, subject, epoch, errors",
            now,
            limit,
            until,
            until,
            worker,
        )
        return [
            Task(kind=TaskKind(kind), subject=subject, epoch=epoch, errors=errors, lease=until - now)
            for kind, subject, epoch, errors in rows
        ]

    async def next_due(self, kinds: tuple[TaskKind, ...] = ALL_KINDS) -> Millis | None:
        """When the next task is due, leased ones included."""
        row = await self._connection.one(f"SELECT min(due) FROM tasks WHERE due >= 0{_of(kinds)}")
        return None if row is None else row[0]

    async def finish(self, task: Task) -> None:
        """The task is done. Raises StaleLease."""
        self._mine(
            await self._connection.run(
                "DELETE FROM tasks WHERE kind = ? AND subject = ? AND epoch = ?", task.kind, task.subject, task.epoch
            )
        )

    async def snooze(self, task: Task, due: Millis, *, errors: int = 0) -> None:
        """Put a task off, and let go of it. Raises StaleLease."""
        self._mine(
            await self._connection.run(
                "UPDATE tasks SET due = ?, leased_until = NULL, worker = NULL, errors = ?, line = NULL "
                "WHERE kind = ? AND subject = ? AND epoch = ?",
                due,
                errors,
                task.kind,
                task.subject,
                task.epoch,
            )
        )

    async def hold(self, task: Task, until: Millis) -> None:
        """Keep a task until a later time; it waits no more. Raises StaleLease."""
        self._mine(
            await self._connection.run(
                "UPDATE tasks SET due = ?, leased_until = ?, line = NULL WHERE kind = ? AND subject = ? AND epoch = ?",
                until,
                until,
                task.kind,
                task.subject,
                task.epoch,
            )
        )

    async def renew(self, worker: str, until: Millis) -> int:
        """Keep everything this worker holds until a later time; how many that is."""
        return await self._connection.run(
            "UPDATE tasks SET due = ?, leased_until = ? WHERE worker = ? AND leased_until IS NOT NULL",
            until,
            until,
            worker,
        )

    async def orphaned(self, now: Millis) -> int:
        """Make every leased task due: only for an engine that one process owns, at its start. How many there were."""
        return await self._connection.run(
            "UPDATE tasks SET due = ?, leased_until = NULL, worker = NULL, epoch = epoch + 1 "
            "WHERE leased_until IS NOT NULL",
            now,
        )

    async def release(self, worker: str, now: Millis) -> int:
        """Make everything this worker still holds due for others."""
        return await self._connection.run(
            "UPDATE tasks SET due = ?, leased_until = NULL, worker = NULL, epoch = epoch + 1 "
            "WHERE worker = ? AND leased_until IS NOT NULL",
            now,
            worker,
        )

    async def exists(self, kind: TaskKind, subject: str) -> bool:
        """Whether this is due, now or later."""
        row = await self._connection.one("SELECT 1 FROM tasks WHERE kind = ? AND subject = ?", kind, subject)
        return row is not None

    async def drop(self, kind: TaskKind, subject: str) -> None:
        """Nobody needs this any more, whoever holds it."""
        await self._connection.run("DELETE FROM tasks WHERE kind = ? AND subject = ?", kind, subject)

    @staticmethod
    def _mine(changed: int) -> None:
        if changed != 1:
            raise StaleLease


def _of(kinds: tuple[TaskKind, ...]) -> str:
    """A condition on the kind, when not all are meant."""
    return "" if kinds == ALL_KINDS else f" AND kind IN ({', '.join(repr(kind.value) for kind in kinds)})"
