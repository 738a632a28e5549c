"""GET /v1/videos: pages by cursor, and the links between them."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from schema.event import EventType
from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/videos"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(pair: Running) -> list[str]:
    """Seven videos, oldest first; two of them canceled."""
    made = [(await pair.create(f"[sim:stuck] {number}"))["id"] for number in range(7)]
    for id in made[2:4]:
        await pair.client.post(f"{URL}/{id}/cancel")
    for id in set(made) - set(made[2:4]):
        async for event, _ in pair.gateway.events.watch("acme", id, after=0):
            if event.type is EventType.STARTED:
                break
    return made


async def walked(pair: Running, url: str, rel: str) -> list[list[str]]:
    """The ids of every page from here on, along one kind of link."""
    pages: list[list[str]] = []
    while True:
        response = await pair.client.get(url)
        assert response.status_code == 200, response.text
        body = response.json()
        pages.append([video["id"] for video in body["data"]])
        assert (body["object"], body["first_id"], body["last_id"]) == ("list", pages[-1][0], pages[-1][-1])
        link = response.links.get(rel)
        assert (link is not None) is body["has_more"]
        if link is None:
            return pages
        url = link["url"]


@pytest.mark.parametrize(("order", "limit"), [("desc", 2), ("asc", 3), ("desc", 7), ("asc", 100)])
async def test_links_lead_through_all_videos_once(pair: Running, ids: list[str], order: str, limit: int):
    pages = await walked(pair, f"{URL}?limit={limit}&order={order}", "next")

    expected = ids if order == "asc" else ids[::-1]
    assert [id for page in pages for id in page] == expected
    assert all(len(page) <= limit for page in pages)


async def test_the_newest_come_first_twenty_at_most(pair: Running, ids: list[str]):
    body = (await pair.client.get(URL)).json()

    assert [video["id"] for video in body["data"]] == ids[::-1]
    assert body["has_more"] is False


async def test_one_can_walk_back(pair: Running, ids: list[str]):
    pages = await walked(pair, f"{URL}?limit=2&order=asc&before={ids[5]}", "prev")

    assert pages == [ids[3:5], ids[1:3], ids[:1]]


async def test_links_keep_what_was_asked_and_lead_home(pair: Running, ids: list[str]):
    response = await pair.client.get(f"{URL}?status=in_progress&limit=2&order=asc&after={ids[0]}")

    def query(rel: str) -> dict[str, str]:
        return dict(httpx.URL(response.links[rel]["url"]).params)

    kept = {"status": "in_progress", "limit": "2", "order": "asc"}
    assert query("next") == {**kept, "after": ids[4]}
    assert query("prev") == {**kept, "before": ids[1]}
    assert query("first") == kept


async def test_the_first_page_leads_nowhere_back(pair: Running, ids: list[str]):
    response = await pair.client.get(f"{URL}?limit=100")

    assert "link" not in response.headers


@pytest.mark.parametrize(("status", "which"), [("canceled", [3, 2]), ("in_progress", [6, 5, 4, 1, 0]), ("failed", [])])
async def test_one_state_alone(pair: Running, ids: list[str], status: str, which: list[int]):
    body = (await pair.client.get(URL, params={"status": status})).json()

    assert [video["id"] for video in body["data"]] == [ids[number] for number in which]


async def test_another_tenant_sees_none_of_it(pair: Running, ids: list[str]):
    response = await pair.other.get(URL, params={"after": ids[3]})

    assert response.json() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("limit=0", 422, "limit"),
        ("limit=101", 422, "limit"),
        ("limit=abc", 422, "limit"),
        ("limit=-1", 422, "limit"),
        ("limit=", 422, "limit"),
        ("limit=1e2", 422, "limit"),
        ("limit=٣", 422, "limit"),
        ("order=up", 422, "order"),
        ("status=done", 422, "status"),
        ("after=nonsense", 400, "after"),
        ("before=video_%00", 400, "before"),
        ("after=", 400, "after"),
        ("page=2", 400, "page"),
        ("limit=2&limit=3", 400, "limit"),
        ("after=video_00000000000000000000000000&before=video_00000000000000000000000000", 422, "before"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(pair: Running, query: str, status: int, parameter: str):
    response = await pair.client.get(f"{URL}?{query}")

    body: dict[str, Any] = problem(response, status, "invalid_request" if status == 422 else "malformed_request")
    assert [error["parameter"] for error in body["errors"]] == [parameter]
