"""/v1/videos/{id}/remix, /v1/videos/edits and /v1/videos/extensions: new videos from frames of finished ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple, NoReturn, TypeVar

import msgspec
from litestar import post
from msgspec.structs import replace

from gateway.policy.remaking import remade, routed_as
from gateway.rest.answers import Answer
from gateway.rest.bodies import JSON_TYPE, UNREADABLE, decoded
from gateway.rest.forms import nested
from gateway.rest.headers import CANCEL_AFTER, cancel_after
from gateway.rest.requests import Call, creator, headers, video_id
from gateway.rest.uploads import FormReader, body_within
from gateway.rest.videos import PATH, accept, key_of
from gateway.rest.wishes import (
    FORM_TYPE,
    MULTIPART_TYPE,
    SECONDS_HINT,
    Seconds,
    Wish,
    pairs,
    refused,
    texts,
    unread,
)
from gateway.services.references import SOURCE
from gateway.wiring import Gateway
from schema.errors import FieldError, Gone, InvalidRequest, MalformedRequest, NotFound, NotReady
from schema.frame import FrameEnd, VideoId
from schema.tenant import Principal
from schema.video import MAX_PROMPT

EDITS = PATH + "/edits"
EXTENSIONS = PATH + "/extensions"

T = TypeVar("T")
_Prompt = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PROMPT)]
_FILE = "video"
_ID = "video.id"
_ANY = 1 << 40
"""Bytes that a file may seem to have: it is refused by its name, not by its length, and none of it is read."""
_HINTS = {
    _FILE: 'must be {"id": "video_…"}, the id of a video made here; in a form, video[id]',
    "seconds": SECONDS_HINT,
}


class VideoReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of your finished videos.

    Attributes:
        id: its id; files of your own are not taken.
    """

    id: VideoId


class RemixVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another film from the same beginning.

    Attributes:
        prompt: what to show.
    """

    prompt: _Prompt


class EditVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another film from the same beginning.

    Attributes:
        prompt: what to show.
        video: whose first frame it starts from.
    """

    prompt: _Prompt
    video: VideoReference


class ExtendVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes next.

    Attributes:
        prompt: what to show.
        video: whose last frame it starts from.
        seconds: wished duration of what comes next alone; left out, as that video's wish said.
    """

    prompt: _Prompt
    video: VideoReference
    seconds: Seconds | None = None


@post(PATH + "/{video_id:str}/remix", request_max_body_size=None)
async def remix(request: Call) -> Answer:
    caller = await creator(request)
    key, id = key_of(request), video_id(request)
    asked = await _read(request, RemixVideo)
    return await _made(request, caller, key, _Film(id, None, asked.prompt, FrameEnd.FIRST))


@post(EDITS, request_max_body_size=None)
async def edit(request: Call) -> Answer:
    caller, key = await creator(request), key_of(request)
    asked = await _read(request, EditVideo)
    return await _made(request, caller, key, _Film(asked.video.id, _ID, asked.prompt, FrameEnd.FIRST))


@post(EXTENSIONS, request_max_body_size=None)
async def extend(request: Call) -> Answer:
    caller, key = await creator(request), key_of(request)
    asked = await _read(request, ExtendVideo)
    seconds = None if asked.seconds is None else int(asked.seconds)
    return await _made(request, caller, key, _Film(asked.video.id, _ID, asked.prompt, FrameEnd.LAST, seconds))


class _Film(NamedTuple):
    """What is to be made from which frame of which video; ``called`` is the field that names it, None for the path."""

    source: str
    called: str | None
    prompt: str
    frame: FrameEnd
    seconds: int | None = None


async def _made(request: Call, caller: tuple[Gateway, Principal], key: str | None, film: _Film) -> Answer:
    """Ask for a film. Its header Cancel-After counts, instead of what the source's wish said."""
    gateway, principal = caller
    with _source_called(film.called):
        found = await gateway.videos.get(principal.tenant.id, film.source, principal.grant)
        routing = routed_as(found, by_key=principal.grant is None)
        seconds = cancel_after(headers(request.scope, CANCEL_AFTER.lower().encode()))
        if seconds is not None:
            routing = replace(routing, cancel_after_seconds=seconds)
        wish = Wish(remade(found, film.prompt, film.frame, film.seconds), routing, metadata={})
        return await accept(request, gateway, principal, wish, key)


async def _read(call: Call, shape: type[T]) -> T:
    """A body in any of the spellings a wish has, without a file.

    Raises:
        MalformedRequest, InvalidRequest, HTTPException: as for a wish.
    """
    kind, _ = call.content_type
    try:
        if kind == JSON_TYPE:
            return decoded(await body_within(call, texts(call)), shape)
        return msgspec.convert(nested(await _fields(call, kind)), shape, strict=False)
    except msgspec.ValidationError as error:
        raise refused(error, _HINTS) from error
    except UNREADABLE as error:
        raise MalformedRequest(f"The body is not readable as {kind}") from error


async def _fields(call: Call, kind: str) -> list[tuple[str, str]]:
    if kind == MULTIPART_TYPE:
        reader = FormReader(
            call, field=_FILE, begin=_no_file, largest=_ANY, texts=texts(call), instead="nothing here does"
        )
        return (await reader.read()).fields
    if kind == FORM_TYPE:
        return pairs(await body_within(call, texts(call)))
    raise unread()


def _no_file() -> NoReturn:
    detail = "takes no file; give the id of a video made here: video[id] in a form"
    raise InvalidRequest.field(_FILE, "unsupported", detail)


@contextmanager
def _source_called(field: str | None) -> Iterator[None]:
    """What is wrong with the source is said of how it was named here: in a field, or in the path.

    Raises:
        InvalidRequest: the field names none; NotFound when the path does.
        NotReady, Gone: it has no file yet, or no more.
    """
    try:
        yield
    except NotFound as error:
        if field is None:
            raise
        raise InvalidRequest.field(field, "unknown_video", "names no video of yours") from error
    except (InvalidRequest, NotReady, Gone) as error:
        error.detail = error.detail.replace(SOURCE, field or "The video")
        error.errors = tuple(_called(one, field) for one in error.errors if one.field != SOURCE or field is not None)
        raise


def _called(error: FieldError, field: str | None) -> FieldError:
    return error if field is None or error.field != SOURCE else replace(error, field=field)
