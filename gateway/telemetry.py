"""Logs: events with fields, JSON unless a person watches, and no secret or prompt in them, whoever logs."""

import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

log = structlog.get_logger()

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"^key$|authorization|api_?key|credential$|secret|token|password|signature|cookie|prompt|idempotency", re.IGNORECASE
)
_SECRET_TEXTS = re.compile(
    r"(?i:\bbearer\s+)\S+|\bfg_(?:live|test)_\w+|\bwhsec_\S+|(?<=://)[^/@\s]+(?=@)|(?<=/hooks/)\S+|(?<=/content/)\S+"
)
_TRACES = re.compile(r"earer|EARER|fg_|whsec_|://|/hooks/|/content/")
"""What every secret text has a part of: most texts have none, and one cheap look says so."""

_DEEPEST = 6
_encode = msgspec.json.Encoder().encode


def configure_logging(
    *, quiet: bool = False, stream: TextIO | None = None, level: str = "info", form: str = "auto"
) -> None:
    """Set up this process's logs, once, before it serves.

    Args:
        quiet: warnings and worse alone.
        stream: standard error unless said; standard output is for data.
        level: ``debug``, ``info``, ``warning`` or ``error``; events below it are not told.
        form: ``json`` for lines that machines read, ``console`` for people; ``auto`` is text on a terminal.
    """
    stream = sys.stderr if stream is None else stream
    least = logging.WARNING if quiet else logging.getLevelNamesMapping()[level.upper()]
    text = stream.isatty() if form == "auto" else form == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    access_log.open(None if text or least > logging.INFO else stream)
    if text:
        console = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        last: list[Processor] = [redact, console]
    else:
        last = [structlog.processors.format_exc_info, redact, _line]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(stream, shared, last, max(least, logging.WARNING))


class Access(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="event", tag="http.request"):
    """One request, told without its address, headers and bodies: any of them may hold a secret or a prompt.

    Attributes:
        route: the path's pattern; None where there is nothing.
        problem: the code it was refused with.
        ms: how long it took.
    """

    level: str
    timestamp: str
    request_id: str
    trace_id: str | None = None
    tenant: str | None = None
    method: str
    route: str | None = None
    video: str | None = None
    status: int
    problem: str | None = None
    bytes: int
    ms: float


class AccessLog:
    """Where requests are told. There are so many that they go straight to where machines read, past the chain that
    other events take and at a tenth of its cost; on a terminal they are events like any other.
    """

    def __init__(self) -> None:
        self._straight: TextIO | None = None

    def open(self, stream: TextIO | None) -> None:
        """Write lines straight to a stream; None makes events of them."""
        self._straight = stream

    def tell(self, line: Access) -> None:
        if self._straight is not None:
            self._straight.write(_encode(line).decode() + "\n")
            self._straight.flush()
            return
        fields = {name: value for name, value in msgspec.structs.asdict(line).items() if value is not None}
        log.info("http.request", **{name: value for name, value in fields.items() if name not in _STAMPED})


_STAMPED = frozenset({"level", "timestamp"})
access_log = AccessLog()


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide values by the name of their field, and what looks like a key in any text, at any depth."""
    for name, value in event.items():
        if name != "exc_info":  # the console writes the traceback itself
            event[name] = HIDDEN if _is_secret(name) else _clean(value)
    return event


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _clean(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(HIDDEN, value) if _TRACES.search(value) else value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict) and depth < _DEEPEST:
        items = ((str(name), inner) for name, inner in value.items())
        return {name: HIDDEN if _is_secret(name) else _clean(inner, depth + 1) for name, inner in items}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_clean(inner, depth + 1) for inner in value]
    return f"<{type(value).__name__}>"  # what it is made of may hold anything: a video holds its prompt


def _line(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> str:
    return _encode(event).decode()


def _adopt_libraries(stream: TextIO, shared: list[Processor], last: list[Processor], least: int) -> None:
    """Warnings, or worse, of libraries that log the standard way come out as ours do."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
