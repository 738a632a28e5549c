"""Pages of things in order: how large one may be, and what is cut off to know that there is more."""

from typing import TypeVar

from schema.errors import InvalidRequest

T = TypeVar("T")

MAX_PAGE = 100


def check_limit(limit: int) -> None:
    """Raises InvalidRequest when a page is to hold nothing, or too much."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest.field("limit", "out_of_range", f"must be from 1 to {MAX_PAGE}")


def check_page(limit: int, after: str | None, before: str | None) -> None:
    """Raises InvalidRequest when the limit is out of range, or both cursors are given."""
    check_limit(limit)
    if after is not None and before is not None:
        raise InvalidRequest.field("before", "exclusive", "give either after or before, not both")


def cut(found: list[T], limit: int, *, backward: bool = False) -> tuple[list[T], bool]:
    """At most ``limit`` of what was found, which is one more where there are others beyond; and whether there are."""
    more = len(found) > limit
    if not more:
        return found, False
    return (found[-limit:] if backward else found[:limit]), True
