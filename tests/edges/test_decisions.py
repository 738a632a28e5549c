"""REST and GraphQL show the same decision, field by field, and refuse in the same words with the same remedy."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schema.tenant import RoutingPolicy, Rule, When
from schema.video import AspectRatio
from tests.edges.doors import GraphQLDoor, Json, Refused, RestDoor
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = RoutingPolicy(
    order=("veo-main", "doitong"), rules=(Rule(when=When(aspect_ratio=AspectRatio.TALL), prefer=("veo3o1",)),)
)
PICTURE = {"image_url": "https://pictures.example/boat.png"}
WISHES: dict[str, Json] = {
    "nothing-more": {},
    "a-shape-one-can-not-make": {"aspect_ratio": "1:1"},
    "a-shape-that-a-rule-speaks-of": {"aspect_ratio": "9:16"},
    "a-duration": {"seconds": 7},
    "bent": {"seconds": 30, "gateway": {"on_unsupported": "adjust"}},
    "high": {"quality": "high"},
    "a-picture": {"input_reference": PICTURE},
    "a-model": {"model": "veo3o1/veo-3.1"},
    "a-cap": {"gateway": {"max_cost": "0.30"}},
    "only": {"gateway": {"only": ["doitong"]}},
    "excluded": {"gateway": {"exclude": ["doitong-main"]}},
    "fastest": {"gateway": {"strategy": "fastest"}},
    "reliable": {"gateway": {"strategy": "reliable"}},
    "balanced": {"gateway": {"strategy": "balanced"}},
    "ordered": {"gateway": {"strategy": "ordered"}},
    "waiting": {"gateway": {"max_wait_seconds": 60, "on_max_wait": "fail", "priority": "low"}},
}
NOBODY: dict[str, Json] = {
    "too-long": {"seconds": 30},
    "a-picture-of-no-shape": {"aspect_ratio": "1:1", "input_reference": PICTURE},
    "too-cheap": {"gateway": {"max_cost": "0.01"}},
    "nobody-of-that-name": {"gateway": {"only": ["zzz"]}},
    "everybody-excluded": {"gateway": {"exclude": ["doitong", "veo3o1"]}},
    "too-much-at-once": {"seconds": 30, "quality": "high", "aspect_ratio": "1:1", "gateway": {"max_cost": "0.05"}},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder: Path = tmp_path_factory.mktemp("pair")
    async with running(Setup(folder=folder, routing=POLICY)) as both:
        yield both


def same(one: Any, other: Any, place: str = "decision") -> None:
    """Fails with the place of the first field that differs."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert set(one) == set(other), place
        for name in one:
            same(one[name], other[name], f"{place}.{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for n, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            same(mine, theirs, f"{place}[{n}]")
    else:
        assert one == other, place


def timeless(decision: Json) -> Json:
    return {name: value for name, value in decision.items() if name != "at"}


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
async def test_a_quote_shows_the_same_decision(pair: Running, wish: Json) -> None:
    asked = {"prompt": "a paper boat", **wish}

    rest, graphql = [await door.quote(asked) for door in doors(pair.client)]

    same(timeless(rest), timeless(graphql))
    assert rest["candidates"][0]["able"]


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
async def test_a_stored_decision_is_shown_the_same_whichever_door_the_video_came_through(
    pair: Running, wish: Json
) -> None:
    asked = {"prompt": "a paper boat [sim:instant]", **wish}
    rest, graphql = doors(pair.client)

    for door in (rest, graphql):
        id = await door.create(asked)
        await pair.finished(id)

        (mine, bent), (theirs, also_bent) = await rest.route(id), await graphql.route(id)

        same(mine, theirs)
        assert bent == also_bent == mine["candidates"][0]["adjustments"]


@pytest.mark.parametrize("wish", NOBODY.values(), ids=NOBODY)
async def test_a_refusal_names_the_same_fields_and_the_same_remedy(pair: Running, wish: Json) -> None:
    asked = {"prompt": "a paper boat", **wish}
    told = []

    for door in doors(pair.client):
        for ask in (door.quote, door.create):
            with pytest.raises(Refused) as refused:
                await ask(asked)
            told.append(refused.value.told)

    for other in told[1:]:
        same(told[0], other, "refusal")
    assert told[0]["code"] == "no_route"
    assert told[0]["remedy"]["changes"]
    assert told[0]["remedy"]["account"] in told[0]["message"]


def doors(client: httpx.AsyncClient) -> tuple[RestDoor, GraphQLDoor]:
    return RestDoor(client), GraphQLDoor(client)
