"""Bodies that carry a file: read part by part, the file straight to the disk, so that memory holds one piece of it."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from litestar.exceptions import HTTPException
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from gateway.rest.forms import MAX_FIELDS
from gateway.rest.requests import Call
from gateway.spool import Spool
from schema.errors import InvalidRequest, MalformedRequest

MULTIPART_TYPE = "multipart/form-data"
MAX_PREAMBLE = 4096
MAX_HEADER = 4096
MAX_HEADERS = 8
_SLACK = 64 * 1024
"""Bytes of a body that are neither fields nor the file: boundaries and headers of parts."""

Begin = Callable[[], Spool]
"""Where the file is written; may refuse it."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What a form said: its text fields as they came, and the file, if there was one; who reads it lets go of that."""

    fields: list[tuple[str, str]]
    file: Spool | None


async def body_within(call: Call, most: int) -> bytes:
    """The whole body of a route that takes larger ones for some types. Raises HTTPException, 413."""
    _check_length(call, most)
    body = bytearray()
    async for piece in call.stream():
        body += piece
        if len(body) > most:
            raise _too_large()
    return bytes(body)


async def read_file(call: Call, spool: Spool, most: int) -> None:
    """The body, which is the file. Raises HTTPException (413), and as the spool does."""
    _check_length(call, most)
    async for piece in call.stream():
        if piece:
            spool.write(piece)


class FormReader:
    """Reads one form with at most one file.

    Args:
        field: the file's.
        begin: asked once its first byte is to come.
        largest: bytes of the file; ``texts`` those of all other fields together.
        instead: what to do instead of sending a file in another field.
    """

    def __init__(
        self, call: Call, *, field: str, begin: Begin, largest: int, texts: int, instead: str | None = None
    ) -> None:
        self._call = call
        self._field = field
        self._begin = begin
        self._largest = largest
        self._texts = texts
        self._instead = instead or f"{field} does"
        self._text_size = 0
        self._fields: list[tuple[str, str]] = []
        self._file: Spool | None = None
        self._part: MultipartSegment | None = None
        self._text = bytearray()

    async def read(self) -> Form:
        """The form.

        Raises:
            MalformedRequest: it can not be read, or has too many parts or headers.
            InvalidRequest: another field is a file, or the file is no picture.
            HTTPException: 413.
        """
        boundary = self._call.content_type[1].get("boundary")
        if not boundary:
            raise MalformedRequest("The form names no boundary: the header Content-Type must say boundary=…")
        most = self._largest + self._texts + _SLACK
        _check_length(self._call, most)
        try:
            await self._parse(boundary, most)
        except MultipartError as error:
            self._let_go()
            raise MalformedRequest(f"The form can not be read ({error}); it may have {MAX_FIELDS} fields") from error
        except BaseException:
            self._let_go()
            raise
        return Form(fields=self._fields, file=self._file)

    async def _parse(self, boundary: str, most: int) -> None:
        size, began = 0, False
        parser = PushMultipartParser(
            boundary, max_header_size=MAX_HEADER, max_header_count=MAX_HEADERS, max_segment_count=MAX_FIELDS
        )
        with parser:
            async for piece in self._call.stream():
                size += len(piece)
                if size > most:
                    raise _too_large()
                if not piece:
                    continue
                for event in parser.parse(piece):
                    began = True
                    self._take(event)
                if not began and size > MAX_PREAMBLE + MAX_HEADER * MAX_HEADERS:
                    raise MalformedRequest("The form does not begin with its boundary")
                if self._file is None and size > self._texts:
                    raise _too_large()

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._open(event)
        elif event is None:
            self._close()
        elif self._part is not None and _is_file(self._part):
            if self._file is not None:
                self._file.write(event)
        else:
            self._text_size += len(event)
            if self._text_size > self._texts:
                raise _too_large()
            self._text += event

    def _open(self, part: MultipartSegment) -> None:
        self._part, self._text = part, bytearray()
        if not _is_file(part):
            return
        if part.name != self._field:
            raise InvalidRequest.field(part.name[:64], "unsupported", f"takes no file; {self._instead}")
        if self._file is not None:
            raise MalformedRequest.field(self._field, "repeated", "is given more than once")
        self._file = self._begin()

    def _close(self) -> None:
        part, self._part = self._part, None
        if part is None or _is_file(part):
            return
        try:
            self._fields.append((part.name, self._text.decode(part.charset or "utf-8")))
        except (LookupError, UnicodeDecodeError) as error:
            raise MalformedRequest(f"The field {part.name[:64]} is not readable text; send UTF-8") from error

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.let_go()


def _is_file(part: MultipartSegment) -> bool:
    return part.filename is not None or (part.content_type or "").startswith(("image/", "video/"))


def _check_length(call: Call, most: int) -> None:
    """What says that it is too long is not read."""
    said = call.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said) > most:
        raise _too_large()


def _too_large() -> HTTPException:
    return HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
