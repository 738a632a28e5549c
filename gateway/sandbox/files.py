"""The result files and the uploaded images, as the providers' CDNs would serve them."""

import re
from typing import Any

from litestar import Request, Response, Router, get, head
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from gateway.sandbox.jobs import Job, look
from gateway.sandbox.mp4 import clip, hue_of
from gateway.sandbox.wire import HTML, PAGE, TEXT, Answer, Wire, reply
from gateway.sandbox.world import World
from schema.clock import Millis

MP4 = "video/mp4"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MISSING = Answer(status=404, body=b"Not Found", media_type=TEXT)

_FAULTS = {
    "bad-file": Answer(body=PAGE, media_type=HTML),
    "empty-file": Answer(media_type=MP4),
}
_MISTREATED = {"short-file": Wire.SHORT, "huge-file": Wire.ENDLESS}


@get("/files/{name:str}")
async def file(
    request: Request[Any, Any, Any], name: FromPath[str], world: NamedDependency[SkipValidation[World]]
) -> Response[bytes]:
    now = world.clock.now()
    world.books.calls["files.get"] += 1
    job = _finished(world, name, now)
    if job is None:
        return reply(_MISSING)
    job.file_reads += 1
    if "redirect-file" in job.script:
        return reply(_elsewhere(world.accounts[job.account].variant.redirect))
    return reply(_serve(job, request.headers.get("range")))


@head("/files/{name:str}")
async def file_head(name: FromPath[str], world: NamedDependency[SkipValidation[World]]) -> Response[None]:
    now = world.clock.now()
    world.books.calls["files.head"] += 1
    job = _finished(world, name, now)
    if job is None:
        return Response(None, status_code=404, headers={"Content-Type": TEXT, "Content-Length": "0"})
    headers = {"Content-Type": MP4, "Content-Length": str(len(_video(job))), "Accept-Ranges": "bytes"}
    return Response(None, status_code=200, headers=headers)


@get("/images/{key:path}")
async def image(key: FromPath[str], world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    world.books.calls["images.get"] += 1
    found = world.images.get(str(key).lstrip("/"))
    return reply(_MISSING if found is None else Answer(body=found.data, media_type=found.media_type))


def _finished(world: World, name: str, now: Millis) -> Job | None:
    job = world.jobs.get(name.removesuffix(".mp4"))
    return job if job is not None and look(job, world.pace.at(now)).is_completed else None


def _video(job: Job) -> bytes:
    return clip(job.order.aspect, job.order.seconds, hue_of(job.order.prompt))


def _elsewhere(url: str) -> Answer:
    return Answer(status=302, headers={"Location": url}, media_type=TEXT)


def _serve(job: Job, wanted: str | None) -> Answer:
    if "gone-file" in job.script and job.file_reads == 1:
        return _MISSING
    for name in job.script:
        if name in _FAULTS:
            return _FAULTS[name]
        if name in _MISTREATED:
            return Answer(body=_video(job), media_type=MP4, wire=_MISTREATED[name])
    return _part(_video(job), wanted)


def _part(data: bytes, wanted: str | None) -> Answer:
    """The whole file, or the one range asked for."""
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match.groups() == ("", ""):
        return Answer(body=data, media_type=MP4, headers={"Accept-Ranges": "bytes"})
    first, last = _bounds(*match.groups(), length=len(data))
    if first > last:
        return Answer(status=416, media_type=MP4, headers={"Content-Range": f"bytes */{len(data)}"})
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return Answer(status=206, body=data[first : last + 1], media_type=MP4, headers=headers)


def _bounds(first: str, last: str, *, length: int) -> tuple[int, int]:
    if not first:
        return max(0, length - int(last)), length - 1
    return int(first), min(int(last) if last else length - 1, length - 1)


files_router = Router("/", route_handlers=[file, file_head, image])
