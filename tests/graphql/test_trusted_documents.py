"""Trusted documents: asked for by their ids through every transport, and never learned from a request."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from graphql import get_introspection_query

from gateway.config.settings import GraphQLProfile, OnlyDocuments
from gateway.config.trusted_documents import TrustedDocument, TrustedDocuments
from gateway.graphql.controller import PATH
from gateway.graphql.documents import MAX_TOKENS
from gateway.graphql.laid_in import check_trusted
from gateway.graphql.schema import build_schema
from tests.graphql.asking import CREATE, EVENTS, created, door, socket, speaking
from tests.support.browsers import browser, minted
from tests.support.running import ACME_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWER = "query Viewer { viewer { tenant { id } } }"
VIDEO = "query Video($id: ID!) { video(id: $id) { id } }"
ANSWER = {"data": {"viewer": {"tenant": {"id": "acme"}}}}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def laid_in(*texts: str, id_of: Any = sha256) -> TrustedDocuments:
    return TrustedDocuments.of(TrustedDocument(id=id_of(text), text=text, source="web.json") for text in texts)


def persisted(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}}


async def asked(client: Any, status: int = 400, **body: Any) -> Any:
    response = await client.post(PATH, json=body)
    assert response.status_code == status, response.text
    answer = response.json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer


WAYS = pytest.mark.parametrize(
    "way",
    [
        {"documentId": f"sha256:{sha256(VIEWER)}"},
        {"documentId": sha256(VIEWER)},
        {"documentId": md5(VIEWER)},
        {"doc_id": md5(VIEWER)},
        persisted(VIEWER),
        {"query": VIEWER, **persisted(VIEWER)},
        {"query": VIEWER, "doc_id": md5(VIEWER)},
    ],
    ids=["prefixed", "bare", "as the manifest has it", "Relay", "Apollo", "Apollo, with a text", "Relay, with a text"],
)  # fmt: skip


@WAYS
@pytest.mark.parametrize("only", OnlyDocuments)
async def test_a_document_is_asked_for_by_its_id(gw: Running, way: dict[str, Any], only: OnlyDocuments) -> None:
    async with speaking(gw.gateway, laid_in(VIEWER, id_of=md5), only_documents=only):
        assert await asked(gw.client, 200, **way) == ANSWER
        parameters = {name: value if isinstance(value, str) else json.dumps(value) for name, value in way.items()}
        assert (await gw.client.get(PATH, params=parameters)).json() == ANSWER


@WAYS
async def test_a_socket_and_streams_take_ids_too(gw: Running, way: dict[str, Any]) -> None:
    async with speaking(gw.gateway, laid_in(VIEWER, id_of=md5), only_documents=OnlyDocuments.EVERYONE):
        async with socket(gw.url, ACME_KEY) as ws:
            await ws.send(id="1", type="subscribe", payload=way)
            assert await ws.results("1") == [ANSWER]
        for accept in ("text/event-stream", "multipart/mixed;subscriptionSpec=1.0"):
            response = await gw.client.post(PATH, json=way, headers={"accept": accept})
            assert json.dumps(ANSWER, separators=(",", ":")) in response.text


async def test_a_subscription_may_be_a_trusted_document(gw: Running) -> None:
    id = await created(gw.client)
    async with speaking(gw.gateway, laid_in(EVENTS), only_documents=OnlyDocuments.EVERYONE):
        async with socket(gw.url, ACME_KEY) as ws:
            await ws.send(id="1", type="subscribe", payload={**persisted(EVENTS), "variables": {"id": id}})
            seen = await ws.results("1")
        response = await gw.client.post(
            PATH, json={**persisted(EVENTS), "variables": {"id": id}}, headers={"accept": "text/event-stream"}
        )

    assert seen[-1]["data"]["videoEvents"]["type"] == "COMPLETED"
    assert response.text.startswith("event: next")
    assert "COMPLETED" in response.text


async def test_variables_operation_names_and_mutations_go_with_an_id(gw: Running) -> None:
    two = f"{VIEWER} {VIDEO}"
    async with speaking(gw.gateway, laid_in(two, CREATE)):
        answer = await asked(gw.client, 200, documentId=sha256(two), operationName="Video", variables={"id": "x"})
        assert answer == {"data": {"video": None}}
        made = await asked(gw.client, 200, documentId=sha256(CREATE), variables={"input": {"prompt": "boat"}})
        assert made["data"]["createVideo"]["video"]["status"] == "QUEUED"
        response = await gw.client.get(PATH, params={"documentId": sha256(CREATE)})
        assert response.status_code == 405


async def test_an_unknown_id_is_not_found_and_nothing_is_ever_registered(gw: Running) -> None:
    other = "query Other { viewer { tenant { id } } }"
    async with speaking(gw.gateway, laid_in(VIEWER)):
        for way in ({"documentId": sha256(other)}, {"doc_id": "1"}, persisted(other)):
            response = await gw.client.post(PATH, json=way)
            (error,) = response.json()["errors"]
            assert (response.status_code, error["message"]) == (400, "PersistedQueryNotFound")
            assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert await asked(gw.client, 200, query=other, **persisted(other)) == ANSWER
        assert await asked(gw.client, **persisted(other)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_where_there_are_none_apollos_clients_are_told_to_stop_asking(gw: Running) -> None:
    assert await asked(gw.client, **persisted(VIEWER)) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert await asked(gw.client, 200, query=VIEWER, **persisted(VIEWER)) == ANSWER


@pytest.mark.parametrize(
    "way",
    [
        {"query": VIDEO, **persisted(VIEWER)},
        {"query": VIDEO, "documentId": sha256(VIEWER)},
        {"query": VIDEO, "documentId": "sha256:" + "0" * 64},
        {"query": VIDEO, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    ],
)
@pytest.mark.parametrize("only", OnlyDocuments)
async def test_a_text_and_an_id_must_be_the_same_document(
    gw: Running, way: dict[str, Any], only: OnlyDocuments
) -> None:
    async with speaking(gw.gateway, laid_in(VIEWER), only_documents=only):
        assert await asked(gw.client, **way, variables={"id": "x"}) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "way",
    [
        {"documentId": 5},
        {"doc_id": {}},
        {"extensions": {"persistedQuery": None}},
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"persistedQuery": {"sha256Hash": sha256(VIEWER)}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": sha256(VIEWER)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"documentId": ""},
    ],
)
async def test_an_id_of_the_wrong_shape_is_a_bad_request(gw: Running, way: dict[str, Any]) -> None:
    async with speaking(gw.gateway, laid_in(VIEWER)):
        assert await asked(gw.client, **way) == "BAD_REQUEST"


async def test_who_may_ask_for_nothing_else_is_told_so(gw: Running) -> None:
    """The statuses are the edition's; sockets and streams refuse alike."""
    page_token = (await minted(gw.client))["token"]
    table = {
        OnlyDocuments.OFF: (200, 200),
        OnlyDocuments.CLIENT_TOKENS: (200, 400),
        OnlyDocuments.EVERYONE: (400, 400),
    }
    async with browser(gw.url, page_token) as page:
        for only, statuses in table.items():
            async with speaking(gw.gateway, laid_in(VIEWER), only_documents=only):
                for client, key, status in zip((gw.client, page), (ACME_KEY, page_token), statuses, strict=True):
                    answer = await asked(client, status, query="{ __typename }", doc_id="mine")
                    assert answer in ({"data": {"__typename": "Query"}}, "PERSISTED_QUERY_ID_REQUIRED")
                    assert (await asked(client, status, query="{ __typename }")) == answer
                    async with socket(gw.url, key) as ws:
                        await ws.subscribe("1", "{ __typename }")
                        message = await ws.next()
                    assert message["type"] == ("next" if status == 200 else "error")
    async with speaking(
        gw.gateway, laid_in(VIEWER), only_documents=OnlyDocuments.EVERYONE, profile=GraphQLProfile.SEPTEMBER_2026
    ):
        assert await asked(gw.client, 422, query=VIDEO, variables={"id": "x"}) == "PERSISTED_QUERY_ID_REQUIRED"
        assert await asked(gw.client, 422, documentId="x") == "PERSISTED_QUERY_NOT_FOUND"
        response = await gw.client.post(PATH, json={"query": "{ __typename }"}, headers={"accept": "text/event-stream"})
        assert response.status_code == 422


