"""/v1/admin/tenants: tenants made, seen, changed and removed by operators."""

from typing import Any

import msgspec
from litestar import delete, get, patch, post

from gateway.auth import actor_of, hand_of
from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator
from gateway.rest.admin_tenants import PATH as ONE
from gateway.rest.admin_tenants import tenant_of
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import MERGE_PATCH, read_document
from gateway.rest.headers import IF_MATCH, if_match_both
from gateway.rest.pages import cut, given
from gateway.rest.policy_views import Changes, tenant_view
from gateway.rest.requests import Call, caller, headers
from gateway.rest.tenancy_views import AnyTenantView, TenantSetupPageView, setup_view, tenant_setup_view
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.services.tenancies import TenantPage
from gateway.wiring import Gateway
from schema.directory import TenantRecord
from schema.errors import InvalidRequest, PreconditionRequired
from schema.policy import PolicyVersion
from schema.tenant import Scope, Tenant
from schema.video import invalid

PATH = ADMIN + "/tenants"
_LONGEST_ID = 64


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, _ = operator(request)
    wish = cut(given(request.scope["query_string"], ("after", "limit")), _could_be_id, "a tenant")
    page = gateway.tenancies.page(after=wish.after, limit=wish.limit)
    return Answer(encode(_page(page)), headers=(JSON, PRIVATE, VARY))


@post(PATH)
async def create(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.OPERATOR)
    made = await gateway.tenancies.create(await read_document(request), by=hand_of(principal))
    return await _shown(gateway, made, status=201)


@get(ONE)
async def retrieve(request: Call) -> Answer:
    gateway, _ = operator(request)
    return await _shown(gateway, gateway.tenancies.one(tenant_of(gateway, request).id))


@patch(ONE)
async def update(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.OPERATOR)
    tenant = tenant_of(gateway, request)
    policy, setup = if_match_both(headers(request.scope, IF_MATCH.lower().encode()))
    changes = await read_document(request, MERGE_PATCH)
    if isinstance(changes, dict) and changes.keys() <= {"routing", "note"}:
        return await _reroute(gateway, tenant, policy, changes, actor_of(principal))
    if isinstance(changes, dict) and not changes.keys().isdisjoint({"routing", "note"}):
        raise InvalidRequest.field(
            "routing", "not_alone", "is changed by a request of its own: it has its own versions"
        )
    if setup is None:
        raise PreconditionRequired("Send the whole ETag of the tenant as If-Match: both numbers of it")
    made = await gateway.tenancies.update(tenant.id, setup, changes, by=hand_of(principal))
    return await _shown(gateway, made)


@delete(ONE, status_code=200)
async def remove(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.OPERATOR)
    tenant = tenant_of(gateway, request)
    _, setup = if_match_both(headers(request.scope, IF_MATCH.lower().encode()))
    if setup is None:
        raise PreconditionRequired("Send the whole ETag of the tenant as If-Match: both numbers of it")
    gone = await gateway.tenancies.remove(tenant.id, setup, by=hand_of(principal))
    return Answer(encode(tenant_setup_view(gone)), headers=(JSON, PRIVATE, VARY))


async def _reroute(gateway: Gateway, tenant: Tenant, expected: int, changes: dict[str, Any], actor: str) -> Answer:
    try:
        wanted = msgspec.convert(changes, Changes)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    made = await gateway.policies.change(tenant, expected, wanted.routing, author=actor, note=wanted.note)
    return await _shown(gateway, gateway.tenancies.one(tenant.id), made)


async def _shown(
    gateway: Gateway, record: TenantRecord, version: PolicyVersion | None = None, *, status: int = 200
) -> Answer:
    id = record.tenant.id
    version = version or await gateway.policies.current(id)
    plain = tenant_view(record.tenant, version, gateway.policies.managed_by(id), await gateway.limits_uses.of(id))
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__ if name != "object"}
    etag = (b"etag", b'"%d.%d"' % (version.version, record.ownership.version))
    view = AnyTenantView(**fields, setup=setup_view(record))
    return Answer(encode(view), status=status, headers=(JSON, PRIVATE, VARY, etag))


def _page(page: TenantPage) -> TenantSetupPageView:
    data = tuple([tenant_setup_view(record) for record in page.records])
    return TenantSetupPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def _could_be_id(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_ID
