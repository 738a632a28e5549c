"""How a download goes on after its connection broke: what makes two answers parts of one file (RFC 9110, 13.1.5)."""

import re

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


def strong_tag(etag: str | None) -> str | None:
    """An ETag that names these very bytes; a weak one names what looks alike, and two halves of that are no file."""
    return etag if etag is not None and len(etag) >= 3 and etag[0] == etag[-1] == '"' else None


def total_of(content_range: str, start: int) -> int | None:
    """The size of the whole file, when this is the rest of it from ``start`` to its end; None when it is not."""
    match = _RANGE.fullmatch(content_range)
    if match is None:
        return None
    first, last, total = map(int, match.groups())
    return total if first == start and last == total - 1 else None
