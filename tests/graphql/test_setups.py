"""Tenants, accounts, the audit trail and the master keys over GraphQL: the same as REST's, and refusals are data."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.graphql.asking import ask, codes
from tests.support.running import ADMIN_KEY, Running, Setup, running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("setups over GraphQL"),  # they read what those before them did
]

REFUSALS = "__typename ... on UserError { code message } ... on InvalidInputError { errors { field code } }"
SETUP = """... on AccountSetupSuccess { setup {
    id provider owner baseUrl pricePerCredit limits { perMinute concurrent perDay } options sandbox creditsWarnPercent
    credentialVersion credentialAt webhookSecrets webhookSecretsAt version managedBy file removedAt
} }"""
CREATE = f"mutation ($input: CreateAccountInput!) {{ done: createAccount(input: $input) {{ {REFUSALS} {SETUP} }} }}"
UPDATE = f"mutation ($input: UpdateAccountInput!) {{ done: updateAccount(input: $input) {{ {REFUSALS} {SETUP} }} }}"
REMOVE = f"mutation ($input: RemoveAccountInput!) {{ done: removeAccount(input: $input) {{ {REFUSALS} {SETUP} }} }}"
ROTATE = f"""mutation ($input: RotateAccountCredentialInput!) {{
    done: rotateAccountCredential(input: $input) {{ {REFUSALS} {SETUP} }} }}"""
HOOKS = f"""mutation ($input: SetAccountWebhookSecretsInput!) {{
    done: setAccountWebhookSecrets(input: $input) {{ {REFUSALS} {SETUP} }} }}"""
TEST = """mutation ($input: TestAccountInput!) { done: testAccount(input: $input) { __typename ... on UserError { code }
    ... on TestAccountSuccess { test { account asked reached credential failure detail limit remaining } } } }"""
TENANT = """... on TenantSetupSuccess { setup { tenant { id name test policy { routing { strategy } } } origins
    funding { mode opening perDay perMonth perVideo warnPercent } limits { queued weight concurrent }
    version managedBy file } }"""
CREATE_TENANT = (
    f"mutation ($input: CreateTenantInput!) {{ done: createTenant(input: $input) {{ {REFUSALS} {TENANT} }} }}"
)
UPDATE_TENANT = (
    f"mutation ($input: UpdateTenantInput!) {{ done: updateTenant(input: $input) {{ {REFUSALS} {TENANT} }} }}"
)
REMOVE_TENANT = f"""mutation ($input: RemoveTenantInput!) {{
    done: removeTenant(input: $input) {{ {REFUSALS} ... on RemoveTenantSuccess {{ tenant removedAt }} }} }}"""
AUDIT = """query ($own: Boolean! = false, $filter: AuditFilter, $after: String) {
    auditLog(own: $own, filter: $filter, first: 2, after: $after) {
        edges { node { id at actor action tenant subject before after requestId } } pageInfo { hasNextPage endCursor }
    } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gw(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("gw"))) as both:
        yield both


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(gw: Running) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(base_url=gw.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def account(gw: Running, id: str, **more: Any) -> dict[str, Any]:
    setup = {"baseUrl": gw.sandbox.veo3o1_url, "sandbox": True, **more}
    return {"id": id, "provider": "veo3o1", "credential": "sandbox-veo3o1-key", "setup": setup}


async def done(client: httpx.AsyncClient, document: str, **wanted: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(client, document, input=wanted))["done"]
    return answer


async def test_an_account_goes_its_whole_way(gw: Running) -> None:
    op = gw.operator
    made = (await done(op, CREATE, **account(gw, "veo-new", pricePerCredit="0.20", limits={"concurrent": 3})))["setup"]
    updated = await done(op, UPDATE, account="veo-new", expectedVersion=1, setup={"limits": {"concurrent": None}})
    stale = await done(op, UPDATE, account="veo-new", expectedVersion=1, setup={"sandbox": True})
    rotated = await done(op, ROTATE, account="veo-new", credential="another")
    hooked = await done(op, HOOKS, account="veo-new", webhookSecrets=["whsec-first"])
    tested = await done(op, TEST, account="veo-new")
    listed = (await ask(op, "{ accountSetups { id version } }"))["accountSetups"]
    rest = (await op.get("/v1/admin/accounts/veo-new")).json()
    removed = await done(op, REMOVE, account="veo-new", expectedVersion=4)
    gone = await done(op, REMOVE, account="veo-new", expectedVersion=5)

    assert (made["pricePerCredit"], made["limits"]["concurrent"], made["version"]) == ("0.20", 3, 1)
    assert (made["managedBy"], made["owner"], made["options"]) == ("API", None, rest["options"])
    assert updated["setup"]["limits"]["concurrent"] == 1
    assert (stale["__typename"], stale["code"]) == ("ConflictError", "changed_meanwhile")
    assert (rotated["setup"]["credentialVersion"], hooked["setup"]["webhookSecrets"]) == (2, 1)
    assert (tested["test"]["reached"], tested["test"]["credential"]) == (True, "REFUSED")
    assert {"id": "veo-new", "version": 4} in listed
    assert (rest["version"], rest["webhook_secrets"]) == (4, 1)
    assert removed["setup"]["removedAt"] is not None
    assert gone["__typename"] == "NotFoundError"


async def test_mistakes_are_data_with_this_doors_names(gw: Running) -> None:
    wrong = {**account(gw, "bad id", baseUrl="ftp://x", pricePerCredit="much"), "credential": " "}

    refused = await done(gw.operator, CREATE, **wrong)
    by_file = await done(gw.operator, ROTATE, account="veo-main", credential="another")

    assert refused["__typename"] == "InvalidInputError"
    assert {one["field"] for one in refused["errors"]} >= {"id", "credential", "pricePerCredit"}
    assert (by_file["__typename"], by_file["code"]) == ("ManagedByFileError", "managed_by_file")


async def test_a_tenant_has_accounts_of_its_own(gw: Running, admin: httpx.AsyncClient) -> None:
    made = await done(admin, CREATE, own=True, **account(gw, "mine"))
    inside = await done(admin, CREATE, own=True, **account(gw, "x", baseUrl="https://10.1.2.3"))
    tested = await done(admin, TEST, own=True, account="acme~mine")
    others = await done(admin, TEST, own=True, account="veo-main")
    listed = (await ask(admin, "{ accountSetups(own: true) { id owner } }"))["accountSetups"]
    forbidden = await codes(admin, "{ accountSetups { id } }")
    may_not = await codes(gw.client, "{ accountSetups(own: true) { id } }")

    assert (made["setup"]["id"], made["setup"]["owner"]) == ("acme~mine", "acme")
    assert inside["errors"] == [{"field": "baseUrl", "code": "invalid_value"}]
    assert tested["test"]["credential"] == "WORKS"
    assert others["__typename"] == "NotFoundError"
    assert listed == [{"id": "acme~mine", "owner": "acme"}]
    assert forbidden == may_not == ["FORBIDDEN"]


async def test_a_tenant_goes_its_whole_way(gw: Running) -> None:
    op = gw.operator
    made = await done(
        op,
        CREATE_TENANT,
        id="studio",
        test=True,
        funding={"mode": "PREPAID", "opening": "2.00"},
        limits={"queued": 5},
        routing={"strategy": "FASTEST"},
    )
    updated = await done(
        op, UPDATE_TENANT, tenant="studio", expectedVersion=1, changes={"name": "Studio", "limits": {"queued": None}}
    )
    stale = await done(op, UPDATE_TENANT, tenant="studio", expectedVersion=1, changes={"name": "x"})
    wrong = await done(op, CREATE_TENANT, id="studio", funding={"perDay": "a lot"})
    listed = (await ask(op, "{ tenants(first: 100) { hasMore nodes { tenant { id } version file } } }"))["tenants"]
    by_file = await done(op, REMOVE_TENANT, tenant="acme", expectedVersion=1)
    gone = await done(op, REMOVE_TENANT, tenant="studio", expectedVersion=2)

    setup = made["setup"]
    assert (setup["funding"]["mode"], setup["funding"]["opening"], setup["limits"]["queued"]) == ("PREPAID", "2.00", 5)
    assert setup["tenant"]["policy"]["routing"]["strategy"] == "FASTEST"
    assert (updated["setup"]["tenant"]["name"], updated["setup"]["limits"]["queued"]) == ("Studio", 1000)
    assert stale["__typename"] == "ConflictError"
    assert [one["field"] for one in wrong["errors"]] == ["funding.perDay"]
    assert [one["tenant"]["id"] for one in listed["nodes"]] == ["acme", "house", "other", "studio"]
    assert by_file["__typename"] == "ManagedByFileError"
    assert (gone["tenant"], gone["removedAt"] is not None) == ("studio", True)


async def test_the_trail_is_a_connection_and_a_tenants_part_names_no_operator(
    gw: Running, admin: httpx.AsyncClient
) -> None:
    first = (await ask(gw.operator, AUDIT))["auditLog"]
    second = (await ask(gw.operator, AUDIT, after=first["pageInfo"]["endCursor"]))["auditLog"]
    created = (await ask(gw.operator, AUDIT, filter={"action": "account.", "subject": "acme~mine"}))["auditLog"]
    own = (await ask(admin, AUDIT, own=True))["auditLog"]

    ids = [edge["node"]["id"] for edge in (*first["edges"], *second["edges"])]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4
    assert [edge["node"]["action"] for edge in created["edges"]] == ["account.created"]
    assert created["edges"][0]["node"]["after"]["credential"] == "new"
    assert {edge["node"]["tenant"] for edge in own["edges"]} == {"acme"}
    assert await codes(admin, AUDIT) == ["FORBIDDEN"]


async def test_the_master_keys_are_counted_and_turned_and_the_configuration_told(gw: Running) -> None:
    [key] = (await ask(gw.operator, "{ masterKeys { id secrets current } }"))["masterKeys"]
    rekeyed = (await ask(gw.operator, "mutation { rekeySecrets(input: {}) { keyId moved left } }"))["rekeySecrets"]
    configuration = await ask(gw.operator, "{ configuration { source lastRefused { at } needsRestart } }")

    assert key["current"] is True
    assert rekeyed == {"keyId": key["id"], "moved": 0, "left": 0}
    assert configuration["configuration"] == {"source": "filmgate.toml", "lastRefused": None, "needsRestart": []}
