"""Operations that will go one day say so with every answer, and in the document."""

from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.app import doors
from gateway.rest.deprecation import Deprecation, deprecation_headers
from gateway.rest.edge import Edge
from gateway.rest.operations import OPERATIONS, Key
from tests.support.running import ACME_KEY, Running

SINCE, GONE = 1_800_000_000, 1_810_000_000
OLD = Deprecation(since=SINCE, sunset=GONE, page="https://example.com/why", instead="/v2/videos")


@pytest.mark.parametrize(
    ("deprecation", "said"),
    [
        (Deprecation(since=SINCE), {"deprecation": "@1800000000"}),
        (
            Deprecation(since=SINCE, sunset=GONE),
            {"deprecation": "@1800000000", "sunset": "Tue, 11 May 2027 01:46:40 GMT"},
        ),
        (
            Deprecation(since=SINCE, page="https://example.com/why", instead="/v2/videos"),
            {
                "deprecation": "@1800000000",
                "link": '<https://example.com/why>; rel="deprecation", </v2/videos>; rel="successor-version"',
            },
        ),
    ],
)
def test_what_will_go_is_said_as_the_two_documents_write_it(deprecation: Deprecation, said: dict[str, str]):
    assert {name.decode(): value.decode() for name, value in deprecation_headers(deprecation)} == said


def test_nothing_goes_before_it_is_deprecated():
    with pytest.raises(ValueError, match="sunset"):
        Deprecation(since=GONE, sunset=SINCE)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_answer_of_such_an_operation_says_so_and_no_other(pair: Running):
    listed: Key = ("get", "/v1/videos")
    one: Key = ("get", "/v1/videos/{video_id}")
    old = {key: replace(OPERATIONS[key], deprecated=OLD) for key in (listed, one)}
    app: Any = Edge(doors(explorable=True, max_body_bytes=1 << 20), pair.gateway, OPERATIONS | old)

    headers = {"authorization": f"Bearer {ACME_KEY}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway", headers=headers
    ) as client:
        answers = [
            await client.get("/v1/videos"),
            await client.head("/v1/videos"),
            await client.get("/v1/videos?limit=0"),
            await client.get("/v1/videos", headers={"authorization": ""}),
            await client.get("/v1/videos/nothing"),
        ]
        others = [await client.post("/v1/videos", json={}), await client.get("/v1/models"), await client.get("/gone")]

    assert {answer.headers["deprecation"] for answer in answers} == {"@1800000000"}
    assert {answer.headers["sunset"] for answer in answers} == {"Tue, 11 May 2027 01:46:40 GMT"}
    assert all('rel="successor-version"' in answer.headers["link"] for answer in answers)
    assert not any("deprecation" in answer.headers for answer in others)
