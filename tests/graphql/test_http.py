"""GraphQL over HTTP: statuses, media types, and that every error has a code."""

import json
from typing import Any

import httpx
import pytest

from gateway.graphql.controller import PATH
from gateway.graphql.negotiation import Media, negotiate
from tests.graphql.asking import CREATE, EVENTS, post
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


def only_error(response: httpx.Response) -> dict[str, Any]:
    answer = response.json()
    assert set(answer) == {"errors"}, answer
    (error,) = answer["errors"]
    assert error["message"]
    assert error["extensions"]["code"]
    found: dict[str, Any] = error
    return found


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, Media.JSON),
        ("", Media.JSON),
        ("*/*", Media.JSON),
        ("application/*", Media.GRAPHQL),
        (GRAPHQL, Media.GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", Media.GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", Media.GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.9", Media.JSON),
        (f"{JSON};q=0.5, {GRAPHQL}", Media.GRAPHQL),
        (f"{GRAPHQL}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", Media.GRAPHQL),
        ("text/event-stream", Media.EVENTS),
        (f"text/event-stream, {JSON};q=0.9", Media.EVENTS),
        ("multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json", Media.MULTIPART),
        ("multipart/mixed;deferSpec=20220824,application/json", Media.JSON),
        ("text/html", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=high", None),
    ],
)
async def test_the_answer_is_of_the_type_that_accept_prefers(accept: str | None, media: Media | None) -> None:
    assert negotiate(accept) is media


@pytest.mark.parametrize("media", [GRAPHQL, JSON])
async def test_an_answer_says_its_type_and_what_it_varies_by(gw: Running, media: str) -> None:
    response = await post(gw.client, "{ __typename }", {"accept": media})

    assert (response.status_code, response.json()) == (200, {"data": {"__typename": "Query"}})
    assert response.headers["content-type"] == f"{media}; charset=utf-8"
    assert "Accept" in response.headers["vary"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { video(id: $id) { id } }", {}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", {}, "OPERATION_RESOLUTION_FAILURE"),
        ("fragment F on Video { id }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_request_error_has_no_data_and_its_own_status(
    gw: Running, query: str, variables: dict[str, Any], code: str
) -> None:
    strict = await post(gw.client, query, {"accept": GRAPHQL}, **variables)
    lenient = await post(gw.client, query, {"accept": JSON}, **variables)

    assert (strict.status_code, lenient.status_code) == (400, 200)
    assert only_error(strict)["extensions"]["code"] == code
    assert only_error(lenient) == only_error(strict)


async def test_an_error_in_a_field_leaves_the_rest_and_a_200(gw: Running) -> None:
    query = 'query($n: Int) { viewer { tenant { id } } node(id: "x") { id } videos(first: $n) { edges { cursor } } }'
    whole = await post(gw.client, query, {"accept": GRAPHQL}, n=0)
    (error,) = whole.json()["errors"]

    assert whole.status_code == 200
    assert whole.json()["data"] is None
    assert error["path"] == ["videos"]
    assert error["locations"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{nope", 400),
        ("", 400),
        ("[" * 5000, 400),
        ("[]", 400),
        ('[{"query": "{ __typename }"}]', 400),
        ("{}", 400),
        ('{"query": null}', 400),
        ('{"query": ""}', 400),
        ('{"query": 5}', 400),
        ('{"query": "{ __typename }", "variables": []}', 400),
        ('{"query": "{ __typename }", "variables": "x"}', 400),
        ('{"query": "{ __typename }", "operationName": {}}', 400),
        ('{"query": "{ __typename }", "extensions": []}', 400),
        (b'{"query": "\xff"}', 400),
        ('{"query": "{ __typename }", "id": 5, "variables": null, "operationName": null, "extensions": null}', 200),
    ],
)
async def test_a_body_is_one_json_object_as_the_specification_spells_it(
    gw: Running, body: str | bytes, status: int
) -> None:
    response = await gw.client.post(PATH, content=body, headers={"content-type": JSON})

    assert response.status_code == status
    if status == 400:
        assert only_error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", None],
)
async def test_only_json_is_read(gw: Running, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    response = await gw.client.post(PATH, content=b'{"query": "{ __typename }"}', headers=headers)

    assert response.status_code == 415
    assert response.headers["accept-post"] == JSON
    only_error(response)


async def test_a_body_that_is_too_large_is_not_read(gw: Running) -> None:
    response = await post(gw.client, "{ __typename } #" + "x" * gw.gateway.settings.server.max_body_bytes)

    assert response.status_code == 413
    only_error(response)


async def test_a_type_we_do_not_speak_is_not_acceptable(gw: Running) -> None:
    response = await post(gw.client, "{ __typename }", {"accept": "text/html"})

    assert response.status_code == 406
    assert response.headers["content-type"].startswith(JSON)
    only_error(response)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic YTpi"])
async def test_without_a_key_nothing_is_executed(gw: Running, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with httpx.AsyncClient(base_url=gw.url, headers=headers, trust_env=False) as nobody:
        for response in (
            await post(nobody, "{ __typename }"),
            await nobody.get(PATH, params={"query": "{ __typename }"}),
        ):
            assert response.status_code == 401
            error = ', error="invalid_token"' if authorization == "Bearer wrong" else ""
            assert response.headers["www-authenticate"] == 'Bearer realm="filmgate"' + error
            assert only_error(response)["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_query_can_be_a_get(gw: Running) -> None:
    query = "query V($id: ID!) { video(id: $id) { id } } query W { __typename }"
    parameters = {"query": query, "variables": json.dumps({"id": "x"}), "operationName": "V", "extensions": "{}"}
    response = await gw.client.get(PATH, params=parameters)

    assert (response.status_code, response.json()) == (200, {"data": {"video": None}})


@pytest.mark.parametrize("parameters", [{}, {"query": ""}, {"query": "{ __typename }", "variables": "{"}])
async def test_a_get_that_can_not_be_read_is_a_bad_request(gw: Running, parameters: dict[str, str]) -> None:
    response = await gw.client.get(PATH, params=parameters)

    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("accept", [GRAPHQL, JSON, "text/event-stream"])
async def test_a_mutation_can_not_be_a_get(gw: Running, accept: str) -> None:
    before = (await gw.client.get("/v1/videos")).json()["data"]
    parameters = {"query": CREATE, "variables": json.dumps({"input": {"prompt": "boat"}})}
    response = await gw.client.get(PATH, params=parameters, headers={"accept": accept})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    only_error(response)
    assert (await gw.client.get("/v1/videos")).json()["data"] == before


async def test_a_subscription_needs_an_answer_that_streams(gw: Running) -> None:
    response = await post(gw.client, EVENTS, id="x")

    assert response.status_code == 400
    assert "text/event-stream" in only_error(response)["message"]


async def test_apollos_persisted_queries_are_answered_so_that_clients_send_the_text(gw: Running) -> None:
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}
    error = only_error(await gw.client.post(PATH, json=body))

    assert error["message"] == "PersistedQueryNotSupported"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(gw: Running, method: str) -> None:
    response = await gw.client.request(method, PATH)

    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["allow"].replace(" ", "").split(","))


async def test_a_browser_gets_no_web_page_here_but_is_led_to_one(gw: Running) -> None:
    response = await gw.client.get(PATH, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert (response.status_code, response.content) == (303, b"")
    assert response.headers["location"] == "graphiql"
    assert response.headers["vary"] == "Accept"
