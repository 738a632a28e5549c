"""/v1/webhook_endpoints/{id}/deliveries and /v1/videos/{id}/deliveries: what was told, again, and a sample."""

from functools import partial

from litestar import get, post

from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import read_body
from gateway.rest.delivery_views import (
    ReplayedView,
    ReplaySince,
    TestEndpoint,
    delivery_page,
    since_millis,
    tested_view,
    whole_view,
)
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller, video_id
from gateway.rest.videos import PATH as VIDEOS
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.wiring import Gateway
from schema.delivery import DeliveryState
from schema.errors import InvalidRequest, NotFound
from schema.ids import ENDPOINT, MESSAGE, could_be
from schema.tenant import Scope

ENDPOINTS = "/v1/webhook_endpoints"
OF_ENDPOINT = ENDPOINTS + "/{endpoint_id:str}"
OF_VIDEO = VIDEOS + "/{video_id:str}"
ALL, ONE = "/deliveries", "/deliveries/{delivery_id:str}"
REPLAY, TEST = "/replay", "/test"
_STATES = frozenset(DeliveryState)


# of an endpoint


@get(OF_ENDPOINT + ALL)
async def list_(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _page(gateway, tenant, _endpoint(request), request)


@get(OF_ENDPOINT + ONE)
async def retrieve(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _one(gateway, tenant, _endpoint(request), request)


@post(OF_ENDPOINT + ONE + REPLAY)
async def replay(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _again(gateway, tenant, _endpoint(request), request)


@post(OF_ENDPOINT + REPLAY)
async def replay_since(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    id, wanted = _endpoint(request), await read_body(request, ReplaySince)
    count = await gateway.delivery_log.replay_since(
        tenant, id, since_millis(wanted), types=frozenset(wanted.event_types), failed_only=wanted.failed_only
    )
    return Answer(encode(ReplayedView(count=count)), status=202)


@post(OF_ENDPOINT + TEST)
async def test(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    id, wanted = _endpoint(request), await read_body(request, TestEndpoint)
    tried = await gateway.deliveries.test(tenant, id, wanted.event_type)
    return Answer(encode(tested_view(id, wanted.event_type, tried)))


# to the address that a video was given


@get(OF_VIDEO + ALL)
async def list_of_video(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _page(gateway, tenant, video_id(request), request)


@get(OF_VIDEO + ONE)
async def retrieve_of_video(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _one(gateway, tenant, video_id(request), request)


@post(OF_VIDEO + ONE + REPLAY)
async def replay_of_video(request: Call) -> Answer:
    gateway, tenant = _admin(request)
    return await _again(gateway, tenant, video_id(request), request)


def _admin(call: Call) -> tuple[Gateway, str]:
    gateway, principal = caller(call, Scope.TENANT_ADMIN)
    return gateway, principal.tenant.id


async def _page(gateway: Gateway, tenant: str, of: str, call: Call) -> Answer:
    asked = given(call.scope["query_string"], ("after", "limit", "state"))
    state = asked.get("state")
    if state is not None and state not in _STATES:
        raise InvalidRequest.field("state", "invalid_value", f"must be one of {', '.join(DeliveryState)}")
    wish = cut(asked, partial(could_be, MESSAGE), "a delivery")
    wanted = None if state is None else DeliveryState(state)
    page = await gateway.delivery_log.page(tenant, of, after=wish.after, limit=wish.limit, state=wanted)
    return Answer(encode(delivery_page(page)), headers=(JSON, PRIVATE, VARY))


async def _one(gateway: Gateway, tenant: str, of: str, call: Call) -> Answer:
    record = await gateway.delivery_log.get(tenant, _delivery(call), of=of)
    return Answer(encode(whole_view(record)), headers=(JSON, PRIVATE, VARY))


async def _again(gateway: Gateway, tenant: str, of: str, call: Call) -> Answer:
    record = await gateway.delivery_log.replay(tenant, _delivery(call), of=of)
    return Answer(encode(whole_view(record)), status=202)


def _endpoint(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one."""
    id: str = call.path_params["endpoint_id"]
    if not could_be(ENDPOINT, id):
        raise NotFound("There is no such webhook endpoint")
    return id


def _delivery(call: Call) -> str:
    id: str = call.path_params["delivery_id"]
    return id
