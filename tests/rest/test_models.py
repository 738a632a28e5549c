"""GET /v1/models: what can be asked for."""

import pytest

from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/models"


async def test_models_are_listed_as_openai_lists_them(pair: Running):
    body = (await pair.client.get(URL)).json()

    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == ["auto", "veo-3", "veo-3.1", "veo3o1/veo-3.1", "doitong/veo3"]
    assert {(model["object"], model["created"]) for model in body["data"]} == {("model", 0)}
    assert [model["owned_by"] for model in body["data"]] == ["filmgate", "filmgate", "veo3o1", "veo3o1", "doitong"]


async def test_a_model_says_who_makes_it_and_what_they_can_be_told(pair: Running):
    (maker,) = (await pair.client.get(f"{URL}/doitong/veo3")).json()["gateway"]["accounts"]

    assert maker == {
        "account": "doitong-main",
        "provider": "doitong",
        "aspect_ratios": ["16:9", "9:16", "1:1"],
        "seconds": {"shortest": 5, "longest": 10, "default": 5},
        "qualities": ["high"],
        "image_input": False,
        "max_prompt": 2000,
        "typical_seconds": {"best": 60, "worst": 300},
        "prices": [
            {"quality": "standard", "low": 100, "high": 200, "low_micros": 100_000, "high_micros": 200_000},
            {"quality": "high", "low": 300, "high": 500, "low_micros": 300_000, "high_micros": 500_000},
        ],
    }


@pytest.mark.parametrize("name", ["auto", "veo-3", "doitong/veo3", "doitong%2Fveo3"])
async def test_every_model_can_be_asked_for_by_its_name(pair: Running, name: str):
    model = (await pair.client.get(f"{URL}/{name}")).json()

    assert model["id"] == name.replace("%2F", "/")
    assert (await pair.create(model=model["id"]))["model"] == model["id"]


@pytest.mark.parametrize("name", ["sora-2", "doitong/veo9", "doitong", "%00"])
async def test_an_unknown_model_is_not_found(pair: Running, name: str):
    problem(await pair.client.get(f"{URL}/{name}"), 404, "not_found")
