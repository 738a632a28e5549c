"""Operations that will go one day: how answers and the OpenAPI document say so (RFC 9745, RFC 8594)."""

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from gateway.rest.answers import Header


class Deprecation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that should not be used any more.

    Attributes:
        since: seconds since the Unix epoch; may lie ahead.
        sunset: from when on it may be gone, in the same seconds; not before ``since``.
        page: an address that says why, and what to do.
        instead: the path that takes its place.
    """

    since: int
    sunset: int | None = None
    page: str | None = None
    instead: str | None = None

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("sunset: must not be before since (RFC 9745, section 4)")


def deprecation_headers(deprecation: Deprecation) -> tuple[Header, ...]:
    """What every answer of the operation carries, refusals too."""
    links = ((deprecation.page, "deprecation"), (deprecation.instead, "successor-version"))
    link = ", ".join(f'<{address}>; rel="{relation}"' for address, relation in links if address is not None)
    found = [(b"deprecation", b"@%d" % deprecation.since)]
    if deprecation.sunset is not None:
        gone = datetime.fromtimestamp(deprecation.sunset, UTC)
        found.append((b"sunset", format_datetime(gone, usegmt=True).encode()))
    if link:
        found.append((b"link", link.encode()))
    return tuple(found)
