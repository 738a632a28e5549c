"""Doitong's REST: the flat parameters of its older generation, the same jobs."""

from typing import Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from gateway.sandbox.accounts import Account
from gateway.sandbox.doitong import PARTLY, SERVICE, Options, cost_of, created, error, order_of, shown, success
from gateway.sandbox.hooks import Sender
from gateway.sandbox.jobs import Job, Order
from gateway.sandbox.refusals import Refusal, Refused
from gateway.sandbox.wire import reply, spoil
from gateway.sandbox.world import Call, World

AnyRequest = Request[Any, Any, Any]


class Flat(Options, frozen=True, rename="camel", kw_only=True):
    service: Literal["veo3"]
    prompt: str


@post("/v1/text_to_video", status_code=200)
async def text_to_video(
    request: AnyRequest,
    world: NamedDependency[SkipValidation[World]],
    sender: NamedDependency[SkipValidation[Sender]],
) -> Response[bytes]:
    now = world.clock.now()
    body = await request.body()
    world.books.calls["doitong.rest.generate"] += 1
    call = Call.of("doitong", now, body, request.headers.get("idempotency-key"))
    try:
        call.account = account = world.holder("doitong", request.headers.get("x-api-key"))
        account.enter(now)
        order = _order(body, call)
        made = world.create(call, account, order, cost_of(order))
    except Refused as refused:
        world.refuse(call, refused)
        return reply(error(refused, call.account, world, now))
    await sender.early(made)
    wrapped = _wrap(created(made), account)
    errors = {"errors": [PARTLY]} if "partial" in made.spoils else {}
    return reply(spoil(success({**wrapped, **errors}, account, now), made.spoils))


@get("/v1/videos/{job_id:str}")
async def video(
    request: AnyRequest, job_id: FromPath[str], world: NamedDependency[SkipValidation[World]]
) -> Response[bytes]:
    now = world.clock.now()
    world.books.calls["doitong.rest.status"] += 1
    account = None
    try:
        account = world.holder("doitong", request.headers.get("x-api-key"))
        account.enter(now)
        job = _find(world, account, job_id)
    except Refused as refused:
        return reply(error(refused, account, world, now))
    return reply(success(_wrap(shown(job, job_id, world, now), account), account, now))


def _find(world: World, account: Account, job_id: str) -> Job:
    if not account.variant.doitong_polling:
        raise Refused(Refusal.NOT_FOUND, "No such route")
    return world.job_for(account, job_id)


def _order(body: bytes, call: Call) -> Order:
    try:
        flat = msgspec.json.decode(body, type=Flat)
    except msgspec.DecodeError as wrong:
        raise Refused(Refusal.INVALID, f"Invalid parameters: {wrong}") from wrong
    call.prompt = flat.prompt
    return order_of(flat.prompt, flat)


def _wrap(generation: dict[str, Any], account: Account) -> dict[str, Any]:
    generation = {**generation, "service": SERVICE}
    return generation if account.variant.doitong_rest == "bare" else {"data": {"generatevideo": generation}}
