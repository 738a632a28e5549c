"""Doitong's wire: GraphQL and REST, prices, keys, errors, and the variants of what its documents leave open."""

import pytest

from tests.sandbox.callers import GENERATE, Doitong

WISH = {"type": "VIDEO", "provider": "veo3", "input": {"text": "a lake"}, "options": {"duration": 5}}
FIELDS = {"id", "status", "type", "provider", "url", "metadata", "creditCost", "createdAt"}
HOOK = "http://127.0.0.1:9/hook"


async def test_a_generation_is_created_watched_and_completed(doitong, sandbox, advance):
    created = (await doitong.generate(duration=8, aspectRatio="1:1", quality="high")).json()["data"]["generate"]
    running = await doitong.generation(created["id"])
    advance(60)
    completed = await doitong.generation(created["id"])

    assert created.keys() == FIELDS
    assert (created["status"], created["url"], created["type"], created["provider"]) == (
        "processing",
        None,
        "VIDEO",
        "veo3",
    )
    assert running["status"] == "processing"
    assert completed["status"] == "completed"
    assert completed["url"] == f"{sandbox.url}/files/{created['id']}.mp4"
    assert completed["metadata"] == {"duration": 8, "width": 480, "height": 480}


@pytest.mark.parametrize(
    ("options", "cost"),
    [
        ({}, 100),
        ({"duration": 10}, 200),
        ({"duration": 5, "quality": "high"}, 300),
        ({"duration": 10, "quality": "high"}, 500),
        ({"duration": 7, "quality": "standard"}, 140),
    ],
)
async def test_credits_follow_seconds_and_quality(doitong, desk, options, cost):
    answer = (await doitong.generate(**options)).json()

    assert answer["data"]["generate"]["creditCost"] == cost
    assert (await desk.account("doitong"))["credits"] == 1_000_000 - cost


async def test_rest_makes_the_same_jobs_from_flat_parameters(doitong, desk, advance):
    answer = await doitong.rest(duration=6, aspectRatio="9:16", webhookUrl=None)
    generation = answer.json()["data"]["generatevideo"]
    advance(60)
    shown = (await doitong.rest_video(generation["id"])).json()["data"]["generatevideo"]

    assert (generation["status"], generation["creditCost"], generation["duration"]) == ("processing", 120, 6)
    assert (shown["status"], shown["url"] is not None) == ("completed", True)
    assert (await desk.truth())["jobs"][0]["aspect_ratio"] == "9:16"


async def test_rest_answers_bare_where_the_variant_says_so(doitong, desk):
    await desk.control(variant={"doitong_rest": "bare"})

    assert (await doitong.rest()).json()["status"] == "processing"


async def test_each_door_takes_its_own_header_only(client, sandbox):
    bearer, header = {"Authorization": "Bearer sandbox-doitong-key"}, {"X-API-Key": "sandbox-doitong-key"}
    flat = {"service": "veo3", "prompt": "a lake"}

    graphql = await client.post(f"{sandbox.doitong_url}/graphql", json={"query": GENERATE}, headers=header)
    rest = await client.post(f"{sandbox.doitong_url}/v1/text_to_video", json=flat, headers=bearer)

    assert [graphql.status_code, rest.status_code] == [401, 401]
    assert graphql.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "IMAGE"},
        {"type": "FILM"},
        {"provider": "kling"},
        {"input": {"text": " "}},
        {"input": {}},
        {"options": {"duration": 4}},
        {"options": {"duration": 11}},
        {"options": {"duration": "5"}},
        {"options": {"aspectRatio": "4:3"}},
        {"options": []},
        {"webhookUrl": HOOK},
        {"input": {"text": "[sim:nonsense]"}},
    ],
)
async def test_an_invalid_input_is_400_and_is_written_down_once(doitong, desk, change):
    answer = await doitong.ask(GENERATE, {"input": WISH | change})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    truth = await desk.truth()
    assert [(one["accepted"], one["outcome"]) for one in truth["submissions"]] == [(False, "invalid")]


async def test_the_provider_may_be_left_to_the_service(doitong):
    assert (await doitong.ask(GENERATE, {"input": WISH | {"provider": None}})).status_code == 200


@pytest.mark.parametrize("change", [{"service": "kling"}, {"prompt": ""}, {"duration": 3}, {"aspectRatio": "auto"}])
async def test_an_invalid_flat_parameter_is_400(doitong, change):
    assert (await doitong.rest(**change) if "prompt" not in change else await doitong.rest("")).status_code == 400


@pytest.mark.parametrize("query", ["mutation {", "mutation { nothing }", "query { generation(id: 1) { id } nothing }"])
async def test_a_document_that_is_not_valid_is_400(doitong, query):
    answer = await doitong.ask(query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_body_that_is_not_json_is_400(client, sandbox):
    headers = {"Authorization": "Bearer sandbox-doitong-key"}

    assert (await client.post(f"{sandbox.doitong_url}/graphql", content=b"{", headers=headers)).status_code == 400


async def test_an_unknown_generation_is_not_found_on_both_doors(doitong):
    query = 'query { generation(id: "none") { id } }'

    assert (await doitong.ask(query)).json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await doitong.rest_video("none")).status_code == 404


