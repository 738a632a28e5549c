"""The processes that are measured, each alone on its core: a bare Litestar app, and a gateway on a database."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.support.running import free_port

HOST = "127.0.0.1"
SERVER_CORE, LOAD_CORE = 0, 1
READY_SECONDS = 30
_REST_SECONDS, _RESTING = 0.25, 0.02
"""A server rests that spends less than this part of such a while: what it does once, when it starts, is done."""


class Server(msgspec.Struct, frozen=True):
    """A running server process."""

    pid: int
    port: int

    def memory_mb(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu_seconds(self) -> float:
        """User and system time so far, all threads that live, to the nanosecond."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def process(module: str, *arguments: str) -> Iterator[Server]:
    """``python -m module PORT arguments…`` on the server's core, until the end of the block."""
    port = free_port()
    command = [sys.executable, "-m", module, str(port), *arguments]
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, preexec_fn=_pin, stdout=log, stderr=log)  # noqa: PLW1509 - no threads yet
        try:
            _wait_ready(child, port)
            server = Server(child.pid, port)
            _wait_until_it_rests(server)
            yield server
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)
            if child.returncode not in (0, -signal.SIGTERM):
                log.seek(0)
                print(log.read().decode()[-2000:])


def pin_load() -> None:
    """Keep the load generator off the server's core, where there are two."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})


def _pin() -> None:
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {SERVER_CORE})


def _wait_ready(child: "subprocess.Popen[bytes]", port: int) -> None:
    import socket

    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with {child.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the server did not listen in time")


def _wait_until_it_rests(server: Server) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        before = server.cpu_seconds()
        time.sleep(_REST_SECONDS)  # the span that is measured: what the server spends in it
        if server.cpu_seconds() - before < _REST_SECONDS * _RESTING:
            return
    raise RuntimeError("the server did not come to rest in time")
