"""REST and GraphQL list the same models, makers, abilities and prices."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.edges.doors import RATIOS
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODELS = """
{ models { name makers {
    account provider aspectRatios seconds { shortest longest default } qualities imageInput maxPrompt
    typicalSeconds { best worst } prices { quality credits { low high } price { lowMicros highMicros } }
} } }
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"), doitong_price=None)) as both:
        yield both


def maker_of(rest: dict[str, Any]) -> dict[str, Any]:
    """A maker of REST's as GraphQL tells it."""
    return {
        "account": rest["account"],
        "provider": rest["provider"],
        "aspectRatios": [RATIOS[ratio] for ratio in rest["aspect_ratios"]],
        "seconds": rest["seconds"],
        "qualities": [quality.upper() for quality in rest["qualities"]],
        "imageInput": rest["image_input"],
        "maxPrompt": rest["max_prompt"],
        "typicalSeconds": rest["typical_seconds"],
        "prices": [
            {
                "quality": price["quality"].upper(),
                "credits": {"low": price["low"], "high": price["high"]},
                "price": None
                if price["low_micros"] is None
                else {"lowMicros": price["low_micros"], "highMicros": price["high_micros"]},
            }
            for price in rest["prices"]
        ],
    }


async def test_both_doors_list_the_same_models_with_the_same_makers(pair: Running) -> None:
    rest = (await pair.client.get("/v1/models")).json()["data"]
    graphql = (await pair.client.post("/graphql", json={"query": MODELS})).json()["data"]["models"]

    assert [model["name"] for model in graphql] == [model["id"] for model in rest]
    for mine, theirs in zip(rest, graphql, strict=True):
        assert theirs["makers"] == [maker_of(maker) for maker in mine["gateway"]["accounts"]]
    prices = [price for maker in graphql[0]["makers"] for price in maker["prices"]]
    assert {price["price"] is None for price in prices} == {True, False}
