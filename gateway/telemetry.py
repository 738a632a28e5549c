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

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"^key$|authorization|api_?key|credential$|secret|token|password|signature|cookie|prompt|idempotency", re.IGNORECASE
)
_SECRET_TEXTS = re.compile(
    r"(?i:\bbearer\s+)\S+|\bfg_(?:live|test)_\w+|\bwhsec_\S+|(?<=://)[^/@\s]+(?=@)|(?<=/hooks/)\S+"
)
_TRACES = re.compile(r"earer|EARER|fg_|whsec_|://|/hooks/")
"""What every secret text has a part of: most texts have none, and one cheap look says so."""

_DEEPEST = 6


def configure_logging(*, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Set up this process's logs, once, before it serves: JSON lines, or text where ``stream`` is a terminal.

    Args:
        quiet: warnings and worse alone.
        stream: standard error unless said; standard output is for data.
    """
    stream = sys.stderr if stream is None else stream
    level = logging.WARNING if quiet else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if stream.isatty():
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        last: list[Processor] = [redact, console]
    else:
        last = [structlog.processors.format_exc_info, redact, _line]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(stream, shared, last)


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
    return msgspec.json.encode(event).decode()


def _adopt_libraries(stream: TextIO, shared: list[Processor], last: list[Processor]) -> None:
    """Warnings of libraries that log the standard way come out as ours do."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
