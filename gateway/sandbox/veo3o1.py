"""veo3o1's wire: REST, one envelope for everything, polled."""

from datetime import UTC, datetime
from math import ceil
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, SkipValidation

from gateway.sandbox.accounts import Account
from gateway.sandbox.jobs import REASON, Job, Order, Status, look
from gateway.sandbox.refusals import Refusal, Refused
from gateway.sandbox.settings import Variant
from gateway.sandbox.wire import Answer, bare, reply, spoil
from gateway.sandbox.world import Call, Image, Made, World
from schema.clock import Millis

COST = 2
SECONDS = 8
CODES = {
    Refusal.INVALID: (1000, 400),
    Refusal.REJECTED: (1000, 400),
    Refusal.NOT_FOUND: (1000, 404),
    Refusal.OUT_OF_CREDITS: (1001, 402),
    Refusal.UNAUTHORIZED: (1002, 401),
    Refusal.RATE_LIMITED: (1003, 429),
    Refusal.SERVER_ERROR: (5000, 500),
    Refusal.HTTP_500: (5000, 500),
}
"""Their code, and the HTTP status that goes with it in the variant that has one."""

MAGIC = {b"\xff\xd8\xff": ("image/jpeg", "jpg"), b"\x89PNG\r\n\x1a\n": ("image/png", "png")}

AnyRequest = Request[Any, Any, Any]


class Wish(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a create call. Fields nobody documented are ignored."""

    generation_type: Literal["text_to_video", "image_to_video"]
    prompt: str
    aspect_ratio: Literal["auto", "16:9", "9:16"] = "auto"
    image_url: str | None = None
    image_key: str | None = None


@post("/generate-video", status_code=200)
async def generate(request: AnyRequest, world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    now = world.clock.now()
    body = await request.body()
    world.books.calls["veo3o1.generate"] += 1
    call = Call.of("veo3o1", now, body)
    try:
        call.account = account = world.holder("veo3o1", bearer(request))
        account.enter(now)
        wish = _decode(body)
        made = world.create(call, account, _order(wish, call, world), COST)
    except Refused as refused:
        world.refuse(call, refused)
        return reply(_error(refused, call.account, world.variant))
    return reply(spoil(_success(_created(wish, made)), made.spoils))


@get("/video-status/{uuid:str}")
async def status(
    request: AnyRequest, uuid: FromPath[str], world: NamedDependency[SkipValidation[World]]
) -> Response[bytes]:
    now = world.clock.now()
    world.books.calls["veo3o1.status"] += 1
    account = None
    try:
        account = world.holder("veo3o1", bearer(request))
        account.enter(now)
        job = world.job_for(account, uuid)
    except Refused as refused:
        return reply(_error(refused, account, world.variant))
    return reply(_success(_progress(uuid, job, world, now)))


@post("/upload-video-image", status_code=200, request_max_body_size=100_000_000)
async def upload(request: AnyRequest, world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    now = world.clock.now()
    world.books.calls["veo3o1.upload"] += 1
    account = None
    try:
        account = world.holder("veo3o1", bearer(request))
        account.enter(now)
        data = await _file(request)
        image, suffix = _image(data, world.settings.upload_limit_bytes)
    except Refused as refused:
        return reply(_error(refused, account, world.variant))
    key = world.add_image(image, suffix)
    account.uploads += 1
    return reply(_success({"imageUrl": f"{world.url}/images/{key}", "imageKey": key}, "Upload successful"))


def bearer(request: AnyRequest) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


def iso(moment: Millis) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _decode(body: bytes) -> Wish:
    try:
        return msgspec.json.decode(body, type=Wish)
    except msgspec.DecodeError as error:
        raise Refused(Refusal.INVALID, f"Invalid parameters: {error}") from error


def _order(wish: Wish, call: Call, world: World) -> Order:
    call.prompt = wish.prompt
    if not wish.prompt.strip() or len(wish.prompt) > world.settings.prompt_limit:
        raise Refused(Refusal.INVALID, "Invalid parameters: prompt is empty or too long")
    if wish.generation_type == "image_to_video" and not wish.image_url:
        raise Refused(Refusal.INVALID, "Invalid parameters: imageUrl is required")
    if wish.image_key is not None and wish.image_key not in world.images:
        raise Refused(Refusal.INVALID, "Invalid parameters: imageKey is unknown")
    image_url = wish.image_url if wish.generation_type == "image_to_video" else None
    return Order(prompt=wish.prompt, aspect=wish.aspect_ratio, seconds=SECONDS, image_url=image_url)


async def _file(request: AnyRequest) -> bytes:
    try:
        found = (await request.form()).get("file")
    except ClientException as error:
        raise Refused(Refusal.INVALID, "Invalid parameters: not a form") from error
    if not isinstance(found, UploadFile):
        raise Refused(Refusal.INVALID, "Invalid parameters: file is required")
    data = await found.read()
    await found.close()
    return data


def _image(data: bytes, limit: int) -> tuple[Image, str]:
    if len(data) > limit:
        raise Refused(Refusal.INVALID, f"File too large: the limit is {limit} bytes")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Image(data, "image/webp"), "webp"
    for magic, (media_type, suffix) in MAGIC.items():
        if data.startswith(magic):
            return Image(data, media_type), suffix
    raise Refused(Refusal.INVALID, "Unsupported format: JPEG, PNG or WebP")


def _created(wish: Wish, made: Made) -> dict[str, Any]:
    data = {
        "uuid": made.shown_id,
        "status": Status.PENDING,
        "generationType": wish.generation_type,
        "prompt": wish.prompt,
        "aspectRatio": wish.aspect_ratio,
        "createdAt": iso(made.job.accepted_at),
    }
    if "no-id" in made.spoils:
        del data["uuid"]
    return data


def _progress(uuid: str, job: Job, world: World, now: Millis) -> dict[str, Any]:
    seen = look(job, world.pace.at(now))
    data: dict[str, Any] = {
        "uuid": uuid,
        "status": seen.status,
        "progress": seen.progress,
        "estimatedTime": ceil(seen.left / 1000 / world.pace.speed),
    }
    if seen.is_completed and (url := world.video_url(job)) is not None:
        data["videoUrl"] = url
    if seen.status == Status.FAILED:
        data["errorMessage"] = REASON
    return data


def _success(data: dict[str, Any], message: str = "Success") -> Answer:
    return Answer(body=msgspec.json.encode({"code": 0, "msg": message, "data": data}))


def _error(refused: Refused, account: Account | None, variant: Variant) -> Answer:
    if (answer := bare(refused.refusal)) is not None:
        return answer
    code, status = CODES[refused.refusal]
    in_body = (account.variant if account else variant).veo3o1_errors == "body"
    body = msgspec.json.encode({"code": code, "msg": refused.message, "data": refused.facts or None})
    return Answer(status=200 if in_body and refused.refusal is not Refusal.HTTP_500 else status, body=body)


veo3o1_router = Router("/veo3o1/api", route_handlers=[generate, status, upload])
