"""POST /v1/videos/{id}/cancel and GET /v1/videos/{id}/route."""

import pytest

from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/videos"


async def test_a_canceled_video_says_so_and_stays_so(pair: Running):
    created = await pair.create("[sim:stuck]")

    first = await pair.client.post(f"{URL}/{created['id']}/cancel")
    second = await pair.client.post(f"{URL}/{created['id']}/cancel")

    assert first.status_code == second.status_code == 200
    assert first.json()["status"] == second.json()["status"] == "canceled"
    assert first.json()["gateway"]["version"] == second.json()["gateway"]["version"]
    assert first.headers["cache-control"] == "no-store"


async def test_a_finished_video_can_not_be_canceled(pair: Running):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])

    response = await pair.client.post(f"{URL}/{created['id']}/cancel")

    problem(response, 409, "already_ended")
    assert response.headers["x-should-retry"] == "false"


async def test_a_route_tells_every_account_and_why(pair: Running):
    created = await pair.create(seconds=5)

    response = await pair.client.get(f"{URL}/{created['id']}/route")

    decision = response.json()
    assert response.headers["content-type"] == "application/json"
    assert decision["strategy"] == "cheapest"
    assert [candidate["account"] for candidate in decision["candidates"]] == ["doitong-main", "veo-main"]
    assert decision["candidates"][0]["excluded"] == []
    assert [reason["code"] for reason in decision["candidates"][1]["excluded"]] == ["unsupported_duration"]
