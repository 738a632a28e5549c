"""/v1/webhook_endpoints: addresses of a tenant's that are told of its events; OpenAI's client works with them."""

from functools import partial

from litestar import delete, get, post

from gateway.auth import hand_of
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import read_body
from gateway.rest.endpoint_views import (
    CreateWebhookEndpoint,
    DeletedWebhookEndpointView,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookEventTypesView,
    created,
    endpoint_page,
    endpoint_view,
    made_secret_view,
    secret_view,
    updated,
    with_secret,
)
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller
from gateway.rest.views import encode
from gateway.services.hands import Hand
from gateway.wiring import Gateway
from schema.errors import NotFound
from schema.ids import ENDPOINT, could_be
from schema.tenant import Scope

PATH = "/v1/webhook_endpoints"
ONE = PATH + "/{endpoint_id:str}"
ROTATE = ONE + "/rotate_secret"
TYPES = "/v1/webhook_event_types"
SECRET = "/v1/webhook_secret"  # noqa: S105 - a path
ROTATE_SECRET = SECRET + "/rotate"


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, tenant, _ = _own(request)
    wish = cut(given(request.scope["query_string"], ("after", "limit")), partial(could_be, ENDPOINT), "an endpoint")
    page = await gateway.webhook_endpoints.page(tenant, after=wish.after, limit=wish.limit)
    return Answer(encode(endpoint_page(page, gateway.clock.now())))


@post(PATH)
async def create(request: Call) -> Answer:
    gateway, tenant, hand = _own(request)
    wish = created(await read_body(request, CreateWebhookEndpoint))
    made = await gateway.webhook_endpoints.create(tenant, wish, by=hand)
    location = f"{PATH}/{made.endpoint.id}".encode()
    view = with_secret(made, gateway.clock.now())
    return Answer(encode(view), status=201, headers=(JSON, (b"location", location)))


@get(ONE)
async def retrieve(request: Call) -> Answer:
    gateway, tenant, _ = _own(request)
    found = await gateway.webhook_endpoints.get(tenant, endpoint_of(request))
    return Answer(encode(endpoint_view(found, gateway.clock.now())))


@post(ONE, status_code=200)
async def update(request: Call) -> Answer:
    gateway, tenant, hand = _own(request)
    id, wish = endpoint_of(request), updated(await read_body(request, UpdateWebhookEndpoint))
    changed = await gateway.webhook_endpoints.update(tenant, id, wish, by=hand)
    return Answer(encode(endpoint_view(changed, gateway.clock.now())))


@delete(ONE, status_code=200)
async def remove(request: Call) -> Answer:
    gateway, tenant, hand = _own(request)
    gone = await gateway.webhook_endpoints.remove(tenant, endpoint_of(request), by=hand)
    return Answer(encode(DeletedWebhookEndpointView(id=gone.endpoint.id)))


@post(ROTATE, status_code=200)
async def rotate(request: Call) -> Answer:
    gateway, tenant, hand = _own(request)
    id, wanted = endpoint_of(request), await _rotation(request)
    keep_old = wanted.keep_old_secret_active_for_24_hours
    changed = await gateway.webhook_endpoints.rotate(tenant, id, keep_old=keep_old, by=hand)
    return Answer(encode(with_secret(changed, gateway.clock.now())))


@get(TYPES)
async def event_types(request: Call) -> Answer:
    _own(request)
    given(request.scope["query_string"], ())
    return Answer(encode(WebhookEventTypesView()))


# what signs for addresses that are given video by video


@get(SECRET)
async def secret(request: Call) -> Answer:
    gateway, tenant, _ = _own(request)
    given(request.scope["query_string"], ())
    return Answer(encode(secret_view(await gateway.webhook_endpoints.secret(tenant), gateway.clock.now())))


@post(ROTATE_SECRET, status_code=200)
async def rotate_secret(request: Call) -> Answer:
    gateway, tenant, hand = _own(request)
    keep_old = (await _rotation(request)).keep_old_secret_active_for_24_hours
    made = await gateway.webhook_endpoints.rotate_secret(tenant, keep_old=keep_old, by=hand)
    return Answer(encode(made_secret_view(made, gateway.clock.now())))


def endpoint_of(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one, without asking the database."""
    id: str = call.path_params["endpoint_id"]
    if not could_be(ENDPOINT, id):
        raise NotFound("There is no such webhook endpoint")
    return id


def _own(call: Call) -> tuple[Gateway, str, Hand]:
    gateway, principal = caller(call, Scope.TENANT_ADMIN)
    return gateway, principal.tenant.id, hand_of(principal)


async def _rotation(call: Call) -> RotateWebhookSecret:
    """No body is as good as an empty one."""
    return await read_body(call, RotateWebhookSecret) if await call.body() else RotateWebhookSecret()
