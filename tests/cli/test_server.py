"""``filmgate serve``, ``work``, ``demo`` and ``db`` tell what an operator can mend, and leave tracebacks to bugs."""

import errno
import os

import pytest

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.server import failures_told
from gateway.store.database import SchemaMismatch, StoreInUse, StoreUnavailable


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
