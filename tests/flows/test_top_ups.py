"""Top-ups that come at once: one key is booked once, on either engine."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.wiring import Seams
from schema.tenant import Funding, FundingMode
from tests.support.certificates import certificates
from tests.support.running import Running, Setup, running

PREPAID = Funding(mode=FundingMode.PREPAID, opening=1_000_000)


@pytest.fixture
async def here(database_url, tmp_path) -> AsyncIterator[Running]:
    setup = Setup(database_url=database_url, folder=tmp_path, funding=PREPAID, seams=Seams(verify=certificates()))
    async with running(setup) as both:
        yield both


async def test_a_key_that_is_used_many_times_at_once_is_booked_once(here):
    async def top_up() -> tuple[int, str, str | None]:
        headers = {"idempotency-key": "at-once"}
        response = await here.operator.post("/v1/admin/tenants/acme/top-ups", json={"amount": "2.00"}, headers=headers)
        return response.status_code, response.json().get("id"), response.headers.get("idempotent-replayed")

    answers = await asyncio.gather(*(top_up() for _ in range(16)))

    balance = (await here.client.get("/v1/balance")).json()
    assert {status for status, _, _ in answers} == {201}
    assert len({id for _, id, _ in answers}) == 1
    assert [replayed for _, _, replayed in answers].count(None) == 1
    assert balance["available_micros"] == 3_000_000


async def test_without_a_key_every_top_up_is_one_of_its_own(here):
    url, body = "/v1/admin/tenants/acme/top-ups", {"amount": "2.00"}

    answers = await asyncio.gather(*(here.operator.post(url, json=body) for _ in range(4)))

    assert [answer.status_code for answer in answers] == [201] * 4
    assert (await here.client.get("/v1/balance")).json()["available_micros"] == 9_000_000
