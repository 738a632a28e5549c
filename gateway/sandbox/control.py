"""/truth and /control: the sandbox's books, and its knobs. No upstream has these."""

from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import UNSET, Struct, UnsetType

from gateway.sandbox.accounts import Account
from gateway.sandbox.hooks import Sender
from gateway.sandbox.limits import DAY, MINUTE, Window
from gateway.sandbox.settings import Provider, Variant
from gateway.sandbox.wire import Answer, reply
from gateway.sandbox.world import Door, World
from schema.clock import Millis


class AccountKnobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of an account; a limit of 0 is none. A new limit starts with an empty window.

    Attributes:
        former_keys: keys that are taken beside the current one.
    """

    credits: int | UnsetType = UNSET
    key: str | UnsetType = UNSET
    former_keys: tuple[str, ...] | UnsetType = UNSET
    webhook_secret: str | UnsetType | None = UNSET
    per_minute: int | UnsetType = UNSET
    concurrent: int | UnsetType = UNSET
    per_day: int | UnsetType = UNSET


class Knobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed while it runs. What is left out stays."""

    speed: float | UnsetType = UNSET
    doors: dict[Provider, Door] = {}
    accounts: dict[str, AccountKnobs] = {}
    variant: dict[str, Any] = {}
    """Some of the fields of `Variant`, for all accounts."""


@get("/truth")
async def truth(world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    return reply(Answer(body=msgspec.json.encode(world.truth(world.clock.now()))))


@get("/truth/totals")
async def totals(world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    return reply(Answer(body=msgspec.json.encode(world.totals(world.clock.now()))))


@post("/truth/reset", status_code=200)
async def reset(
    world: NamedDependency[SkipValidation[World]], sender: NamedDependency[SkipValidation[Sender]]
) -> Response[bytes]:
    await sender.forget()
    world.reset()
    return reply(Answer(body=b"{}"))


@post("/control", status_code=200)
async def control(request: Request[Any, Any, Any], world: NamedDependency[SkipValidation[World]]) -> Response[bytes]:
    now = world.clock.now()
    try:
        knobs = msgspec.json.decode(await request.body(), type=Knobs)
        _turn(world, knobs, now)
    except (msgspec.DecodeError, ValueError) as error:
        return reply(Answer(status=400, body=msgspec.json.encode({"error": str(error)})))
    return reply(Answer(body=msgspec.json.encode(_state(world))))


def _turn(world: World, knobs: Knobs, now: Millis) -> None:
    """Check everything first: either all of it is turned or nothing."""
    unknown = knobs.accounts.keys() - world.accounts.keys()
    if unknown:
        raise ValueError(f"no such account: {', '.join(sorted(unknown))}")
    if knobs.speed is not UNSET and knobs.speed <= 0:
        raise ValueError("speed must be above zero")
    world.variant = _varied(world.variant, knobs.variant)
    for account in world.accounts.values():
        account.variant = _varied(account.variant, knobs.variant)
    if knobs.speed is not UNSET:
        world.pace.change(knobs.speed, now)
    world.doors.update(knobs.doors)
    for name, wanted in knobs.accounts.items():
        _turn_account(world.accounts[name], wanted, world.settings.limit_speed)


def _varied(variant: Variant, changes: dict[str, Any]) -> Variant:
    return msgspec.convert({**msgspec.structs.asdict(variant), **changes}, Variant)


def _turn_account(account: Account, wanted: AccountKnobs, limit_speed: float) -> None:
    for name in ("credits", "key", "former_keys", "webhook_secret", "concurrent"):
        if (value := getattr(wanted, name)) is not UNSET:
            setattr(account, name, value)
    if wanted.per_minute is not UNSET:
        account.minute = Window(wanted.per_minute, round(MINUTE / limit_speed))
    if wanted.per_day is not UNSET:
        account.day = Window(wanted.per_day, round(DAY / limit_speed))


def _state(world: World) -> dict[str, Any]:
    return {
        "speed": world.pace.speed,
        "doors": world.doors,
        "variant": world.variant,
        "accounts": {
            account.name: {
                "credits": account.credits,
                "per_minute": account.minute.size,
                "concurrent": account.concurrent,
                "per_day": account.day.size,
            }
            for account in world.accounts.values()
        },
    }


control_router = Router("/", route_handlers=[truth, totals, reset, control])
