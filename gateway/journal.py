"""The journal: what a provider answered to a paid request, on disk before the database hears of it.

A process that dies between the answer and its record loses nothing: at the next start its journal is found, and what
the database does not know yet is recorded then. One file a process, locked while it lives; JSON lines, each fsynced.
"""

import asyncio
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import structlog

from gateway.policy.verdict import Outcome
from schema.clock import Millis

log = structlog.get_logger()

KEPT_BODY = 64 * 1024
SWEEP_AT = 4 << 20
"""Bytes after which the file is emptied as soon as nothing in it is still unrecorded."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: whose, when, what it meant, and its first 64 KiB as they came."""

    attempt: str
    at: Millis
    outcome: Outcome
    status: int | None = None
    body: bytes = b""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Heard).decode


class Journal:
    """This process's journal, and those of processes that died, in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / f"{name}.jsonl"
        unseen = self._path.with_suffix(".new")  # others take an unlocked journal for a dead one's
        self._file = unseen.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unseen.rename(self._path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._unrecorded = 0

    async def keep(self, answer: Heard) -> None:
        """It is on disk when this returns.

        Raises:
            OSError: it could not be written; what was there before is as it was.
        """
        line = _encode(msgspec.structs.replace(answer, body=answer.body[:KEPT_BODY])) + b"\n"
        await asyncio.get_running_loop().run_in_executor(self._thread, self._append, line)
        self._unrecorded += 1

    def recorded(self) -> None:
        """The database knows one more of them."""
        self._unrecorded -= 1
        if self._unrecorded == 0 and self._file.tell() > SWEEP_AT:
            self._file.truncate(0)

    def orphans(self) -> list[Path]:
        """Journals whose process is dead."""
        return [path for path in sorted(self._folder.glob("*.jsonl")) if path != self._path and _abandoned(path)]

    def close(self) -> None:
        """Let go of the journal; it is removed when everything in it has been recorded."""
        self._thread.shutdown()
        self._file.close()
        if self._unrecorded == 0:
            self._path.unlink(missing_ok=True)

    def _append(self, line: bytes) -> None:
        """Write a whole line or none: the system may take a part of it and say so only by a number."""
        before = self._file.seek(0, os.SEEK_END)
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(before)
            raise


def read(path: Path) -> tuple[list[Heard], int]:
    """The answers of a dead process, and how many lines can not be read; a last line cut short is not one."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:  # another process that starts was faster
        return [], 0
    answers: list[Heard] = []
    unreadable = 0
    for line in filter(None, lines):
        try:
            answers.append(_decode(line))
        except msgspec.DecodeError:
            unreadable += 1
    return answers, unreadable


def put_away(path: Path, *, unreadable: int) -> None:
    """A journal whose answers were recorded is removed; one with lines nobody can read is kept for an operator."""
    if unreadable:
        log.error("journal.unreadable", journal=str(path), lines=unreadable)
        path.rename(path.with_suffix(".unreadable"))
    else:
        path.unlink(missing_ok=True)


def _abandoned(path: Path) -> bool:
    """Nobody alive holds its lock, and nobody else has removed it."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True
