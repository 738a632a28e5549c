"""Pages after the Relay connection specification, on opaque keyset cursors of our own."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
import strawberry

from gateway.graphql.videos import Video
from gateway.services.pages import MAX_PAGE
from gateway.services.videos import Page, PageWish
from schema.errors import InvalidRequest
from schema.ids import names_video
from schema.lifecycle import VideoStatus

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many of the next, 1 to 100; the default is 20.")]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many of the previous, 1 to 100.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]

DEFAULT_PAGE = 20
_KIND = "v1:"
_MAX_CURSOR = 128


@strawberry.type(description="What lies beyond a page, in both directions.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="There are more after the last edge.")
    has_previous_page: bool = strawberry.field(description="There are more before the first edge.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor; null on an empty page.")


@strawberry.type(description="A video in a page.")
class VideoEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` or `before` to go on from here.")
    node: Video = strawberry.field(description="The video.")


@strawberry.type(description="A page of videos.")
class VideoConnection:
    edges: list[VideoEdge] = strawberry.field(description="The videos, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask a service for: at most ``limit`` things beyond an id, in an order."""

    after: str | None = None
    before: str | None = None
    limit: int
    newest_first: bool = True


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """The four arguments of a connection, as they were given."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None

    @property
    def backward(self) -> bool:
        return self.last is not None or self.before is not None

    def wish(self, status: VideoStatus | None) -> PageWish:
        """Which videos to ask the service for. Raises InvalidRequest."""
        window = self.window(names_video)
        return PageWish(
            after=window.after,
            before=window.before,
            limit=window.limit,
            newest_first=window.newest_first,
            status=status,
        )

    def window(self, names: Callable[[str], bool]) -> Window:
        """What to ask a service for; ``names`` tells whether an id could be that of what it lists.

        Raises:
            InvalidRequest: both directions are asked for, a size is out of range, or a cursor is none of ours.
        """
        if self.backward and (self.first is not None or self.after is not None):
            raise InvalidRequest.field("first", "exclusive", "page with first and after, or with last and before")
        if not self.backward:
            return Window(after=_position("after", self.after, names), limit=_size("first", self.first))
        before = _position("before", self.before, names)
        # the last page is the first one from the other end
        return Window(before=before, limit=_size("last", self.last), newest_first=before is not None)

    def connection(self, page: Page) -> VideoConnection:
        """A page as it is shown: newest first, however it was walked to."""
        edges = [VideoEdge(cursor=cursor(video.id), node=Video.of(video)) for video in self.ordered(page.videos)]
        return VideoConnection(edges=edges, page_info=self.info([edge.cursor for edge in edges], more=page.more))

    def ordered(self, found: list[T]) -> list[T]:
        """What a service gave for the window, newest first."""
        return found[::-1] if self.backward and self.before is None else found

    def info(self, cursors: list[str], *, more: bool) -> PageInfo:
        """What lies beyond a page with these cursors; ``more`` in the direction of travel."""
        return PageInfo(
            has_next_page=self.before is not None if self.backward else more,
            has_previous_page=more if self.backward else self.after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


def cursor(id: str) -> str:
    """Where a thing is in any list of such things."""
    return urlsafe_b64encode(f"{_KIND}{id}".encode()).rstrip(b"=").decode()


def _position(argument: str, cursor: str | None, names: Callable[[str], bool]) -> str | None:
    """The id in a cursor. Raises InvalidRequest for what we did not make."""
    if cursor is None:
        return None
    kind, id = "", ""
    if len(cursor) <= _MAX_CURSOR:
        try:
            text = urlsafe_b64decode(cursor.encode() + b"==").decode()
        except (binascii.Error, UnicodeError):
            text = ""
        kind, id = text[: len(_KIND)], text[len(_KIND) :]
    if kind != _KIND or not names(id):
        raise InvalidRequest.field(argument, "invalid_cursor", "give a cursor from an earlier page, unchanged")
    return id


def _size(argument: str, asked: int | None) -> int:
    size = DEFAULT_PAGE if asked is None else asked
    if not 1 <= size <= MAX_PAGE:
        raise InvalidRequest.field(argument, "out_of_range", f"must be from 1 to {MAX_PAGE}")
    return size
