"""The query of a list as a page's wish, and the links from a page to its neighbours. Pure."""

from collections.abc import Callable
from typing import NoReturn, Protocol
from urllib.parse import parse_qsl, urlencode

import msgspec

from gateway.services.pages import MAX_PAGE
from gateway.services.videos import PageWish
from schema.errors import InvalidRequest, MalformedRequest
from schema.ids import names_video
from schema.lifecycle import VideoStatus

PAGE_NAMES = ("after", "before", "limit", "order")
_VIDEO_NAMES = (*PAGE_NAMES, "status")
_CURSORS = ("after", "before")
_ORDERS = ("asc", "desc")
_STATUSES = frozenset(VideoStatus)
_MAX_QUERY_FIELDS = 16


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list: ``after`` or ``before`` an id, at most ``limit``."""

    after: str | None
    before: str | None
    limit: int
    newest_first: bool


class Shown(Protocol):
    """A page as it is shown."""

    @property
    def first_id(self) -> str | None: ...
    @property
    def last_id(self) -> str | None: ...
    @property
    def has_more(self) -> bool: ...


class Around(Protocol):
    """What a page was asked for by."""

    @property
    def after(self) -> str | None: ...
    @property
    def before(self) -> str | None: ...


def page_wish(query: bytes) -> PageWish:
    """Which page of videos is asked for.

    Raises:
        MalformedRequest: the query can not be read, or a cursor is none of ours.
        InvalidRequest: a parameter is unknown, or its value is.
    """
    asked = given(query, _VIDEO_NAMES)
    status = asked.get("status")
    if status is not None and status not in _STATUSES:
        raise InvalidRequest.field("status", "invalid_value", f"must be one of {', '.join(VideoStatus)}")
    wish = cut(asked, names_video, "a video")
    return PageWish(
        after=wish.after,
        before=wish.before,
        limit=wish.limit,
        newest_first=wish.newest_first,
        status=None if status is None else VideoStatus(status),
    )


def cut(asked: dict[str, str], names: Callable[[str], bool], what: str) -> Cut:
    """Which part of a list a query asks for. ``names`` tells whether an id could be that of ``what`` it lists.

    Raises:
        MalformedRequest: a cursor is none of ours.
        InvalidRequest: a value is unknown.
    """
    order = asked.get("order", "desc")
    if order not in _ORDERS:
        raise InvalidRequest.field("order", "invalid_value", "must be asc or desc")
    after, before = (_cursor(asked, name, names, what) for name in _CURSORS)
    return Cut(after=after, before=before, limit=_limit(asked.get("limit")), newest_first=order == "desc")


def given(query: bytes, names: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a query, each known and given once. Raises MalformedRequest."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise MalformedRequest("The query can not be read") from error
    asked: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            _refuse(name[:64], "unknown_parameter", f"is not known; the parameters are {', '.join(names)}")
        if name in asked:
            _refuse(name, "repeated", "is given more than once")
        asked[name] = value
    return asked


def _refuse(name: str, code: str, detail: str) -> NoReturn:
    raise MalformedRequest.field(name, code, detail)


def _limit(text: str | None) -> int:
    if text is None:
        return PageWish().limit
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest.field("limit", "invalid_value", f"must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def _cursor(asked: dict[str, str], name: str, names: Callable[[str], bool], what: str) -> str | None:
    """An id is a cursor whether or not there is such a thing: deleting while paging must not break the walk."""
    id = asked.get(name)
    if id is not None and not names(id):
        _refuse(name, "invalid_cursor", f"must be the id of {what}, as first_id and last_id are")
    return id


def links(path: str, query: bytes, wish: Around, page: Shown) -> str:
    """The ``Link`` header's value: ``next`` and ``prev`` where there is such a page, ``first`` from every other."""
    kept = [(name, value) for name, value in parse_qsl(query.decode("ascii")) if name not in _CURSORS]
    backwards = wish.before is not None
    ahead, behind = (True, page.has_more) if backwards else (page.has_more, wish.after is not None)
    found = []
    if ahead and page.last_id is not None:
        found.append(("next", [*kept, ("after", page.last_id)]))
    if behind and page.first_id is not None:
        found.append(("prev", [*kept, ("before", page.first_id)]))
    if backwards or wish.after is not None:
        found.append(("first", kept))
    return ", ".join(f'<{path}{"?" if pairs else ""}{urlencode(pairs)}>; rel="{rel}"' for rel, pairs in found)
