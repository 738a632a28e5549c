"""/v1/admin/accounts and /v1/accounts: accounts set up, changed, tested and removed; by the operator, and each own."""

from litestar import delete, get, patch, post

from gateway.auth import hand_of
from gateway.rest.admin_accounts import PATH as ADMIN
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import MERGE_PATCH, read_document
from gateway.rest.headers import IF_MATCH, if_match
from gateway.rest.pages import given
from gateway.rest.requests import Call, caller, headers
from gateway.rest.setup_views import AccountSetupListView, account_setup_view, tested_view
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.services.account_setups import Setup
from gateway.services.hands import Hand
from gateway.wiring import Gateway
from schema.tenant import Scope, Tenant

OWN = "/v1/accounts"
SETUPS = ADMIN + "/setups"
ONE, OWN_ONE = ADMIN + "/{account_id:str}", OWN + "/{account_id:str}"
CREDENTIAL, WEBHOOK_SECRETS, TEST = "/credential", "/webhook_secrets", "/test"


# the operator's


@get(SETUPS)
async def list_any(request: Call) -> Answer:
    gateway, _ = _operator(request)
    return await _list(gateway, request, None)


@post(ADMIN)
async def create_any(request: Call) -> Answer:
    gateway, hand = _operator(request)
    return await _create(gateway, request, None, hand)


@get(ONE)
async def retrieve_any(request: Call) -> Answer:
    gateway, _ = _operator(request)
    return _shown(await gateway.account_setups.one(_id(request), None))


@patch(ONE)
async def update_any(request: Call) -> Answer:
    gateway, hand = _operator(request)
    return await _update(gateway, request, None, hand)


@delete(ONE, status_code=200)
async def remove_any(request: Call) -> Answer:
    gateway, hand = _operator(request)
    return await _remove(gateway, request, None, hand)


@post(ONE + CREDENTIAL)
async def rotate_any(request: Call) -> Answer:
    gateway, hand = _operator(request)
    return await _rotate(gateway, request, None, hand)


@post(ONE + WEBHOOK_SECRETS)
async def webhook_secrets_any(request: Call) -> Answer:
    gateway, hand = _operator(request)
    return await _webhook_secrets(gateway, request, None, hand)


@post(ONE + TEST)
async def test_any(request: Call) -> Answer:
    gateway, _ = _operator(request)
    return await _test(gateway, request, None)


# a tenant's own


@get(OWN)
async def list_own(request: Call) -> Answer:
    gateway, owner, _ = _own(request)
    return await _list(gateway, request, owner)


@post(OWN)
async def create_own(request: Call) -> Answer:
    gateway, owner, hand = _own(request)
    return await _create(gateway, request, owner, hand)


@get(OWN_ONE)
async def retrieve_own(request: Call) -> Answer:
    gateway, owner, _ = _own(request)
    return _shown(await gateway.account_setups.one(_id(request), owner))


@patch(OWN_ONE)
async def update_own(request: Call) -> Answer:
    gateway, owner, hand = _own(request)
    return await _update(gateway, request, owner, hand)


@delete(OWN_ONE, status_code=200)
async def remove_own(request: Call) -> Answer:
    gateway, owner, hand = _own(request)
    return await _remove(gateway, request, owner, hand)


@post(OWN_ONE + CREDENTIAL)
async def rotate_own(request: Call) -> Answer:
    gateway, owner, hand = _own(request)
    return await _rotate(gateway, request, owner, hand)


@post(OWN_ONE + WEBHOOK_SECRETS)
async def webhook_secrets_own(request: Call) -> Answer:
    gateway, owner, hand = _own(request)
    return await _webhook_secrets(gateway, request, owner, hand)


@post(OWN_ONE + TEST)
async def test_own(request: Call) -> Answer:
    gateway, owner, _ = _own(request)
    return await _test(gateway, request, owner)


def _operator(call: Call) -> tuple[Gateway, Hand]:
    gateway, principal = caller(call, Scope.OPERATOR)
    return gateway, hand_of(principal)


def _own(call: Call) -> tuple[Gateway, Tenant, Hand]:
    gateway, principal = caller(call, Scope.TENANT_ADMIN)
    return gateway, principal.tenant, hand_of(principal)


async def _list(gateway: Gateway, call: Call, owner: Tenant | None) -> Answer:
    given(call.scope["query_string"], ())
    data = tuple([account_setup_view(setup) for setup in await gateway.account_setups.all(owner)])
    return Answer(encode(AccountSetupListView(data=data)), headers=(JSON, PRIVATE, VARY))


async def _create(gateway: Gateway, call: Call, owner: Tenant | None, by: Hand) -> Answer:
    made = await gateway.account_setups.create(await read_document(call), owner, by=by)
    return _shown(made, status=201)


async def _update(gateway: Gateway, call: Call, owner: Tenant | None, by: Hand) -> Answer:
    expected, changes = _expected(call), await read_document(call, MERGE_PATCH)
    return _shown(await gateway.account_setups.update(_id(call), expected, changes, owner, by=by))


async def _remove(gateway: Gateway, call: Call, owner: Tenant | None, by: Hand) -> Answer:
    return _shown(await gateway.account_setups.remove(_id(call), _expected(call), owner, by=by))


async def _rotate(gateway: Gateway, call: Call, owner: Tenant | None, by: Hand) -> Answer:
    document = await read_document(call)
    return _shown(await gateway.account_setups.rotate(_id(call), document, owner, by=by))


async def _webhook_secrets(gateway: Gateway, call: Call, owner: Tenant | None, by: Hand) -> Answer:
    document = await read_document(call)
    return _shown(await gateway.account_setups.set_webhook_secrets(_id(call), document, owner, by=by))


async def _test(gateway: Gateway, call: Call, owner: Tenant | None) -> Answer:
    return Answer(encode(tested_view(await gateway.account_tests.test(_id(call), owner))))


def _shown(setup: Setup, *, status: int = 200) -> Answer:
    etag = (b"etag", b'"%d"' % setup.record.ownership.version)
    return Answer(encode(account_setup_view(setup)), status=status, headers=(JSON, PRIVATE, VARY, etag))


def _expected(call: Call) -> int:
    return if_match(headers(call.scope, IF_MATCH.lower().encode()))


def _id(call: Call) -> str:
    id: str = call.path_params["account_id"]
    return id
