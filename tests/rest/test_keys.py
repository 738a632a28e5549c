"""Who may do what: every route with every kind of key."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import pytest_asyncio

from gateway.auth import principal_of, require
from gateway.config.settings import KeySetup, TenantSetup
from gateway.ports import listen
from gateway.rest.operations import OPERATIONS, Operation
from gateway.serving import serving
from gateway.wiring import Gateway, gateway
from schema.account import Secret
from schema.errors import Forbidden, Unauthenticated
from schema.tenant import Scope, Tenant
from tests.rest.answers import problem
from tests.support.running import Setup, free_port, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {
    Scope.VIDEOS_READ: "fg_test_reader_0123456789abcdefghij",
    Scope.VIDEOS_WRITE: "fg_test_writer_0123456789abcdefghij",
    Scope.TENANT_ADMIN: "fg_test_master_0123456789abcdefghij",
    Scope.OPERATOR: "fg_test_runner_0123456789abcdefghij",
}
GUARDED = {place: operation for place, operation in OPERATIONS.items() if operation.scope is not None}
cases = pytest.mark.parametrize(
    ("place", "operation"), GUARDED.items(), ids=[operation.id for operation in GUARDED.values()]
)


class Door:
    def __init__(self, built: Gateway, client: httpx.AsyncClient) -> None:
        self.built = built
        self.client = client

    async def knock(self, place: tuple[str, str], authorization: str | None) -> httpx.Response:
        method, path = place
        zeros = "0" * 26
        url = path.format(
            video_id=f"video_{zeros}",
            attempt_id=f"att_{zeros}",
            batch_id=f"batch_{zeros}",
            token_id=f"ctk_{zeros}",
            key_id=f"key_{zeros}",
            image_id=f"img_{zeros}",
            endpoint_id=f"whe_{zeros}",
            delivery_id=f"msg_{zeros}",
            tenant_id="acme",
            account_id="veo-main",
            model="auto",
            version=1,
        )
        headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
        return await self.client.request(method, url, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """A gateway without accounts, whose tenant has a key for each scope."""
    keys = tuple(KeySetup(secret=Secret(key), scopes=frozenset({scope})) for scope, key in KEYS.items())
    port = free_port()
    settings = settings_for(
        Setup(folder=tmp_path_factory.mktemp("door")), (), sandbox_url="http://127.0.0.1:1", public_url="http://x.test"
    )
    settings = msgspec.structs.replace(
        settings, tenants=(TenantSetup(tenant=Tenant(id="acme", name="acme"), keys=keys),)
    )
    async with (
        gateway(settings) as built,
        serving(built, listener=listen("127.0.0.1", port), worker=False),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield Door(built, client)


@cases
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {KEYS[Scope.VIDEOS_READ]}",
        KEYS[Scope.VIDEOS_READ],
        f"Bearer {KEYS[Scope.VIDEOS_READ]}x",
        f"Bearer {'x' * 5000}",
        "Bearer \xe9",
    ],
    ids=["none", "empty", "no key", "wrong", "basic", "bare", "longer", "endless", "not ASCII"],
)
async def test_no_route_opens_without_a_key(
    door: Door, place: tuple[str, str], operation: Operation, authorization: str | None
):
    response = await door.knock(place, authorization)

    body = problem(response, 401, "unauthenticated")
    presented = (authorization or "").startswith("Bearer ")
    assert response.headers["www-authenticate"] == 'Bearer realm="filmgate"' + (', error="invalid_token"' * presented)
    assert body["error"]["type"] == "authentication_error"
    assert "0123456789" not in response.text


@cases
async def test_a_route_opens_to_the_key_with_its_scope_alone(door: Door, place: tuple[str, str], operation: Operation):
    answers = {scope: await door.knock(place, f"Bearer {key}") for scope, key in KEYS.items()}

    for scope, response in answers.items():
        if scope is operation.scope:
            assert response.status_code in {200, 404, 415, 428}
        else:
            body = problem(response, 403, "forbidden")
            assert body["error"]["type"] == "permission_error"
            assert operation.scope in body["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_as_one_likes(door: Door, scheme: str):
    principal = principal_of(door.built, f"{scheme}  {KEYS[Scope.VIDEOS_READ]} ")

    assert principal.tenant.id == "acme"
    require(principal, Scope.VIDEOS_READ)
    with pytest.raises(Forbidden):
        require(principal, Scope.VIDEOS_WRITE)


async def test_a_key_that_can_not_be_written_is_nobodys(door: Door):
    with pytest.raises(Unauthenticated):
        principal_of(door.built, "Bearer \ud800")
    with pytest.raises(Unauthenticated):
        principal_of(door.built, "Bearer  ")
