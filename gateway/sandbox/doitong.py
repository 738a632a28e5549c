"""Doitong's words, shared by its GraphQL and its REST: generations, prices, errors, limits in headers, webhooks."""

import base64
import hmac
from datetime import UTC, datetime
from math import ceil
from typing import Any, Literal

import msgspec

from gateway.sandbox.accounts import Account
from gateway.sandbox.jobs import REASON, Job, Order, Status, look
from gateway.sandbox.mp4 import SIZES
from gateway.sandbox.refusals import Refusal, Refused
from gateway.sandbox.settings import Variant
from gateway.sandbox.veo3o1 import iso
from gateway.sandbox.wire import Answer, bare
from gateway.sandbox.world import Made, World
from schema.clock import Millis, millis

SERVICE = "veo3"
SHORTEST, LONGEST = 5, 10
CODES = {
    Refusal.INVALID: ("BAD_USER_INPUT", 400),
    Refusal.MALFORMED: ("GRAPHQL_VALIDATION_FAILED", 400),
    Refusal.REJECTED: ("CONTENT_POLICY_VIOLATION", 400),
    Refusal.UNAUTHORIZED: ("UNAUTHENTICATED", 401),
    Refusal.OUT_OF_CREDITS: ("INSUFFICIENT_CREDITS", 402),
    Refusal.NOT_FOUND: ("NOT_FOUND", 404),
    Refusal.CONFLICT: ("IDEMPOTENCY_CONFLICT", 409),
    Refusal.RATE_LIMITED: ("RATE_LIMITED", 429),
    Refusal.SERVER_ERROR: ("INTERNAL_SERVER_ERROR", 500),
    Refusal.HTTP_500: ("INTERNAL_SERVER_ERROR", 500),
}
"""Their `extensions.code`, and the HTTP status that goes with it in the variant that has one."""

FACTS = {"required": "creditsRequired", "current": "creditsAvailable"}
PARTLY = {"message": "A part of the answer is missing", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}


class Options(msgspec.Struct, frozen=True, rename="camel"):
    """What may be asked for beside the prompt. Options nobody documented are ignored."""

    duration: int = SHORTEST
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    version: Literal["veo-3"] | None = None
    quality: str = "standard"
    webhook_url: str | None = None


def order_of(prompt: str, options: Options) -> Order:
    if not prompt.strip():
        raise Refused(Refusal.INVALID, "The prompt is empty")
    if not SHORTEST <= options.duration <= LONGEST:
        raise Refused(Refusal.INVALID, f"duration must be {SHORTEST} to {LONGEST} seconds")
    return Order(
        prompt=prompt,
        aspect=options.aspect_ratio,
        seconds=options.duration,
        quality=options.quality,
        webhook_url=options.webhook_url,
    )


def cost_of(order: Order) -> int:
    extra = order.seconds - SHORTEST
    return 300 + 40 * extra if order.quality == "high" else 100 + 20 * extra


def created(made: Made) -> dict[str, Any]:
    """A generation as the create call answers it."""
    return {
        **_facts(made.job),
        "id": None if "no-id" in made.spoils else made.shown_id,
        "status": Status.PROCESSING.value,
        "url": None,
        "metadata": None,
    }


def shown(job: Job, job_id: str, world: World, now: Millis) -> dict[str, Any]:
    """A generation as a status call answers it."""
    word = _word(look(job, world.pace.at(now)).status)
    return {**_facts(job), "id": job_id, **_result(job, word, world)}


def payload(job: Job, word: Status, world: World) -> bytes:
    """The body of a webhook."""
    body = {
        "id": job.id,
        "status": word.value,
        **_result(job, word, world),
        "service": SERVICE,
        "createdAt": iso(job.accepted_at),
        "completedAt": iso(world.pace.real(job.ends)) if word is Status.COMPLETED else None,
    }
    return msgspec.json.encode(body)


def signature(body: bytes, secret: str, variant: Variant) -> str:
    digest = hmac.digest(secret.encode(), body, "sha256")
    return "sha256=" + (digest.hex() if variant.doitong_signature == "hex" else base64.b64encode(digest).decode())


def problem(refused: Refused) -> dict[str, Any]:
    """One entry of `errors[]`."""
    code, _ = CODES[refused.refusal]
    facts = {FACTS[name]: value for name, value in refused.facts.items()}
    return {"message": refused.message, "extensions": {"code": code, **facts}}


def error(refused: Refused, account: Account | None, world: World, now: Millis) -> Answer:
    if (answer := bare(refused.refusal)) is not None:
        return answer
    variant = account.variant if account else world.variant
    in_body = variant.doitong_errors == "body" and refused.refusal is not Refusal.HTTP_500
    _, status = CODES[refused.refusal]
    body = msgspec.json.encode({"errors": [problem(refused)]})
    return Answer(status=200 if in_body else status, body=body, headers=_headers(account, refused, now))


def success(body: dict[str, Any], account: Account, now: Millis) -> Answer:
    return Answer(body=msgspec.json.encode(body), headers=_headers(account, None, now))


def _facts(job: Job) -> dict[str, Any]:
    return {
        "type": "VIDEO",
        "provider": SERVICE,
        "creditCost": job.cost,
        "createdAt": iso(job.accepted_at),
        "webhookUrl": job.order.webhook_url,
        "duration": job.order.seconds,
    }


def _word(status: str) -> str:
    return Status.PROCESSING if status == Status.PENDING else status


def _result(job: Job, word: str, world: World) -> dict[str, Any]:
    if word == Status.FAILED:
        return {"status": word, "url": None, "metadata": None, "error": {"message": REASON}}
    if word != Status.COMPLETED:
        return {"status": word, "url": None, "metadata": None}
    width, height = SIZES[job.order.aspect]
    metadata = {"duration": job.order.seconds, "width": width, "height": height}
    return {"status": word, "url": world.video_url(job), "metadata": metadata}


def _headers(account: Account | None, refused: Refused | None, now: Millis) -> dict[str, str]:
    """The limits as headers; an account without limits has none, unless a marker says that it ran into one."""
    if account is None:
        return {}
    window = account.minute if account.minute.size else account.day
    limit, remaining, resets_at = window.size, window.remaining, window.resets_at
    if refused is not None and refused.fault == "429":
        limit, remaining, resets_at = limit or 10, 0, now + millis(1)
    elif (
        refused is not None
        and refused.refusal is Refusal.RATE_LIMITED
        and account.day.size
        and not account.day.remaining
    ):
        limit, remaining, resets_at = account.day.size, 0, account.day.resets_at
    if limit == 0:
        return {}
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": _reset(resets_at, now, account.variant),
    }


def _reset(resets_at: Millis, now: Millis, variant: Variant) -> str:
    if variant.doitong_reset == "iso":
        return datetime.fromtimestamp(resets_at / 1000, UTC).isoformat(timespec="milliseconds")
    milliseconds = {"epoch_s": resets_at, "epoch_ms": resets_at * 1000, "delta_s": resets_at - now}
    return str(ceil(milliseconds[variant.doitong_reset] / 1000))
