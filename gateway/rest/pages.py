"""The query of ``GET /v1/videos`` as a page's wish, and the links from a page to its neighbours. Pure."""

from typing import NoReturn
from urllib.parse import parse_qsl, urlencode

from gateway.rest.views import VideoPageView
from gateway.services.videos import MAX_PAGE, PageWish
from schema.errors import InvalidRequest, MalformedRequest
from schema.ids import names_video
from schema.lifecycle import VideoStatus

_NAMES = ("after", "before", "limit", "order", "status")
_CURSORS = ("after", "before")
_ORDERS = ("asc", "desc")
_MAX_QUERY_FIELDS = 16


def page_wish(query: bytes) -> PageWish:
    """Which page is asked for.

    Raises:
        MalformedRequest: the query can not be read, or a cursor is none of ours.
        InvalidRequest: a parameter is unknown, or its value is.
    """
    given = _given(query)
    order = given.get("order", "desc")
    if order not in _ORDERS:
        raise InvalidRequest.field("order", "invalid_value", "must be asc or desc")
    status = given.get("status")
    if status is not None and status not in _STATUSES:
        raise InvalidRequest.field("status", "invalid_value", f"must be one of {', '.join(VideoStatus)}")
    return PageWish(
        after=_cursor(given, "after"),
        before=_cursor(given, "before"),
        limit=_limit(given.get("limit")),
        newest_first=order == "desc",
        status=None if status is None else VideoStatus(status),
    )


_STATUSES = frozenset(VideoStatus)


def _given(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise MalformedRequest("The query can not be read") from error
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _NAMES:
            _refuse(name[:64], "unknown_parameter", f"is not known; the parameters are {', '.join(_NAMES)}")
        if name in given:
            _refuse(name, "repeated", "is given more than once")
        given[name] = value
    return given


def _refuse(name: str, code: str, detail: str) -> NoReturn:
    raise MalformedRequest.field(name, code, detail)


def _limit(text: str | None) -> int:
    if text is None:
        return PageWish().limit
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest.field("limit", "invalid_value", f"must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def _cursor(given: dict[str, str], name: str) -> str | None:
    """An id is a cursor whether or not there is such a video: deleting while paging must not break the walk."""
    id = given.get(name)
    if id is not None and not names_video(id):
        _refuse(name, "invalid_cursor", "must be the id of a video, as first_id and last_id are")
    return id


def links(path: str, query: bytes, wish: PageWish, page: VideoPageView) -> str:
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
