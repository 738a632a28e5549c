"""createVideo and cancelVideo: what is accepted, what is refused, and that refusals are data."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from gateway.config.settings import KeySetup
from schema.account import Secret
from schema.tenant import Scope, TenantLimits
from tests.graphql.asking import CANCEL, CREATE, ask, codes, create, created, door, post
from tests.support.running import Running, Setup, configured, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_wish_is_accepted_and_both_doors_show_the_same_video(gw: Running) -> None:
    payload = await create(gw.client, size="1280x720", seconds=6, quality="HIGH", metadata={"scene": "one"})

    assert payload["__typename"] == "CreateVideoSuccess"
    assert payload["replayed"] is False
    assert payload["video"]["status"] == "QUEUED"
    rest = (await gw.client.get(f"/v1/videos/{payload['video']['id']}")).json()
    assert (rest["aspect_ratio"], rest["seconds"], rest["quality"]) == ("16:9", "6", "high")
    assert rest["metadata"] == {"scene": "one"}


async def test_the_same_key_and_wish_are_the_same_video(gw: Running) -> None:
    first = await create(gw.client, idempotencyKey="wish-1")
    again = await create(gw.client, idempotencyKey="wish-1")

    assert again["replayed"] is True
    assert again["video"]["id"] == first["video"]["id"]


async def test_twenty_equal_wishes_at_once_make_one_video(gw: Running) -> None:
    payloads = await asyncio.gather(*(create(gw.client, idempotencyKey="wish-20") for _ in range(20)))

    assert len({payload["video"]["id"] for payload in payloads}) == 1
    assert sum(not payload["replayed"] for payload in payloads) == 1


async def test_the_header_is_a_key_too_with_or_without_quotes(gw: Running) -> None:
    first = await create(gw.client, headers={"idempotency-key": "header-1"})
    quoted = await create(gw.client, headers={"idempotency-key": '"header-1"'})
    field = await create(gw.client, idempotencyKey="header-1")

    assert quoted["replayed"]
    assert field["replayed"]
    assert {payload["video"]["id"] for payload in (first, quoted, field)} == {first["video"]["id"]}


async def test_a_key_belongs_to_both_doors(gw: Running) -> None:
    wish = {"prompt": "a fox", "aspect_ratio": "9:16", "gateway": {"max_cost": "0.90", "exclude": ["veo-main"]}}
    rest = await gw.client.post("/v1/videos", json=wish, headers={"idempotency-key": "doors-1"})
    payload = await create(
        gw.client,
        prompt="a fox",
        aspectRatio="TALL_9_16",
        routing={"maxCost": "0.90", "exclude": ["veo-main"]},
        idempotencyKey="doors-1",
    )

    assert payload["replayed"] is True
    assert payload["video"]["id"] == rest.json()["id"]


async def test_another_tenants_equal_key_is_another_wish(gw: Running) -> None:
    mine = await create(gw.client, idempotencyKey="tenants-1")
    theirs = await create(gw.other, idempotencyKey="tenants-1")

    assert theirs["replayed"] is False
    assert theirs["video"]["id"] != mine["video"]["id"]


async def test_a_key_used_for_another_wish_is_refused(gw: Running) -> None:
    await create(gw.client, idempotencyKey="reused-1")
    payload = await create(gw.client, prompt="something else", idempotencyKey="reused-1")

    assert payload["__typename"] == "IdempotencyKeyReusedError"
    assert payload["code"] == "idempotency_key_reused"


async def test_two_different_keys_for_one_wish_are_refused(gw: Running) -> None:
    payload = await create(gw.client, headers={"idempotency-key": "one"}, idempotencyKey="two")

    assert payload["errors"][0]["field"] == "idempotencyKey"
    assert payload["errors"][0]["code"] == "conflict"


async def test_one_header_speaks_of_one_video(gw: Running) -> None:
    two = """mutation {
      a: createVideo(input: {prompt: "one"}) { __typename }
      b: createVideo(input: {prompt: "two"}) { __typename ... on InvalidInputError { errors { field code } } }
    }"""
    data = (await post(gw.client, two, {"idempotency-key": "shared-1"})).json()["data"]

    assert data["a"] == {"__typename": "CreateVideoSuccess"}
    assert data["b"]["errors"] == [{"field": "idempotencyKey", "code": "ambiguous"}]


@pytest.mark.parametrize(
    ("wish", "field", "code"),
    [
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": "x" * 2001}, "prompt", "invalid_value"),
        ({"seconds": 0}, "seconds", "invalid_value"),
        ({"seconds": 61}, "seconds", "invalid_value"),
        ({"size": "big"}, "size", "invalid_value"),
        ({"size": "1000x300"}, "size", "unsupported_size"),
        ({"size": "1280x720", "aspectRatio": "TALL_9_16"}, "size", "conflict"),
        ({"inputReference": {"imageUrl": "ftp://example.com/cat.png"}}, "inputReference.imageUrl", "invalid_value"),
        ({"metadata": {"a": 1}}, "metadata", "invalid_type"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", "too_many"),
        ({"metadata": {"a": "x" * 513}}, "metadata", "too_long"),
        ({"idempotencyKey": "with space"}, "idempotencyKey", "invalid_idempotency_key"),
        ({"idempotencyKey": ""}, "idempotencyKey", "invalid_idempotency_key"),
        ({"routing": {"maxCost": "cheap"}}, "routing.maxCost", "invalid_value"),
        ({"routing": {"maxCost": "-1"}}, "routing.maxCost", "invalid_value"),
        ({"routing": {"maxCost": "1e3"}}, "routing.maxCost", "invalid_value"),
        ({"routing": {"maxCost": "0.0000001"}}, "routing.maxCost", "invalid_value"),
        ({"model": ""}, "model", "invalid_value"),
        ({"routing": {"deadlineSeconds": 0}}, "routing.deadlineSeconds", "invalid_value"),
        ({"routing": {"only": ["x"] * 33}}, "routing.only", "invalid_value"),
        ({"routing": {"exclude": ["", "veo-main"]}}, "routing.exclude[0]", "invalid_value"),
    ],
)
async def test_a_wrong_field_is_named_as_the_input_spells_it(
    gw: Running, wish: dict[str, Any], field: str, code: str
) -> None:
    payload = await create(gw.client, **wish)

    assert payload["__typename"] == "InvalidInputError"
    assert payload["code"] == "invalid_request"
    assert [(error["field"], error["code"]) for error in payload["errors"]] == [(field, code)]
    assert payload["message"].startswith(field)


async def test_a_value_of_a_wrong_type_never_reaches_the_gateway(gw: Running) -> None:
    assert await codes(gw.client, CREATE, input={"prompt": 5}) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, CREATE, input={"prompt": "x", "aspectRatio": "16:9"}) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, CREATE, input={"prompt": "x", "metadata": [1]}) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, CREATE, input={"prompt": "x", "inputReference": {}}) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, CREATE, input={"prompt": "x", "colour": "red"}) == ["BAD_USER_INPUT"]


async def test_a_wish_nobody_can_make_names_the_fields_that_exclude_everybody(gw: Running) -> None:
    payload = await create(gw.client, routing={"maxCost": "0.001"})

    assert payload["__typename"] == "NoRouteError"
    assert payload["code"] == "no_route"
    assert {(error["field"], error["code"]) for error in payload["errors"]} == {("routing.maxCost", "over_max_cost")}


async def test_an_unknown_model_is_a_mistake_in_one_field(gw: Running) -> None:
    payload = await create(gw.client, model="sora-2")

    assert payload["__typename"] == "InvalidInputError"
    assert [(error["field"], error["code"]) for error in payload["errors"]] == [("model", "unknown_model")]
    assert "auto, veo-3" in payload["message"]


async def test_literals_in_the_document_do_as_well_as_variables(gw: Running) -> None:
    data = await ask(
        gw.client,
        """mutation { createVideo(input: {
             prompt: "boat", aspectRatio: SQUARE_1_1, metadata: {a: "b"}, routing: {onUnsupported: ERROR}
           }) { ... on CreateVideoSuccess { video { aspectRatio metadata prompt } } } }""",
    )

    assert data["createVideo"]["video"] == {"aspectRatio": "SQUARE_1_1", "metadata": {"a": "b"}, "prompt": "boat"}


async def test_too_many_waiting_videos_are_refused_with_a_time_to_wait(gw: Running, tmp_path: Any) -> None:
    async with running(Setup(folder=tmp_path, limits=TenantLimits(queued=0))) as full:
        payload = await create(full.client)

    assert payload["__typename"] == "RateLimitedError"
    assert payload["code"] == "too_many_requests"
    assert payload["retryAfterSeconds"] > 0


async def test_every_refusal_is_a_user_error(gw: Running) -> None:
    query = 'mutation { createVideo(input: {prompt: ""}) { ... on UserError { code message } } }'

    assert (await ask(gw.client, query))["createVideo"]["code"] == "invalid_request"


async def test_a_key_without_the_scope_may_not_create_but_may_read(gw: Running) -> None:
    reader = KeySetup(secret=Secret("fg_test_reader_key"), scopes=frozenset({Scope.VIDEOS_READ}))
    acme, *others = gw.gateway.settings.tenants
    changed = msgspec.structs.replace(acme, keys=(*acme.keys, reader))
    await configured(gw.gateway, tenants=(changed, *others))
    async with door(gw.gateway, "fg_test_reader_key") as client:
        assert await codes(client, CREATE, input={"prompt": "x"}) == ["FORBIDDEN"]
        assert await codes(client, CANCEL, id="video_" + "0" * 26) == ["FORBIDDEN"]
        assert (await ask(client, "{ viewer { scopes } }"))["viewer"]["scopes"] == ["VIDEOS_READ"]
        await ask(client, "{ videos { pageInfo { hasNextPage } } }")


async def test_a_video_can_be_canceled_and_canceling_it_again_changes_nothing(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")

    first = (await ask(gw.client, CANCEL, id=id))["cancelVideo"]
    again = (await ask(gw.client, CANCEL, id=id))["cancelVideo"]

    assert first == again == {"__typename": "CancelVideoSuccess", "video": {"id": id, "status": "CANCELED"}}
    assert (await gw.client.get(f"/v1/videos/{id}")).json()["status"] == "canceled"


async def test_a_finished_video_can_not_be_canceled(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:instant]")
    await gw.finished(id)

    payload = (await ask(gw.client, CANCEL, id=id))["cancelVideo"]

    assert payload["__typename"] == "AlreadyEndedError"
    assert payload["code"] == "already_ended"


@pytest.mark.parametrize("id", ["video_" + "0" * 26, "nonsense", "", "video_\u0000"])
async def test_what_does_not_exist_can_not_be_canceled(gw: Running, id: str) -> None:
    payload = (await ask(gw.client, CANCEL, id=id))["cancelVideo"]

    assert payload["__typename"] == "NotFoundError"
    assert payload["code"] == "not_found"


async def test_another_tenants_video_can_not_be_canceled(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")

    theirs: httpx.AsyncClient = gw.other
    payload = (await ask(theirs, CANCEL, id=id))["cancelVideo"]

    assert payload["__typename"] == "NotFoundError"
    assert (await gw.client.get(f"/v1/videos/{id}")).json()["status"] in {"queued", "in_progress"}
