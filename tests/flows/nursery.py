"""Servers that begin at once: forked, as processes of their own, from one that has imported everything."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.flows.processes import ROOT, Place, Server, speaking

COMMAND = (sys.executable, "-m", "tests.flows.crashing_server")


class Forked:
    """One of its processes; as asyncio shows those that it began itself."""

    def __init__(self, pid: int, ended: "asyncio.Future[int]") -> None:
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
        return await asyncio.shield(self._ended)


class Nursery:
    """One server at a time, each begun in a few milliseconds and not in a second."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            COMMAND, env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self._process.communicate(timeout=30)

    @asynccontextmanager
    async def server(self, place: Place, *die: str) -> AsyncIterator[Server]:
        """A gateway process on its place, answering, until the end of the block; ``die`` is a point and a passage."""
        self._say([str(place.folder / "log"), str(place.config), *die])
        pid = await asyncio.to_thread(self._number)
        ended = asyncio.ensure_future(asyncio.to_thread(self._number))
        async with speaking(place, Forked(pid, ended)) as running:
            yield running

    def _say(self, what: list[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())
