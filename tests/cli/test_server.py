"""``filmgate serve``, ``work``, ``demo`` and ``db`` tell what an operator can mend, and leave tracebacks to bugs."""

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.server import failures_told
from gateway.config.environment import environment
from gateway.store.database import SchemaMismatch, StoreInUse, StoreUnavailable
from tests.repo.sources import ROOT


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (StoreUnavailable("no answer from postgresql://u:hunter2@h/d"), ExitCode.TRY_AGAIN, "can not be used now"),
        (StoreInUse("another server works on this database"), ExitCode.FAILED, "another server works"),
        (SchemaMismatch("migrated by a newer version"), ExitCode.FAILED, "a newer version"),
        (OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)), ExitCode.FAILED, "set server.listen to another"),
        (PermissionError(errno.EACCES, "Permission denied"), ExitCode.FAILED, "filmgate doctor says more"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_an_operator_can_mend_is_told_in_words(failure, code, words):
    with pytest.raises(Stop) as stop, failures_told():
        raise failure

    assert stop.value.code is code
    assert words in stop.value.message
    assert "hunter2" not in stop.value.message


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), failures_told():
        raise ZeroDivisionError


CONFIG = """
[server]
listen = "127.0.0.1:0"
[database]
url = "sqlite:///{folder}/filmgate.db"
[assets]
url = "file://{folder}/assets"
[secrets]
key = {{ env = "FILMGATE_SECRET_KEY" }}
[observability]
log_format = "console"
"""


@contextmanager
def serving(folder, *words, **environ):
    """A server of its own, its standard error to read from; it ends well behind this."""
    (folder / "filmgate.toml").write_text(CONFIG.format(folder=folder))
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "serve", "-c", folder / "filmgate.toml", *words],
        cwd=ROOT,
        env={**environment(), "FILMGATE_SECRET_KEY": "tR7pW2zXq9LmN4vBc8KsHd3JfGy6UeAo", **environ},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process.stderr
        finally:
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest


def until_ready(stderr):
    lines = []
    for line in stderr:
        lines.append(line)
        if "gateway.ready" in line:
            return line
    raise AssertionError("".join(lines))


def test_a_server_logs_in_the_form_that_the_file_says(tmp_path):
    with serving(tmp_path) as stderr:
        line = until_ready(stderr)

    assert not line.startswith("{")
    assert "listen=127.0.0.1:" in line


def test_variables_and_options_go_before_the_file_in_a_server_too(tmp_path):
    with serving(
        tmp_path, "--set", "observability.log_format=json", FILMGATE_OBSERVABILITY__LOG_FORMAT="auto"
    ) as stderr:
        line = until_ready(stderr)

    assert json.loads(line)["event"] == "gateway.ready"
