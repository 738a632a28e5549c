"""Processes that begin at once: forked, as processes of their own, from one that has imported everything."""

import asyncio
import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.support.nursing")
Program = Literal["server", "filmgate"]
"""The server of tests/flows/crashing_server.py, or the command line."""
_BIRTH_SECONDS = 60.0


class Forked:
    """One of its processes; as asyncio shows those that it began itself."""

    def __init__(self, pid: int, ended: "Future[int]") -> None:
        self.pid = pid
        self._ended = ended

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        return await asyncio.shield(asyncio.wrap_future(self._ended))


class Nursery:
    """Begins a process in a few milliseconds and not in seconds; any number may live at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            COMMAND, env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._turn = threading.Lock()
        self._born: queue.SimpleQueue[Forked] = queue.SimpleQueue()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._listening.join(30)
        self._process.stdout.close()

    def begin(
        self,
        program: Program,
        arguments: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        out: Path,
        err: Path,
    ) -> Forked:
        """A process in a folder; what it writes is added to these files."""
        line = json.dumps([program, arguments, str(folder), dict(environ), str(out), str(err)])
        assert self._process.stdin is not None
        with self._turn:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            return self._born.get(timeout=_BIRTH_SECONDS)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        ends: dict[int, Future[int]] = {}
        for line in self._process.stdout:
            pid, code = json.loads(line)
            if code is None:
                ends[pid] = Future()
                self._born.put(Forked(pid, ends[pid]))
            else:
                ends.pop(pid).set_result(code)


@cache
def nursery() -> Nursery:
    """The one of this process; it ends with it."""
    opened = Nursery()
    atexit.register(opened.close)
    return opened


async def begun(
    program: Program,
    arguments: Sequence[str],
    *,
    folder: Path,
    out: Path,
    err: Path,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Forked:
    """A process of the nursery, from within a loop."""
    return await asyncio.to_thread(
        lambda: nursery().begin(program, arguments, folder=folder, environ=environ, out=out, err=err)
    )
