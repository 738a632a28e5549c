"""/v1/models: what can be asked for, in OpenAI's form, with who makes it and what they can be told."""

from typing import Annotated, Literal

import msgspec
from litestar import get

from gateway.rest.answers import JSON, Answer
from gateway.rest.requests import Call, caller
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.wiring import Gateway
from providers.base import Capabilities
from schema.account import Account
from schema.errors import NotFound
from schema.tenant import Principal, Scope
from schema.video import AspectRatio, Quality

PATH = "/v1/models"
US = "filmgate"

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]


class SecondsView(msgspec.Struct, frozen=True, kw_only=True):
    """The durations a provider can be told.

    Attributes:
        default: what it makes when told nothing.
    """

    shortest: _Seconds
    longest: _Seconds
    default: _Seconds | None


class MakerView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider account that serves a model, and what it can be told.

    Attributes:
        seconds: null when it can not be told a duration.
        qualities: beside the plain one.
        image_input: it can start from a picture.
        max_prompt: characters.
    """

    account: _Name
    provider: _Name
    aspect_ratios: Annotated[tuple[AspectRatio, ...], msgspec.Meta(max_length=8)]
    seconds: SecondsView | None
    qualities: Annotated[tuple[Quality, ...], msgspec.Meta(max_length=8)]
    image_input: bool
    max_prompt: Annotated[int, msgspec.Meta(ge=1, le=100_000)]


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
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    return Answer(encode(ModelListView(data=models(gateway, principal))), headers=(JSON, PRIVATE, VARY))


@get(PATH + "/{model:path}")
async def retrieve(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
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
    found = [configured for id in accounts if (configured := gateway.accounts.get(id)) is not None]
    return tuple([maker(account, provider.capabilities) for account, provider in found])


def maker(account: Account, able: Capabilities) -> MakerView:
    """An account, and what it can be told."""
    return MakerView(
        account=account.id,
        provider=account.provider,
        aspect_ratios=able.aspect_ratios,
        seconds=None
        if able.seconds is None
        else SecondsView(shortest=able.seconds[0], longest=able.seconds[1], default=able.default_seconds),
        qualities=able.qualities,
        image_input=able.image_input,
        max_prompt=able.max_prompt,
    )