PROBES = [
    get_introspection_query(),
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Video") { name } }',
    "{ __typename }",
    "{ vide }",
    "{ video }",
    "{ viewer }",
    "{ videos(limit: 1) { edges { nod } } }",
    'mutation { createVideo(input: {promp: "x"}) { __typename } }',
    "query($a: VideoStatu) { __typename }",
    "subscription { event }",
    "{",
    "fragment F on Vide { id }",
    "{ a { ...F } } fragment F on Query { ...F }",
]


async def test_with_documents_alone_and_no_introspection_probing_teaches_nothing(gw: Running) -> None:
    """Whatever is asked, right or wrong, the answer is the same one."""
    before = gw.gateway.settings
    async with (
        speaking(gw.gateway, laid_in(VIEWER), only_documents=OnlyDocuments.EVERYONE),
        door(gw.gateway, ACME_KEY) as client,
    ):
        answers = {(await client.post(PATH, json={"query": probe})).text for probe in PROBES}
        gets = {(await client.get(PATH, params={"query": probe})).text for probe in PROBES}
        async with socket(gw.url, ACME_KEY) as ws:
            for number, probe in enumerate(PROBES):
                await ws.subscribe(str(number), probe)
            said = {json.dumps((await ws.next())["payload"]) for _ in PROBES}

    assert before == gw.gateway.settings
    assert len(answers) == len(said) == 1
    assert answers == gets
    assert "PERSISTED_QUERY_ID_REQUIRED" in answers.pop()


