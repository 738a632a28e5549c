"""/v1/keys and /v1/admin/tenants/{id}/keys: a tenant's API keys, for its administrators and for operators."""

from functools import partial

from litestar import delete, get, patch, post

from gateway.auth import hand_of
from gateway.rest.admin_tenants import PATH as ADMIN
from gateway.rest.admin_tenants import tenant_of
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import JSON_TYPE, read_body
from gateway.rest.key_views import (
    CreateApiKey,
    RotateApiKey,
    UpdateApiKey,
    created,
    key_page,
    key_view,
    made_view,
    updated,
)
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller
from gateway.rest.views import encode
from gateway.services.hands import Hand
from gateway.services.keys import Made
from gateway.wiring import Gateway
from schema.api_key import ApiKey
from schema.errors import NotFound
from schema.ids import KEY, could_be
from schema.tenant import Scope, Tenant

PATH = "/v1/keys"
ANY = ADMIN + "/keys"
ONE = "/{key_id:str}"
ROTATE = ONE + "/rotate"
MERGE_PATCH_TYPE = "application/merge-patch+json"

Meant = tuple[Gateway, Tenant, Hand]
"""The gateway, whose keys, and who is at them."""


# a tenant's administrators for itself


@get(PATH)
async def list_(request: Call) -> Answer:
    return await _list(own(request), request)


@post(PATH)
async def create(request: Call) -> Answer:
    return await _create(own(request), request, PATH)


@get(PATH + ONE)
async def retrieve(request: Call) -> Answer:
    return await _retrieve(own(request), request)


@patch(PATH + ONE)
async def change(request: Call) -> Answer:
    return await _change(own(request), request)


@delete(PATH + ONE, status_code=200)
async def revoke(request: Call) -> Answer:
    return await _revoke(own(request), request)


@post(PATH + ROTATE)
async def rotate(request: Call) -> Answer:
    return await _rotate(own(request), request, PATH)


# operators for any


@get(ANY)
async def list_any(request: Call) -> Answer:
    return await _list(any_(request), request)


@post(ANY)
async def create_any(request: Call) -> Answer:
    return await _create(any_(request), request, ANY)


@get(ANY + ONE)
async def retrieve_any(request: Call) -> Answer:
    return await _retrieve(any_(request), request)


@patch(ANY + ONE)
async def change_any(request: Call) -> Answer:
    return await _change(any_(request), request)


@delete(ANY + ONE, status_code=200)
async def revoke_any(request: Call) -> Answer:
    return await _revoke(any_(request), request)


@post(ANY + ROTATE)
async def rotate_any(request: Call) -> Answer:
    return await _rotate(any_(request), request, ANY)


def own(call: Call) -> Meant:
    gateway, principal = caller(call, Scope.TENANT_ADMIN)
    return gateway, principal.tenant, hand_of(principal)


def any_(call: Call) -> Meant:
    gateway, principal = caller(call, Scope.OPERATOR)
    return gateway, tenant_of(gateway, call), hand_of(principal)


async def _list(meant: Meant, call: Call) -> Answer:
    gateway, tenant, _ = meant
    wish = cut(given(call.scope["query_string"], ("after", "limit")), partial(could_be, KEY), "an API key")
    page = await gateway.keys.page(tenant.id, after=wish.after, limit=wish.limit)
    return Answer(encode(key_page(page, gateway.clock.now())))


async def _create(meant: Meant, call: Call, path: str) -> Answer:
    gateway, tenant, hand = meant
    wanted = await read_body(call, CreateApiKey)
    return _made(meant, await gateway.keys.create(tenant, created(wanted), by=hand), path)


async def _retrieve(meant: Meant, call: Call) -> Answer:
    gateway, tenant, _ = meant
    return _shown(gateway, await gateway.keys.get(tenant.id, _id(call)))


async def _change(meant: Meant, call: Call) -> Answer:
    gateway, tenant, hand = meant
    id, wanted = _id(call), await read_body(call, UpdateApiKey, (JSON_TYPE, MERGE_PATCH_TYPE))
    return _shown(gateway, await gateway.keys.update(tenant.id, id, updated(wanted), by=hand))


async def _revoke(meant: Meant, call: Call) -> Answer:
    gateway, tenant, hand = meant
    return _shown(gateway, await gateway.keys.revoke(tenant.id, _id(call), by=hand))


async def _rotate(meant: Meant, call: Call, path: str) -> Answer:
    gateway, tenant, hand = meant
    id, wanted = _id(call), await read_body(call, RotateApiKey)
    return _made(meant, await gateway.keys.rotate(tenant, id, wanted.overlap_seconds, by=hand), path)


def _shown(gateway: Gateway, key: ApiKey) -> Answer:
    return Answer(encode(key_view(key, gateway.clock.now())))


def _made(meant: Meant, made: Made, path: str) -> Answer:
    gateway, tenant, _ = meant
    location = f"{path.replace('{tenant_id:str}', tenant.id)}/{made.key.id}".encode()
    return Answer(encode(made_view(made, gateway.clock.now())), status=201, headers=(JSON, (b"location", location)))


def _id(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one, without asking the database."""
    id: str = call.path_params["key_id"]
    if not could_be(KEY, id):
        raise NotFound("There is no such API key")
    return id
