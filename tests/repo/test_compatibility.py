"""Neither document breaks clients of the last release; and every kind of break would be noticed."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.repo.compatibility import breaks_of_document, breaks_of_schema
from tests.repo.sources import ROOT

OPENAPI, SDL = "openapi/gateway.json", "schema/schema.graphql"
NOW: dict[str, Any] = json.loads((Path(ROOT) / OPENAPI).read_text())
SCHEMA = (Path(ROOT) / SDL).read_text()


def released(file: str) -> str:
    """A file as it was in the last release; skips where none is known here."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout

    tags = git("tag", "--list", "v*", "--sort=-version:refname").split()
    text = git("show", f"{tags[0]}:{file}") if tags else ""
    if not text:
        pytest.skip("no release is known here to compare with")
    return text


def test_clients_of_the_last_release_go_on_over_rest():
    assert breaks_of_document(json.loads(released(OPENAPI)), NOW) == []


def test_clients_of_the_last_release_go_on_over_graphql():
    assert breaks_of_schema(released(SDL), SCHEMA) == []


def test_nothing_breaks_what_is_the_same():
    assert breaks_of_document(NOW, copy.deepcopy(NOW)) == []
    assert breaks_of_schema(SCHEMA, SCHEMA) == []


def _create(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/v1/videos"]["post"]
    return found


def _schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "GET /v1/videos is gone": lambda new: new["paths"]["/v1/videos"].pop("get"),
    "POST /v1/videos is called makeVideo, no longer createVideo": lambda new: _create(new).update(
        operationId="makeVideo"
    ),
    "POST /v1/videos takes no Prefer in header any more": lambda new: _create(new).update(
        parameters=[one for one in _create(new)["parameters"] if one["name"] != "Prefer"]
    ),
    "POST /v1/videos wants Prefer in header": lambda new: [
        one.update(required=True) for one in _create(new)["parameters"] if one["name"] == "Prefer"
    ],
    "POST /v1/videos no longer answers 202": lambda new: _create(new)["responses"].pop("202"),
    "POST /v1/videos no longer takes multipart/form-data": lambda new: _create(new)["requestBody"]["content"].pop(
        "multipart/form-data"
    ),
    "POST /v1/webhook_secret/rotate wants a body": lambda new: new["paths"]["/v1/webhook_secret/rotate"]["post"][
        "requestBody"
    ].update(required=True),
    "Video is gone": lambda new: new["components"]["schemas"].pop("Video"),
    "Video.prompt is gone": lambda new: _schema(new, "Video")["properties"].pop("prompt"),
    "Video may lack status": lambda new: _schema(new, "Video")["required"].remove("status"),
    "CreateVideo wants model": lambda new: _schema(new, "CreateVideo")["required"].append("model"),
    "Video.progress is string, no longer integer": lambda new: _schema(new, "Video")["properties"]["progress"].update(
        type="string"
    ),
    "VideoStatus lost a word": lambda new: _schema(new, "VideoStatus")["enum"].pop(),
}


@pytest.mark.parametrize("said", BREAKS)
def test_every_kind_of_break_is_noticed(said: str):
    new = copy.deepcopy(NOW)
    BREAKS[said](new)

    assert said in breaks_of_document(NOW, new)


def test_what_is_added_breaks_nothing():
    new = copy.deepcopy(NOW)
    new["paths"]["/v1/more"] = new["paths"]["/v1/models"]
    _schema(new, "Video")["properties"]["more"] = {"type": "string"}
    _schema(new, "CreateVideo")["properties"]["more"] = {"type": "string"}

    assert breaks_of_document(NOW, new) == []
    assert breaks_of_schema(SCHEMA, SCHEMA.replace("type Query {", "type Query {\n  more: Int\n")) == []


def test_a_field_that_is_gone_from_the_schema_is_noticed():
    assert breaks_of_schema(SCHEMA, SCHEMA.replace("  progress: Int!", "  progressed: Int!", 1))
