"""The process of nursery.py: what it has imported and built, none of the lives that it begins does again.

For each line of JSON that it reads, ``[PROGRAM, ARGUMENTS, FOLDER, ENVIRON, OUT, ERR]``, a process is forked. It says
``[ID, null]`` of each as it begins, and ``[ID, CODE]`` once it has ended.
"""

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import uvicorn.protocols.http.auto
import uvicorn.protocols.websockets.auto  # noqa: F401  # a server imports it late, and every forked one would again

import gateway.cli.client
import gateway.services.receipts
import gateway.store.postgres
import gateway.store.sqlite  # noqa: F401  # late too
from gateway.app import doors
from gateway.cli import main as filmgate
from gateway.config.settings import ServerSettings
from tests.flows import crashing_server
from tests.support.certificates import certificates


def nurse() -> None:
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


def _prepare() -> None:
    server = ServerSettings()
    doors(explorable=server.explorable, max_body_bytes=server.max_body_bytes)
    httpx.AsyncClient(verify=certificates())


def _begin(program: str, *about: Any) -> None:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _live(program, *about)
    _say(pid, None)


def _tell_ended() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say(pid, os.waitstatus_to_exitcode(status))


def _say(pid: int, code: int | None) -> None:
    sys.stdout.write(f"{json.dumps([pid, code])}\n")
    sys.stdout.flush()


def _live(program: str, arguments: list[str], folder: str, environ: dict[str, str], out: str, err: str) -> None:
    """A whole life; it never returns to the nursery, whose streams are not this process's."""
    code = 1
    try:
        os.chdir(folder)
        os.environ.clear()  # noqa: TID251 - a life has an environment of its own
        os.environ.update(environ)  # noqa: TID251 - the same
        for stream, name, flags in ((0, os.devnull, os.O_RDONLY), (1, out, _APPEND), (2, err, _APPEND)):
            os.dup2(os.open(name, flags, 0o644), stream)
        code = _run(program, arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


_APPEND = os.O_APPEND | os.O_WRONLY | os.O_CREAT


def _run(program: str, arguments: Sequence[str]) -> int:
    """A program until it ends; its exit code."""
    try:
        if program == "server":
            crashing_server.main(*arguments)
        else:
            filmgate(args=arguments, prog_name="filmgate")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    nurse()
