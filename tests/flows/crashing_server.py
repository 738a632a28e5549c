"""The real server, told where to die: ``python -m tests.flows.crashing_server CONFIG [POINT NTH]``.

At the nth passage of the point it kills itself as nothing else can: no handler runs, nothing is flushed, no lock is let
go of but by the kernel.

Without arguments it is a nursery: for each line of JSON it reads, ``[LOG, CONFIG, POINT, NTH]``, a server begins as a
process of its own, forked from one that has imported everything. It says ``[ID, null]`` of each as it begins, and
``[ID, CODE]`` once it has ended.
"""

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import uvicorn.protocols.http.auto
import uvicorn.protocols.websockets.auto  # noqa: F401  # late too

import gateway.store.sqlite  # noqa: F401  # a server imports it late, and every forked one would again
from gateway.app import doors
from gateway.config.load import load
from gateway.config.settings import ServerSettings
from gateway.probe import Point
from gateway.run import serve
from gateway.wiring import Seams
from tests.support.certificates import certificates


def main(config: str, point: str = "", nth: str = "1") -> None:
    left = int(nth)

    def probe(passed: Point) -> None:
        nonlocal left
        if passed == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    serve(load(config, {}), seams=Seams(probe=probe, verify=certificates()))


def nursery() -> None:
    _prepare()
    gc.freeze()
    stdin, (woken, wakes) = sys.stdin.fileno(), os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler of ours, so that whoever waits below is woken
    signal.set_wakeup_fd(wakes)
    while True:
        ready, _, _ = select.select([stdin, woken], [], [])
        if woken in ready:
            os.read(woken, 1 << 16)
            _tell_ended()
        if stdin in ready:
            lines = os.read(stdin, 1 << 16).splitlines()
            if not lines:
                return
            for line in lines:  # whoever asks waits for the answer: it is never half a line
                _begin(*json.loads(line))


def _begin(log: str, *arguments: str) -> None:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _live(log, arguments)
    _say(pid, None)


def _tell_ended() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say(pid, os.waitstatus_to_exitcode(status))


def _prepare() -> None:
    """What a server imports and builds at its start, once for all that are forked: most of a start's work."""
    server = ServerSettings()
    doors(explorable=server.explorable, max_body_bytes=server.max_body_bytes)
    httpx.AsyncClient(verify=certificates())


def _say(pid: int, code: int | None) -> None:
    sys.stdout.write(f"{json.dumps([pid, code])}\n")
    sys.stdout.flush()


def _live(log: str, arguments: Sequence[str]) -> None:
    """A whole life; it never returns to the nursery, whose streams are not this process's."""
    code = 1
    try:
        os.chdir(Path(log).parent)
        for stream, name, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_APPEND | os.O_WRONLY | os.O_CREAT)):
            os.dup2(os.open(name, flags, 0o644), stream)
        os.dup2(1, 2)
        main(*arguments)
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(*sys.argv[1:])
    else:
        nursery()
