"""Watching in a process of its own, as people do: on a terminal, and interrupted."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.cli.exits import ExitCode
from gateway.config.environment import environment
from tests.cli.small_gateway import HAPPY, KEY
from tests.support.signals import interruptible

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(gateway, elsewhere):
    """Start the program in a process of its own; it is gone when the test ends."""
    started = []

    def begin(*words, **streams):
        environ = {
            **environment(),
            "FILMGATE_URL": gateway.url,
            "FILMGATE_KEY": KEY,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
        }
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([sys.executable, "-m", "gateway.cli", *words], cwd=elsewhere, env=environ, **streams)
        started.append(process)
        return process

    with interruptible():
        yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_detaches_and_the_video_goes_on(start, gateway):
    gateway.story = HAPPY[:1]
    process = start("videos", "create", "a boat", "--watch")
    while not gateway.told or max(gateway.told.values()) < 2:
        time.sleep(0.02)

    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)

    name = next(iter(gateway.videos))
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"detached; the video goes on. Come back: filmgate videos watch {name}" in talk.decode()
    assert not [path for path, _, _ in gateway.requests if path.endswith("/cancel")]


def test_on_a_terminal_there_is_a_bar_and_no_lines(start):
    ours, theirs = pty.openpty()
    process = start("videos", "create", "[sim:429-once] a boat", "--watch", stderr=theirs)
    os.close(theirs)

    output, _ = process.communicate(timeout=60)
    seen = _rest(ours)

    assert process.returncode == ExitCode.OK
    assert b"status     completed" in output
    assert b"\x1b[" in seen


def test_no_color_is_honoured_on_a_terminal(start, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    ours, theirs = pty.openpty()
    process = start("videos", "create", "a boat", "--watch", stderr=theirs)
    os.close(theirs)

    process.communicate(timeout=60)

    assert b"\x1b[3" not in _rest(ours)


def _rest(terminal):
    seen = b""
    try:
        while piece := os.read(terminal, 65_536):
            seen += piece
    except OSError:  # Linux's way to say that the other side has closed
        pass
    os.close(terminal)
    return seen
