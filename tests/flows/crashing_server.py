"""The real server, told where to die: ``python -m tests.flows.crashing_server CONFIG [POINT NTH]``.

At the nth passage of the point it kills itself as nothing else can: no handler runs, nothing is flushed, no lock is let
go of but by the kernel.

Without arguments it is a nursery: for each line of JSON it reads, ``[LOG, CONFIG, POINT, NTH]``, a server begins as a
process of its own, forked from one that has imported everything. It says that process's id, and in the end its exit
code.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import uvicorn.protocols.http.auto
import uvicorn.protocols.websockets.auto  # noqa: F401  # late too
from litestar import Litestar

import gateway.store.sqlite  # noqa: F401  # a server imports it late, and every forked one would again
from gateway.config.load import load
from gateway.graphql.schema import build_schema
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
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(log, arguments)
        _say(pid)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _prepare() -> None:
    """What a server imports and builds at its start, once for all that are forked: most of a start's work."""
    build_schema()
    Litestar()
    httpx.AsyncClient(verify=certificates())


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _live(log: str, arguments: list[str]) -> None:
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
