"""/v1/models: what can be asked for, in OpenAI's form, with who makes it and what they can be told."""

from typing import Annotated, Literal

import msgspec
from litestar import get

from gateway.policy.capability import price_list
from gateway.rest.answers import JSON, Answer
from gateway.rest.requests import Call, browser
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.wiring import Gateway
from providers.base import Provider
from schema.account import Account
from schema.errors import NotFound
from schema.money import CreditRange, Micros
from schema.tenant import Principal, Scope
from schema.video import AspectRatio, Quality

PATH = "/v1/models"
US = "filmgate"

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]
_Credits = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class SecondsView(msgspec.Struct, frozen=True, kw_only=True):
    """The durations a provider can be told.

    Attributes:
        default: what it makes when told nothing.
    """

    shortest: _Seconds
    longest: _Seconds
    default: _Seconds | None


class TypicalView(msgspec.Struct, frozen=True, kw_only=True):
    """How long a video usually takes to make, seconds."""

    best: _Seconds
    worst: _Seconds


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """What a video of one quality costs there.

    Attributes:
        low: the least, in the account's credits; those of two accounts do not compare.
        high: the most.
        low_micros: the least, in millionths of the currency; null when the account has no price.
        high_micros: the most.
    """

    quality: Quality
    low: _Credits
    high: _Credits
    low_micros: _Credits | None
    high_micros: _Credits | None


class MakerView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider account that serves a model, and what it can be told.

    Attributes:
        seconds: null when it can not be told a duration.
        qualities: beside the plain one.
        image_input: it can start from a picture.
        max_prompt: characters.
        typical_seconds: by its provider's word, not by what was observed.
        prices: one for each quality.
    """

    account: _Name
    provider: _Name
    aspect_ratios: Annotated[tuple[AspectRatio, ...], msgspec.Meta(max_length=8)]
    seconds: SecondsView | None
    qualities: Annotated[tuple[Quality, ...], msgspec.Meta(max_length=8)]
    image_input: bool
    max_prompt: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    typical_seconds: TypicalView
    prices: Annotated[tuple[PriceView, ...], msgspec.Meta(max_length=8)]


class ModelGatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves the model."""

    accounts: Annotated[tuple[MakerView, ...], msgspec.Meta(max_length=1000)]


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A model, in OpenAI's shape.

    Attributes:
        id: give it as `model`.
        created: always 0: providers do not say.
        owned_by: the provider, or `filmgate` where several serve it.
    """

    id: _Name
    object: Literal["model"] = "model"
    created: Annotated[int, msgspec.Meta(ge=0, le=0)] = 0
    owned_by: _Name
    gateway: ModelGatewayView


class ModelListView(msgspec.Struct, frozen=True, kw_only=True):
    """Every model you can ask for."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[ModelView, ...], msgspec.Meta(max_length=1000)]


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = browser(request, Scope.VIDEOS_READ)
    return Answer(encode(ModelListView(data=models(gateway, principal))), headers=(JSON, PRIVATE, VARY))


@get(PATH + "/{model:path}")
async def retrieve(request: Call) -> Answer:
    gateway, principal = browser(request, Scope.VIDEOS_READ)
    id = str(request.path_params["model"]).strip("/")
    model = next((model for model in models(gateway, principal) if model.id == id), None)
    if model is None:
        raise NotFound(f"There is no such model here; GET {PATH} lists those there are")
    return Answer(encode(model), headers=(JSON, PRIVATE, VARY))


def models(gateway: Gateway, principal: Principal) -> tuple[ModelView, ...]:
    """What this caller can ask for."""
    known = gateway.decisions.models(principal.tenant)
    return tuple(_model(id, _makers(gateway, accounts)) for id, accounts in known.items())


def _model(id: str, makers: tuple[MakerView, ...]) -> ModelView:
    providers = {maker.provider for maker in makers}
    owner = providers.pop() if len(providers) == 1 else US
    return ModelView(id=id, owned_by=owner, gateway=ModelGatewayView(accounts=makers))


def _makers(gateway: Gateway, accounts: list[str]) -> tuple[MakerView, ...]:
    return tuple(maker(account, provider) for account, provider in gateway.accounts.those(accounts))


def maker(account: Account, provider: Provider) -> MakerView:
    """An account, and what it can be told."""
    able = provider.capabilities
    span, (best, worst) = able.seconds, able.typical_seconds
    return MakerView(
        account=account.id,
        provider=account.provider,
        aspect_ratios=able.aspect_ratios,
        seconds=None if span is None else SecondsView(shortest=span[0], longest=span[1], default=able.default_seconds),
        qualities=able.qualities,
        image_input=able.image_input,
        max_prompt=able.max_prompt,
        typical_seconds=TypicalView(best=best, worst=worst),
        prices=tuple(
            _price(quality, credits, account.price_per_credit) for quality, credits in price_list(provider.rates, able)
        ),
    )


def _price(quality: Quality, credits: CreditRange, per_credit: Micros | None) -> PriceView:
    money = None if per_credit is None else credits.at(per_credit)
    return PriceView(
        quality=quality,
        low=credits.low,
        high=credits.high,
        low_micros=None if money is None else money.low,
        high_micros=None if money is None else money.high,
    )
