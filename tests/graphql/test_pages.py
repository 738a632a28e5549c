"""videos: walks by cursor in both directions meet every video once, and bad cursors are the caller's error."""

from base64 import urlsafe_b64encode
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.graphql.asking import CANCEL, ask, codes, created, errors
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = """
query Page($first: Int, $after: String, $last: Int, $before: String, $status: VideoStatus) {
  videos(first: $first, after: $after, last: $last, before: $before, status: $status) {
    edges { cursor node { id status } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(gw: Running) -> list[str]:
    """Seven videos, newest first; two of them canceled."""
    made = [await created(gw.client, prompt=f"boat {n} [sim:stuck]") for n in range(7)]
    for id in (made[1], made[4]):
        await ask(gw.client, CANCEL, id=id)
    return made[::-1]


async def page(client: httpx.AsyncClient, **paging: Any) -> tuple[list[str], dict[str, Any]]:
    connection = (await ask(client, PAGE, **paging))["videos"]
    edges, info = connection["edges"], connection["pageInfo"]
    assert info["startCursor"] == (edges[0]["cursor"] if edges else None)
    assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
    return [edge["node"]["id"] for edge in edges], info


async def test_without_arguments_the_newest_come_first(gw: Running, ids: list[str]) -> None:
    found, info = await page(gw.client)

    assert found == ids
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, False)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_walking_forward_meets_every_video_once(gw: Running, ids: list[str], size: int) -> None:
    found: list[str] = []
    cursor, more = None, True
    while more:
        some, info = await page(gw.client, first=size, after=cursor)
        assert info["hasPreviousPage"] is (cursor is not None)
        found += some
        cursor, more = info["endCursor"], info["hasNextPage"]

    assert found == ids


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_walking_backward_meets_every_video_once(gw: Running, ids: list[str], size: int) -> None:
    found: list[str] = []
    cursor, more = None, True
    while more:
        some, info = await page(gw.client, last=size, before=cursor)
        assert info["hasNextPage"] is (cursor is not None)
        found = some + found
        cursor, more = info["startCursor"], info["hasPreviousPage"]

    assert found == ids


async def test_a_status_filters_and_the_walk_goes_on_within_it(gw: Running, ids: list[str]) -> None:
    first, info = await page(gw.client, first=1, status="CANCELED")
    second, end = await page(gw.client, first=1, after=info["endCursor"], status="CANCELED")

    assert [*first, *second] == [ids[2], ids[5]]
    assert (info["hasNextPage"], end["hasNextPage"]) == (True, False)
    assert (await page(gw.client, status="COMPLETED"))[0] == []


async def test_new_videos_do_not_disturb_a_walk(gw: Running, ids: list[str]) -> None:
    first, info = await page(gw.other, first=2)
    assert first == []
    theirs = [await created(gw.other, prompt="boat [sim:stuck]") for _ in range(3)]
    first, info = await page(gw.other, first=2)
    theirs.append(await created(gw.other, prompt="boat [sim:stuck]"))

    rest, _ = await page(gw.other, first=2, after=info["endCursor"])

    assert first + rest == theirs[2::-1]
    assert not set(theirs) & set(ids)


async def test_another_tenants_cursor_is_only_a_place_in_time(gw: Running, ids: list[str]) -> None:
    _, info = await page(gw.client, last=1)

    found, _ = await page(gw.other, after=info["endCursor"])

    assert not set(found) & set(ids)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "djE6",
        "ünsinn",
        "====",
        "A" * 5000,
        urlsafe_b64encode(b"v2:video_" + b"0" * 26).decode(),
        urlsafe_b64encode(b"v1:att_" + b"0" * 26).decode(),
        urlsafe_b64encode(b"v1:video_' OR 1=1 --").decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_a_cursor_we_did_not_make_is_the_callers_error(gw: Running, cursor: str) -> None:
    (after,) = await errors(gw.client, PAGE, after=cursor)
    (before,) = await errors(gw.client, PAGE, before=cursor)

    assert after["extensions"]["code"] == before["extensions"]["code"] == "BAD_USER_INPUT"
    assert after["extensions"]["errors"][0]["field"] == "after"
    assert before["extensions"]["errors"][0]["field"] == "before"
    assert "base64" not in after["message"]


@pytest.mark.parametrize("paging", [{"first": 0}, {"first": -1}, {"first": 101}, {"last": 0}, {"last": 101}])
async def test_a_page_holds_1_to_100(gw: Running, paging: dict[str, int]) -> None:
    assert await codes(gw.client, PAGE, **paging) == ["BAD_USER_INPUT"]


async def test_one_direction_at_a_time(gw: Running, ids: list[str]) -> None:
    _, info = await page(gw.client, first=1)

    assert await codes(gw.client, PAGE, first=1, last=1) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, PAGE, after=info["endCursor"], before=info["endCursor"]) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, PAGE, first=1, before=info["endCursor"]) == ["BAD_USER_INPUT"]


async def test_rest_lists_the_same_videos_in_the_same_order(gw: Running, ids: list[str]) -> None:
    rest = (await gw.client.get("/v1/videos")).json()

    assert [video["id"] for video in rest["data"]] == ids
