"""A tenant's own account: its videos may go there, and nobody else's ever do, whatever they ask for."""

from typing import Any

import httpx
from msgspec.structs import replace

from schema.account import Secret
from schema.tenant import Funding, FundingMode
from tests.support.running import Running, Setup, configured, running

OWN = "acme-own"


async def with_own_account(pair: Running) -> None:
    """acme gets an account of its own, cheaper than all others: at the same upstream, with prices of its own."""
    accounts = pair.gateway.settings.accounts
    doitong = next(account for account in accounts if account.provider == "doitong")
    own = replace(doitong, id=OWN, owner="acme", price_per_credit=0, credential=Secret("sandbox-doitong-key"))
    await configured(pair.gateway, accounts=(*accounts, own))


def candidates(decision: dict[str, Any]) -> set[str]:
    return {candidate["account"] for candidate in decision["candidates"]}


async def test_an_own_account_is_for_its_tenant_alone(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        await with_own_account(pair)
        mine = await pair.create("mine")
        both = (pair.client, pair.other)
        quotes = [(await client.post("/v1/quotes", json={"prompt": "x"})).json() for client in both]
        theirs = (await pair.other.post("/v1/videos", json={"prompt": "theirs"})).json()
        wished = {"prompt": "x", "gateway": {"only": [OWN]}}
        refused = await pair.other.post("/v1/videos", json=wished)
        unknown = await pair.other.post("/v1/videos", json={**wished, "gateway": {"only": ["nobody-has-this"]}})
        names = [{one["account"] for one in (await client.get("/v1/providers")).json()["data"]} for client in both]
        video = await pair.finished(mine["id"])
        await pair.gateway.events.wait("other", theirs["id"], 20)
        theirs = (await pair.other.get(f"/v1/videos/{theirs['id']}")).json()

    assert video["gateway"]["account"] == OWN
    assert theirs["gateway"]["account"] != OWN
    assert [OWN in candidates(quote["decision"]) for quote in quotes] == [True, False]
    assert [OWN in seen for seen in names] == [True, False]
    assert refused.status_code == unknown.status_code
    assert shape(refused, OWN) == shape(unknown, "nobody-has-this")  # that it is there is not told


def shape(answer: httpx.Response, name: str) -> str:
    """An answer without what no two of them share."""
    body = answer.json()
    return answer.text.replace(name, "*").replace(body["request_id"], "*")


async def test_an_account_that_is_given_to_a_tenant_takes_nobody_elses_waiting_videos(tmp_path):
    async with running(Setup(folder=tmp_path, concurrent=1)) as pair:
        accounts = pair.gateway.settings.accounts
        veo = next(account for account in accounts if account.provider == "veo3o1")
        only = {"gateway": {"only": ["veo-main"]}}
        first = (await pair.other.post("/v1/videos", json={"prompt": "one [sim:slow]", **only})).json()
        second = (await pair.other.post("/v1/videos", json={"prompt": "two", **only})).json()
        async for event, _ in pair.gateway.events.watch("other", first["id"]):
            if event.data["status"] == "in_progress":
                break

        await configured(pair.gateway, accounts=(replace(veo, owner="acme"), *(one for one in accounts if one != veo)))
        await pair.gateway.events.wait("other", first["id"], 30)
        await pair.gateway.events.wait("other", second["id"], 30)
        ended = [(await pair.other.get(f"/v1/videos/{one['id']}")).json() for one in (first, second)]
        truth = await pair.truth()

    assert ended[0]["status"] == "completed"  # what it began is brought to its end
    assert ended[1]["status"] == "failed"
    assert [one["prompt"] for one in truth["submissions"]] == ["one [sim:slow]"]


async def test_a_quote_at_an_own_account_is_no_promise_for_others(tmp_path):
    prepaid = Funding(mode=FundingMode.PREPAID, opening=100_000)
    async with running(Setup(folder=tmp_path, funding=prepaid)) as pair:
        await with_own_account(pair)
        wish = {"prompt": "a boat", "gateway": {"only": [OWN, "veo-main"]}}
        quote = (await pair.client.post("/v1/quotes", json=wish)).json()
        await configured(pair.gateway)  # the own account is gone, and the video would be made elsewhere
        dear = await pair.client.post("/v1/videos", json={"prompt": "a boat", "gateway": {"only": ["veo-main"]}})

    assert quote["account"] == OWN
    assert quote["id"] is None
    assert dear.status_code == 402
