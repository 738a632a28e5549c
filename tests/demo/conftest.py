"""One demo for all tests here: the real command, in a real process, in a folder of its own."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.running import free_port

READY_SECONDS = 60
PATH = f'PATH="{Path(sys.executable).parent}:$PATH"'
"""As in a shell where the package is installed."""


@dataclass
class Demo:
    """A demo that is ready: what it printed, and where it keeps its things."""

    printed: str
    url: str
    key: str
    folder: Path

    def sh(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a shell script as a reader of the printed text would, from the demo's folder."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{PATH}\n{script}"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    command = ["bash", "-c", f"{PATH}; exec filmgate demo --port {port} --speed 60"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(READY_SECONDS, process.kill)
    watchdog.start()
    try:
        printed = "".join(_until_ready(process))
        watchdog.cancel()
        environment = (folder / ".filmgate" / "demo.env").read_text()
        url, key = re.findall(r"=(\S+)", environment)
        yield Demo(printed=printed, url=url, key=key, folder=folder)
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        if process.stdout is not None:
            process.stdout.close()


def _until_ready(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if line.startswith("Ctrl-C stops"):
            return
    raise AssertionError(f"the demo ended with {process.wait()} before it was ready")
