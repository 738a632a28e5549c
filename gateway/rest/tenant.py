"""/v1/tenant and /v1/admin/tenants/{id}: a tenant, its routing policy through time, and what another had changed."""

from litestar import get, patch, post

from gateway.auth import actor_of
from gateway.rest.admin import operator
from gateway.rest.admin_tenants import PATH as ADMIN
from gateway.rest.admin_tenants import tenant_of
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import MERGE_PATCH, read_body
from gateway.rest.headers import IF_MATCH, if_match
from gateway.rest.pages import cut, given
from gateway.rest.policy_views import LARGEST, Changes, RestorePolicy, tenant_view, version_page
from gateway.rest.replay_views import Proposal, replay_view
from gateway.rest.requests import Call, caller, headers
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.wiring import Gateway
from schema.errors import NotFound
from schema.policy import PolicyVersion
from schema.tenant import Scope, Tenant

PATH = "/v1/tenant"
POLICIES = "/policies"
RESTORE = "/policies/{version:int}/restore"
REPLAY = "/policy/replay"
_LONGEST_VERSION = 15
"""Digits."""


# a tenant for itself


@get(PATH)
async def retrieve(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    return await _shown(gateway, principal.tenant)


@patch(PATH)
async def change(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.TENANT_ADMIN)
    return await _change(gateway, principal.tenant, request, actor_of(principal))


@get(PATH + POLICIES)
async def history(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    return await _history(gateway, principal.tenant, request)


@post(PATH + RESTORE)
async def restore(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.TENANT_ADMIN)
    return await _restore(gateway, principal.tenant, request, actor_of(principal))


@post(PATH + REPLAY)
async def replay(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    return await _replay(gateway, principal.tenant, request)


# an operator for any


@get(ADMIN + POLICIES)
async def history_of_any(request: Call) -> Answer:
    gateway, _ = operator(request)
    return await _history(gateway, tenant_of(gateway, request), request)


@post(ADMIN + RESTORE)
async def restore_any(request: Call) -> Answer:
    gateway, actor = operator(request)
    return await _restore(gateway, tenant_of(gateway, request), request, actor)


@post(ADMIN + REPLAY)
async def replay_any(request: Call) -> Answer:
    gateway, _ = operator(request)
    return await _replay(gateway, tenant_of(gateway, request), request)


async def _shown(gateway: Gateway, tenant: Tenant, version: PolicyVersion | None = None) -> Answer:
    version = version or await gateway.policies.current(tenant.id)
    used = await gateway.limits_uses.of(tenant.id)
    view = tenant_view(tenant, version, gateway.policies.managed_by(tenant.id), used)
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY, (b"etag", b'"%d"' % version.version)))


async def _change(gateway: Gateway, tenant: Tenant, call: Call, author: str) -> Answer:
    expected = if_match(headers(call.scope, IF_MATCH.lower().encode()))
    wanted = await read_body(call, Changes, MERGE_PATCH)
    made = await gateway.policies.change(tenant, expected, wanted.routing, author=author, note=wanted.note)
    return await _shown(gateway, tenant, made)


async def _history(gateway: Gateway, tenant: Tenant, call: Call) -> Answer:
    asked = given(call.scope["query_string"], ("after", "limit"))
    wish = cut(asked, _could_be_version, "a version")
    before = None if wish.after is None else int(wish.after)
    page = await gateway.policies.history(tenant.id, before=before, limit=wish.limit)
    return Answer(encode(version_page(page)), headers=(JSON, PRIVATE, VARY))


async def _restore(gateway: Gateway, tenant: Tenant, call: Call, author: str) -> Answer:
    expected = if_match(headers(call.scope, IF_MATCH.lower().encode()))
    to: int = call.path_params["version"]
    if to > LARGEST:
        raise NotFound
    wanted = await read_body(call, RestorePolicy)
    made = await gateway.policies.restore(tenant, expected, to, author=author, note=wanted.note)
    return await _shown(gateway, tenant, made)


async def _replay(gateway: Gateway, tenant: Tenant, call: Call) -> Answer:
    wanted = await read_body(call, Proposal)
    return Answer(encode(replay_view(await gateway.replays.replay(tenant, wanted.routing, wanted.last))))


def _could_be_version(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_VERSION
