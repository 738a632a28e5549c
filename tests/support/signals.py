"""Signals to processes that tests start."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes that are started meanwhile hear Ctrl-C: background jobs of a shell ignore it, and so do their children.

    POSIX.1-2024, Shell & Utilities, 2.11: an asynchronous list begins with SIGINT and SIGQUIT ignored.
    """
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)