async def test_without_credits_the_error_says_how_many_are_missing(doitong, desk):
    await desk.control(accounts={"doitong": {"credits": 50}})

    answer = await doitong.generate()

    assert answer.status_code == 402
    assert answer.json()["errors"][0]["extensions"] == {
        "code": "INSUFFICIENT_CREDITS",
        "creditsRequired": 100,
        "creditsAvailable": 50,
    }


@pytest.mark.parametrize("door", ["generate", "rest"])
async def test_the_same_key_and_body_are_the_same_job_billed_once(doitong, desk, door):
    call = getattr(doitong, door)
    answers = [await call(key="k1"), await call(key="k1"), await call(key="k2")]

    assert answers[0].content == answers[1].content
    assert answers[2].content != answers[0].content
    truth = await desk.truth()
    assert [one["replayed"] for one in truth["submissions"]] == [False, True, False]
    assert [one["billed"] for one in truth["submissions"]] == [100, 0, 100]
    assert truth["totals"]["billed"] == 200


async def test_the_same_key_with_another_body_is_a_conflict(doitong, desk):
    await doitong.generate("one", key="k1")
    answer = await doitong.generate("two", key="k1")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await desk.truth())["totals"]["billed"] == 100


async def test_a_key_is_forgotten_when_its_time_is_over(doitong, advance):
    first = await doitong.id(key="k1")
    advance(86_401)

    assert await doitong.id(key="k1") != first


async def test_keys_may_be_ignored_and_then_a_replay_is_paid_twice(doitong, desk):
    await desk.control(variant={"doitong_keys": False})

    assert await doitong.id(key="k1") != await doitong.id(key="k1")
    assert (await desk.truth())["totals"]["billed"] == 200


async def test_a_replay_may_answer_another_id_of_the_same_job(doitong, desk, advance):
    first = await doitong.id("[sim:different-id]", key="k1")
    second = await doitong.id("[sim:different-id]", key="k1")
    advance(60)

    assert first != second
    assert (await doitong.generation(second))["status"] == "completed"
    assert len((await desk.truth())["jobs"]) == 1


async def test_the_answer_may_come_under_the_other_documented_key(doitong, desk):
    await desk.control(variant={"doitong_answer": "generatevideo"})

    answer = (await doitong.generate()).json()

    assert answer["data"].keys() == {"generatevideo"}
    assert answer["data"]["generatevideo"].keys() == FIELDS


async def test_errors_may_come_with_http_200(doitong, desk):
    await desk.control(variant={"doitong_errors": "body"})

    answer = await doitong.generate("[sim:no-credits]")

    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "INSUFFICIENT_CREDITS"


async def test_without_the_status_query_the_field_does_not_exist(doitong, desk):
    job_id = await doitong.id()
    await desk.control(variant={"doitong_polling": False})

    answer = await doitong.ask("query($id: ID!) { generation(id: $id) { id } }", {"id": job_id})

    assert answer.status_code == 400
    assert "Cannot query field 'generation'" in answer.json()["errors"][0]["message"]
    assert (await doitong.rest_video(job_id)).status_code == 404


async def test_webhook_url_may_stand_at_the_top_of_the_input(doitong, desk):
    await desk.control(variant={"doitong_webhook_in_input": True})

    answer = await doitong.ask(
        "mutation($input: GenerateInput!) { generate(input: $input) { webhookUrl } }",
        {"input": WISH | {"webhookUrl": HOOK}},
    )

    assert answer.json()["data"]["generate"]["webhookUrl"] == HOOK


async def test_one_request_may_make_several_generations_and_lose_one(doitong, desk):
    await desk.control(accounts={"doitong": {"credits": 150}})
    query = "mutation($input: GenerateInput!) { a: generate(input: $input) { id } b: generate(input: $input) { id } }"

    answer = (await doitong.ask(query, {"input": WISH})).json()

    assert answer["data"]["a"]["id"]
    assert answer["data"]["b"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INSUFFICIENT_CREDITS"
    assert [one["accepted"] for one in (await desk.truth())["submissions"]] == [True, False]


async def test_a_failed_generation_is_not_refunded(doitong, desk, advance):
    job_id = await doitong.id("[sim:fail]")
    advance(36)
    shown = await doitong.generation(job_id)

    assert (shown["status"], shown["url"]) == ("failed", None)
    assert shown["error"]["message"].startswith("Generation failed")
    assert (await desk.account("doitong"))["credits"] == 1_000_000 - 100


async def test_another_account_cannot_see_the_job(doitong, client, sandbox, desk):
    job_id = await doitong.id()
    await desk.control(accounts={"doitong": {"key": "new-key"}})

    assert (await doitong.ask("{ version }")).status_code == 401
    assert (await Doitong(client, sandbox, "new-key").generation(job_id))["status"] == "processing"
