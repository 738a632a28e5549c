"""Who can be told what: each wish goes where it can be told, and the decision says why nowhere else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.edges.doors import GraphQLDoor, Json, Refused, RestDoor
from tests.support.pictures import png
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURED: Json = {"input_reference": {"image_id": "that of a picture that the test sends"}}
VEO, DOITONG = "veo-main", "doitong-main"
DOORS = pytest.mark.parametrize("door", [RestDoor, GraphQLDoor], ids=["rest", "graphql"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both


def reasons(decision: Json, account: str) -> list[tuple[str, Json]]:
    """What spoke against an account: codes and their facts."""
    (found,) = [one for one in decision["candidates"] if one["account"] == account]
    return [(reason["code"], reason["params"]) for reason in found["excluded"]]


async def picture(pair: Running) -> Json:
    """A picture that was sent before, as a wish names it."""
    kept = await pair.client.post("/v1/images", files={"file": ("boat.png", png(8, 8))})
    return {"image_id": kept.json()["id"]}


@DOORS
@pytest.mark.parametrize(
    ("wish", "maker", "other", "code", "params"),
    [
        pytest.param(
            {"aspect_ratio": "1:1"},
            DOITONG,
            VEO,
            "unsupported_aspect_ratio",
            {"asked": "1:1", "able": "auto, 16:9, 9:16"},
            id="a-square-goes-to-doitong",
        ),
        pytest.param(
            {"aspect_ratio": "auto"},
            VEO,
            DOITONG,
            "unsupported_aspect_ratio",
            {"asked": "auto", "able": "16:9, 9:16, 1:1"},
            id="auto-goes-to-veo3o1",
        ),
        pytest.param(
            {"seconds": 7},
            DOITONG,
            VEO,
            "unsupported_duration",
            {"asked": 7, "able": "not adjustable"},
            id="a-duration-never-to-veo3o1",
        ),
        pytest.param(
            {"input_reference": {"image_id": "mine"}}, VEO, DOITONG, "no_image_input", {}, id="a-picture-only-to-veo3o1"
        ),
        pytest.param(
            {"model": "veo3o1/veo-3.1"},
            VEO,
            DOITONG,
            "other_model",
            {"asked": "veo3o1/veo-3.1", "able": "veo-3, doitong/veo3"},
            id="a-model-only-to-who-has-it",
        ),
    ],
)
async def test_a_wish_goes_only_to_who_can_be_told_it(
    pair: Running, door: type[RestDoor | GraphQLDoor], wish: Json, maker: str, other: str, code: str, params: Json
) -> None:
    here = door(pair.client)
    if "input_reference" in wish:
        wish = {"input_reference": await picture(pair)}

    id = await here.create({"prompt": "a paper boat [sim:instant]", **wish})
    video = await pair.finished(id)
    decision, adjustments = await here.route(id)

    assert (video["status"], video["gateway"]["account"]) == ("completed", maker)
    assert reasons(decision, maker) == []
    assert reasons(decision, other) == [(code, params)]
    assert adjustments == video["gateway"]["adjustments"] == []


@DOORS
@pytest.mark.parametrize(
    ("wish", "bent"),
    [
        pytest.param(
            {"seconds": 7}, [{"field": "seconds", "asked": "7", "given": "provider's choice"}], id="a-duration"
        ),
        pytest.param(
            {"aspect_ratio": "1:1"},
            [{"field": "aspect_ratio", "asked": "1:1", "given": "auto"}],
            id="a-square",
        ),
        pytest.param(
            {"seconds": 7, "quality": "high"},
            [
                {"field": "seconds", "asked": "7", "given": "provider's choice"},
                {"field": "quality", "asked": "high", "given": "provider's choice"},
            ],
            id="several-at-once",
        ),
    ],
)
async def test_what_veo3o1_can_not_be_told_is_refused_unless_it_may_be_bent_and_then_it_is_listed(
    pair: Running, door: type[RestDoor | GraphQLDoor], wish: Json, bent: list[Json]
) -> None:
    here, only = door(pair.client), {"prompt": "a boat [sim:instant]", **wish}

    with pytest.raises(Refused) as refused:
        await here.create({**only, "gateway": {"only": ["veo3o1"]}})
    id = await here.create({**only, "gateway": {"only": ["veo3o1"], "on_unsupported": "adjust"}})
    video = await pair.finished(id)
    decision, adjustments = await here.route(id)

    assert {error["code"] for error in refused.value.told["errors"]} >= {"not_in_only"}
    assert (video["status"], video["gateway"]["account"]) == ("completed", VEO)
    assert adjustments == video["gateway"]["adjustments"] == bent
    assert decision["candidates"][0]["adjustments"] == bent


@DOORS
async def test_a_duration_out_of_doitong_s_reach_is_bent_to_the_nearest_and_listed(
    pair: Running, door: type[RestDoor | GraphQLDoor]
) -> None:
    here = door(pair.client)

    id = await here.create(
        {
            "prompt": "a boat [sim:instant]",
            "seconds": 30,
            "gateway": {"only": ["doitong"], "on_unsupported": "adjust"},
        }
    )
    video = await pair.finished(id)

    assert video["seconds"] == "10"
    assert (await here.route(id))[1] == [{"field": "seconds", "asked": "30", "given": "10"}]
    jobs = [job for job in (await pair.truth())["jobs"] if job["provider"] == "doitong"]
    assert jobs[-1]["seconds"] == 10


@DOORS
async def test_a_picture_is_never_bent_away(pair: Running, door: type[RestDoor | GraphQLDoor]) -> None:
    wish = {
        "prompt": "a boat",
        "input_reference": await picture(pair),
        "gateway": {"only": ["doitong"], "on_unsupported": "adjust"},
    }

    with pytest.raises(Refused) as refused:
        await door(pair.client).create(wish)

    told = refused.value.told
    assert ("inputReference", "no_image_input") in {(error["field"], error["code"]) for error in told["errors"]}
    without = [{"field": "inputReference", "to": None, "by": "CALLER"}]
    assert told["remedy"] == {"account": DOITONG, "changes": without}


async def test_what_the_models_list_says_of_an_account_is_what_decides(pair: Running) -> None:
    models = (await pair.client.get("/v1/models/auto")).json()
    makers = {maker["account"]: maker for maker in models["gateway"]["accounts"]}

    for ratio in ("auto", "16:9", "9:16", "1:1"):
        decision = await RestDoor(pair.client).quote({"prompt": "a boat", "aspect_ratio": ratio})
        told = {one["account"] for one in decision["candidates"] if one["able"]}
        assert told == {account for account, maker in makers.items() if ratio in maker["aspect_ratios"]}
    for seconds in (4, 5, 10, 11):
        wish = {"prompt": "a boat", "seconds": seconds, "gateway": {"on_unsupported": "error"}}
        can = {
            account
            for account, maker in makers.items()
            if maker["seconds"] and maker["seconds"]["shortest"] <= seconds <= maker["seconds"]["longest"]
        }
        try:
            decision = await RestDoor(pair.client).quote(wish)
        except Refused:
            assert can == set()
        else:
            assert {one["account"] for one in decision["candidates"] if one["able"]} == can
