"""openapi/gateway.json: current, whole, and true of the answers."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.rest.openapi import document
from gateway.rest.operations import OPERATIONS
from gateway.rest.routes import rest_routes
from schema.tenant import Scope
from tests.support.running import Running

in_loop = pytest.mark.asyncio(loop_scope="module")

COMMITTED = Path(__file__).parents[2] / "openapi" / "gateway.json"
DOCUMENT: dict[str, Any] = json.loads(document())


def every(value: Any) -> list[dict[str, Any]]:
    """Every object in the document, however deep."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(found for one in inside for found in every(one))]


def test_the_committed_document_is_current():
    assert COMMITTED.read_text() == document(), "run: filmgate schema openapi > openapi/gateway.json"


@in_loop
async def test_the_served_document_is_the_committed_one(pair: Running):
    response = await pair.client.get("/openapi.json", headers={"authorization": ""})

    assert response.text == COMMITTED.read_text()
    assert response.headers["content-type"] == "application/json"


def test_every_route_is_described_and_nothing_else():
    app = Litestar(rest_routes(), openapi_config=None, logging_config=None)
    live = {
        (method.lower(), re.sub(r":\w+}", "}", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}
    }

    assert live == set(OPERATIONS)


def test_operation_ids_are_unique():
    ids = [operation.id for operation in OPERATIONS.values()]

    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere():
    for found in every(DOCUMENT):
        if "$ref" in found:
            place: Any = DOCUMENT
            for step in found["$ref"].removeprefix("#/").split("/"):
                place = place[step]


def test_path_parameters_are_those_of_the_path():
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            declared = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert declared == re.findall(r"{(\w+)}", path)


def test_inputs_are_closed_and_bounded():
    schemas = DOCUMENT["components"]["schemas"]
    for name in ("CreateVideo", "RoutingOptions", "ImageReference"):
        assert schemas[name]["additionalProperties"] is False


LENIENT = {"Prefer", "Range", "If-Range", "If-None-Match"}
"""Headers whose nonsense is ignored, however long."""


def test_every_text_number_and_list_has_its_bounds():
    schemas = DOCUMENT["components"]["schemas"]
    parameters = [
        parameter["schema"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        for parameter in operation["parameters"]
        if parameter["name"] not in LENIENT
    ]
    for schema in every([parameters, DOCUMENT["components"]["headers"], schemas]):
        match schema.get("type"):
            case "string":
                assert {"maxLength", "enum", "const", "format"} & set(schema), schema
            case "integer":
                assert "maximum" in schema, schema
                assert "format" in schema, schema
            case "array":
                assert "maxItems" in schema, schema


def test_what_an_operation_may_refuse_is_a_problem():
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            for status, reply in operation["responses"].items():
                if int(status) >= 400:
                    response = DOCUMENT["components"]["responses"][reply["$ref"].rpartition("/")[2]]
                    assert list(response["content"]) == ["application/problem+json"]
                    assert "X-Request-Id" in response["headers"]


def checked(value: Any, name: str) -> None:
    """Fails unless the value is what the document says of a schema."""
    registry = {"components": DOCUMENT["components"], "$ref": f"#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(registry).validate(value)


def test_examples_are_true():
    operations = DOCUMENT["paths"]["/v1/videos"]["post"]
    for content in operations["requestBody"]["content"].values():
        checked(content["examples"]["plain"]["value"], "CreateVideo")
    checked(operations["responses"]["202"]["content"]["application/json"]["examples"]["plain"]["value"], "Video")
    refused = DOCUMENT["components"]["responses"]["UnprocessableEntity"]
    checked(refused["content"]["application/problem+json"]["examples"]["plain"]["value"], "Problem")


@in_loop
async def test_answers_are_as_the_document_says(pair: Running):
    created = await pair.create("[sim:instant]", seconds=5)
    failed = await pair.create("[sim:fail]")
    checked(created, "Video")
    checked(await pair.finished(created["id"]), "Video")
    checked(await pair.finished(failed["id"]), "Video")
    checked((await pair.client.post("/v1/quotes", json={"prompt": "a kite"})).json(), "Quote")

    for path, name in (
        ("/v1/videos", "VideoPage"),
        (f"/v1/videos/{created['id']}/route", "Decision"),
        (f"/v1/videos/{created['id']}/receipt", "SignedReceipt"),
        (f"/v1/videos/{failed['id']}/receipt", "SignedReceipt"),
        ("/.well-known/filmgate-receipts.json", "KeySet"),
        ("/v1/balance", "Balance"),
        ("/v1/ledger", "LedgerPage"),
        ("/v1/models", "ModelList"),
        ("/v1/models/auto", "Model"),
        ("/livez", "Health"),
        ("/readyz", "Health"),
        ("/nowhere", "Problem"),
        ("/v1/videos?limit=0", "Problem"),
    ):
        checked((await pair.client.get(path)).json(), name)


@in_loop
async def test_answers_have_the_headers_the_document_says(pair: Running):
    created = await pair.create("[sim:stuck]")

    response = await pair.client.get(f"/v1/videos/{created['id']}")

    promised = set(DOCUMENT["paths"]["/v1/videos/{video_id}"]["get"]["responses"]["200"]["headers"])
    sometimes = {"Preference-Applied", "Access-Control-Allow-Origin", "RateLimit", "RateLimit-Policy"}
    assert {name.lower() for name in promised - sometimes} <= set(response.headers)


def test_what_is_made_leads_to_what_can_be_done_with_it():
    made = DOCUMENT["paths"]["/v1/videos"]["post"]["responses"]["202"]["links"]

    assert {"getVideo", "cancelVideo", "deleteVideo", "downloadVideo", "getVideoRoute"} <= set(made)
    assert made["getVideo"]["parameters"] == {"video_id": "$response.body#/id"}
    for found in every(DOCUMENT):
        for name, link in found.get("links", {}).items():
            (target,) = [one for one in OPERATIONS.values() if one.id == link["operationId"]]
            assert name == target.id
            assert set(link["parameters"]) == {one.name for one in target.parameters if one.where == "path"}


def test_operators_have_a_scheme_of_their_own():
    for (method, path), operation in OPERATIONS.items():
        described = DOCUMENT["paths"][path][method]["security"]
        needed = "operator" if operation.scope is Scope.OPERATOR else "key"
        assert described == ([] if operation.scope is None else [{needed: []}])


def test_a_value_that_may_be_null_has_two_types_rather_than_two_schemas():
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["Video"]["properties"]["completed_at"]["type"] == ["integer", "null"]
    for found in every(schemas):
        if {"type": "null"} in found.get("anyOf", []) and len(found["anyOf"]) == 2:
            (other,) = [one for one in found["anyOf"] if one != {"type": "null"}]
            assert "$ref" in other or "enum" in other or "anyOf" in other, found
