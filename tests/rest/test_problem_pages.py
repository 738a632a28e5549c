"""Every refusal leads to a page that says what its code means."""

import pytest

from gateway.rest.kinds import all_kinds
from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("GET", "/v1/videos/nothing"), ("PATCH", "/v1/videos"), ("GET", "/v1/videos?limit=0")],
)
async def test_a_refusal_links_to_what_its_code_means(pair: Running, method: str, path: str):
    refused = await pair.client.request(method, path)

    link = refused.links["describedby"]["url"]
    page = await pair.client.get(link, headers={"authorization": ""})

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert refused.json()["title"] in page.text
    assert str(refused.status_code) in page.text


async def test_there_is_a_page_for_every_code_and_a_list_of_them(pair: Running):
    listed = (await pair.client.get("/problems")).text

    for code in all_kinds():
        assert f'href="/problems/{code}"' in listed
        assert (await pair.client.get(f"/problems/{code}")).status_code == 200


async def test_a_code_that_nobody_has_is_not_found(pair: Running):
    problem(await pair.client.get("/problems/nothing_like_it"), 404, "not_found")
