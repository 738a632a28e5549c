"""How a command ends: the exit codes, which are promises to scripts, and the exception that carries one."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    AUTH = 4
    NOT_FOUND = 5
    PROVIDER = 6
    LIMIT = 7
    TRY_AGAIN = 75
    INTERRUPTED = 130  # what shells give a program that Ctrl-C ended


class Stop(Exception):
    """The command ends here: a message for people, if there is one to give, and an exit code."""

    def __init__(self, code: ExitCode, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
