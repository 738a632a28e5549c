"""The floor: a bare Litestar handler that decodes the same body and answers 202, on the same server settings."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from litestar import Litestar, Request, Response, get, post

from gateway.ports import listen
from gateway.serving import listening, stop_signals

_ANSWER = b'{"id":"video_00000000000000000000000000","object":"video","status":"queued"}'
_answers = {"one": _ANSWER, "page": _ANSWER}
"""What is read; another's bytes, to be compared with it, where a folder has them."""


class Wish(msgspec.Struct):
    prompt: str


@post("/v1/videos")
async def create(request: Request[Any, Any, Any]) -> Response[bytes]:
    msgspec.json.decode(await request.body(), type=Wish)
    return Response(_ANSWER, status_code=202, media_type="application/json")


@get("/v1/videos/{id:str}")
async def read(id: str) -> Response[bytes]:  # noqa: ARG001 - as a real handler would take it
    return Response(_answers["one"], media_type="application/json")


@get("/v1/videos")
async def page() -> Response[bytes]:
    return Response(_answers["page"], media_type="application/json")


async def main(port: int, folder: Path | None = None) -> None:
    if folder is not None:
        _answers.update({name: (folder / name).read_bytes() for name in _answers})
    app = Litestar([create, read, page], openapi_config=None, logging_config=None)
    stopping = asyncio.Event()
    with stop_signals(stopping.set):
        async with listening(app, listen("127.0.0.1", port)):
            await stopping.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), *map(Path, sys.argv[2:])))
