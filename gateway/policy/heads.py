"""What the head of a request may say: whose it is, how long its body is, that it fits. Pure; refuses what is doubtful.

A parser has read it before, so single lines are well formed (RFC 9112). What is judged here is what they say together:
another server on the way may read it in another way, and what is one request to it be two to us.
"""

import re
from collections.abc import Iterable

from schema.errors import HeadersTooLarge, MalformedRequest, TargetTooLong

Header = tuple[bytes, bytes]

MAX_TARGET = 8 * 1024
MAX_HEADERS = 100
MAX_OPTIONAL = 2 * 1024
_OPTIONAL = frozenset({b"if-none-match", b"if-range", b"last-event-id", b"prefer", b"range", b"x-request-id"})
"""Headers whose nonsense is ignored, unless it is longer than that."""

UNKNOWN = -1
"""The length of a body that comes in chunks."""

_VERSIONS = frozenset({"1.0", "1.1"})
_LINE = 4
"""Bytes of a header line beside its name and value."""

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]*)?")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def check_target(target: bytes) -> None:
    """Raises TargetTooLong, as soon as it is."""
    if len(target) > MAX_TARGET:
        raise TargetTooLong(f"The path and the query together may have {MAX_TARGET} bytes")


def check_count(headers: int) -> None:
    """Raises HeadersTooLarge, as soon as there are too many."""
    if headers > MAX_HEADERS:
        raise HeadersTooLarge(f"A request may have {MAX_HEADERS} headers")


def check_head(*, method: str, version: str, target: bytes, headers: Iterable[Header], most: int) -> int:
    """The length of the body that follows, or ``UNKNOWN``.

    Raises:
        HeadersTooLarge: the head has more bytes than it may.
        MalformedRequest: it is no request for this server, or one that can be understood in two ways.
    """
    if version not in _VERSIONS:
        raise MalformedRequest("Speak HTTP/1.1")
    if method == "CONNECT":
        raise MalformedRequest("This is no proxy")
    size, length, coding, host = len(target), 0, None, None
    for name, value in headers:
        size += len(name) + len(value) + _LINE
        if name == b"host":
            host = _the_only(host, value)
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            coding = value
        elif len(value) > MAX_OPTIONAL:
            _check_long(name)
    check_size(size, most)
    _check_host(version, target, host)
    if coding is None:
        return length
    if version == "1.0" or coding.lower() != b"chunked":
        raise MalformedRequest("The only Transfer-Encoding that is read is chunked, with HTTP/1.1")
    return UNKNOWN


def _the_only(before: bytes | None, host: bytes) -> bytes:
    if before is not None:
        raise MalformedRequest("The header Host is given more than once")
    return host


def _check_long(name: bytes) -> None:
    if name in _OPTIONAL:
        raise HeadersTooLarge(f"The header {name.decode()} may have {MAX_OPTIONAL} bytes")


def check_size(size: int, most: int) -> None:
    """Raises HeadersTooLarge."""
    if size > most:
        raise HeadersTooLarge(f"The first line and the headers of a request may have {most} bytes together")


def _check_host(version: str, target: bytes, host: bytes | None) -> None:
    """One that can be read, and the target's where that names one too."""
    if host is None:
        if version == "1.0":
            return
        raise MalformedRequest("The header Host is missing")
    if not _HOST.fullmatch(host):
        raise MalformedRequest("The header Host names no host")
    absolute = _ABSOLUTE.match(target)
    if absolute is not None and absolute[1].lower() != host.lower():
        raise MalformedRequest("The header Host and the address asked for name different hosts")
