"""Tenants and accounts set up by the API, on both engines: they work at once, everywhere, and leave their lines."""

from typing import Any

import httpx

from gateway.services.hands import Hand
from gateway.wiring import gateway
from schema.errors import InvalidRequest
from schema.tenant import Funding, FundingMode
from tests.flows.engine import until
from tests.support.running import ADMIN_KEY, Running, Setup, running

AS_ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
SECRET = "sandbox-veo3o1-key"  # the sandbox's


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def veo(here: Running, id: str, **more: Any) -> dict[str, Any]:
    base = {"id": id, "provider": "veo3o1", "credential": SECRET, "sandbox": True, "price_per_credit": "0"}
    quick = {"per_minute": 600}  # who is known to take little is seldom asked how far it is
    return {**base, "base_url": here.sandbox.veo3o1_url, "limits": quick, **more}


async def test_what_is_set_up_at_one_door_works_and_is_written_down(tmp_path, database_url):
    prepaid = Funding(mode=FundingMode.PREPAID, opening=20_000_000)
    async with running(Setup(folder=tmp_path, database_url=database_url, funding=prepaid)) as here:
        good(await here.operator.post("/v1/admin/tenants", json={"id": "late", "test": True}), 201)
        own = good(await here.client.post("/v1/accounts", json=veo(here, "mine"), headers=AS_ADMIN), 201)
        video = await here.finished((await here.create(gateway={"only": ["acme~mine"]}))["id"])
        rotated = good(
            await here.client.post(
                "/v1/accounts/acme~mine/credential", json={"credential": "another"}, headers=AS_ADMIN
            )
        )
        tested = good(await here.client.post("/v1/accounts/acme~mine/test", headers=AS_ADMIN))
        good(
            await here.client.patch(
                "/v1/tenant", json={"routing": {"strategy": "fastest"}}, headers={**AS_ADMIN, "if-match": '"1"'}
            )
        )
        good(await here.operator.post("/v1/admin/tenants/acme/top-ups", json={"amount": "1.00"}), 201)
        good(await here.operator.post("/v1/admin/accounts/acme~mine/pause", json={"note": "so"}))
        told = good(await here.client.get("/v1/audit", headers=AS_ADMIN, params={"limit": 100}))["data"]
        whole = await here.operator.get("/v1/admin/audit/export")
        sealed = await here.gateway.store.read(lambda tx: tx.sealed.all("credential"))

    assert (video["status"], video["gateway"]["cost"]["charged_micros"]) == ("completed", 0)
    assert (own["owner"], rotated["credential_version"], tested["credential"]) == ("acme", 2, "refused")
    assert [(one["action"], one["actor"]) for one in told][:5] == [
        ("account.paused", "operator"),
        ("tenant.topped_up", "operator"),
        ("policy.changed", f"acme …{ADMIN_KEY[-4:]}"),
        ("account.updated", f"acme …{ADMIN_KEY[-4:]}"),
        ("account.created", f"acme …{ADMIN_KEY[-4:]}"),
    ]
    assert '"tenant.created"' in whole.text
    assert SECRET not in whole.text + str(sealed)


async def test_what_is_set_up_at_one_replica_serves_at_the_other(tmp_path, postgres):
    url = await postgres.create("setups")
    async with (
        running(Setup(folder=tmp_path, database_url=url)) as here,
        gateway(here.gateway.settings) as other,
    ):
        good(await here.operator.post("/v1/admin/accounts", json=veo(here, "veo-late")), 201)
        good(await here.operator.post("/v1/admin/tenants", json={"id": "late"}), 201)

        async def noticed() -> bool:
            return other.accounts.get("veo-late") is not None and other.tenants.get("late") is not None

        await until(noticed)
        found = other.accounts.get("veo-late")

    assert found is not None
    assert found[0].credential.reveal() == SECRET


async def test_a_live_tenants_own_account_is_none_of_the_sandboxs(tmp_path):
    async with running(Setup(folder=tmp_path)) as here:
        good(await here.operator.post("/v1/admin/tenants", json={"id": "live"}), 201)
        live = here.gateway.tenants.get("live")
        assert live is not None
        setups = here.gateway.account_setups

        refused = []
        for sandbox in (True, False):
            try:
                await setups.create(
                    veo(here, "mine", sandbox=sandbox), live, by=Hand(actor="live …0000", scopes=frozenset())
                )
            except InvalidRequest as error:
                refused.append((sandbox, str(error)))

    assert refused == [(True, "sandbox: is for test tenants alone")]