async def test_a_trusted_document_is_read_once_and_never_forgotten() -> None:
    documents = build_schema().documents
    text = "{ viewer { tenant { id } } }" + " " * 9000
    read = documents.trust(text)
    for number in range(300):
        documents.read(f"{{ viewer {{ tenant {{ id a{number}: id }} }} }}")

    assert documents.trust(text) is documents.read(text) is read


def checked(gw: Running, *texts: str) -> list[str]:
    settings = msgspec.structs.replace(gw.gateway.settings, trusted=laid_in(*texts, id_of=md5))
    return [finding.problem for finding in check_trusted(settings)]


async def test_documents_are_held_against_the_schema_when_they_are_laid_in(gw: Running) -> None:
    wrong = "query Old {\n  viewer { tenant { idd } }\n}"

    assert checked(gw, VIEWER, CREATE, EVENTS, get_introspection_query()) == []
    why = "Cannot query field 'idd' on type 'Tenant'. Did you mean 'id'? (line 2, column 21)"
    assert checked(gw, VIEWER, wrong) == [f"web.json: document {md5(wrong)}: {why}"]
    assert "Syntax Error" in checked(gw, "{")[0]
    assert "asks for too much" in checked(gw, "{a" * 12 + "}" * 12)[0]
    assert "is never used" in checked(gw, "fragment F on Video { id }")[0]


async def test_a_trusted_document_may_be_longer_than_other_texts(gw: Running) -> None:
    long = "".join(f"query Q{number} {{ viewer {{ tenant {{ id }} }} }} " for number in range(MAX_TOKENS // 10))
    async with speaking(gw.gateway, laid_in(long)):
        assert await asked(gw.client, 200, documentId=sha256(long), operationName="Q7") == ANSWER
