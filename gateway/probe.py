"""The named points of a video's life: between any two of them something becomes durable, or leaves this machine."""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Where a test may end the process; each is crashed at by tests/flows/test_crashes.py."""

    BEFORE_ACCEPT = "before_accept"  # a wish is understood; nothing of it is written down
    ACCEPTED = "accepted"  # its video is committed, with what is held for it; the caller has not been told
    BEFORE_INTENT = "before_intent"  # an account is chosen
    INTENDED = "intended"  # the attempt is committed; nothing has been sent
    BYTES_SENT = "bytes_sent"  # the paid request has left this machine
    ANSWERED = "answered"  # the upstream's answer is in memory
    BEFORE_RECORD = "before_record"  # the answer is in the journal
    RECORDED = "recorded"  # the outcome is committed, with what the account bills for it
    BEFORE_NEWS = "before_news"  # a poll was answered, or a hook has come; what it says is not written down
    BEFORE_PUBLISH = "before_publish"  # the file is on this machine, and not yet in the asset store
    BEFORE_SETTLE = "before_settle"  # it is in the asset store; its video has not completed
    SETTLED = "settled"  # the video has completed and is charged; its file can be asked for


Probe = Callable[[Point], None]
"""Told when work passes a named point; tests end the process there."""


def no_probe(_: Point) -> None:
    """What the points tell outside tests: nobody."""
