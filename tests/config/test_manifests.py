"""Manifests of trusted documents in the files that graphql-codegen, relay-compiler and Apollo write."""

import hashlib
import json

import pytest

from gateway.config.load import parse
from gateway.config.manifests import APOLLO, MAX_DOCUMENT_ID

TEXT = "query Viewer { viewer { tenant { id } } }"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
MD5 = hashlib.md5(TEXT.encode(), usedforsecurity=False).hexdigest()
OPERATION = {"id": SHA256, "name": "Viewer", "type": "query", "body": TEXT}


@pytest.fixture
def read(small, environ, tmp_path):
    """The settings of the small file beside these manifests, and what is found in it."""

    def reading(**manifests):
        for name, content in manifests.items():
            (tmp_path / f"{name}.json").write_bytes(
                content if isinstance(content, bytes) else json.dumps(content).encode()
            )
        settings, findings = parse(f'{small}\n[graphql]\ndocuments = "{tmp_path}"\n', environ)
        return settings, [(each.path, each.problem) for each in findings if not each.warning]

    return reading


@pytest.mark.parametrize(
    ("manifest", "id"),
    [
        ({SHA256: TEXT}, SHA256),
        ({MD5: TEXT}, MD5),
        ({"format": APOLLO, "version": 1, "operations": [OPERATION]}, SHA256),
        ({"viewer.v1": TEXT}, "viewer.v1"),
    ],
    ids=["graphql-codegen", "relay-compiler", "Apollo", "names of one's own"],
)
def test_a_document_is_found_by_its_manifests_id_and_by_its_hash(read, manifest, id):
    settings, findings = read(persisted=manifest)

    assert findings == []
    assert [settings.trusted.find(each) for each in (id, SHA256, f"sha256:{SHA256}", "sha256:", "")] == [
        *[TEXT] * 3,
        *[None] * 2,
    ]
    assert settings.trusted.documents[0].source == "persisted.json"


def test_a_folder_may_hold_many_manifests_and_other_files(read, tmp_path):
    (tmp_path / "README.md").write_text("not a manifest")
    settings, findings = read(
        web={SHA256: TEXT, "a": "{ __typename }"}, admin={"b": "{ viewer { tenant { id } } }"}, same={SHA256: TEXT}
    )

    assert findings == []
    assert {document.id for document in settings.trusted.documents} == {SHA256, "a", "b"}


def test_one_file_can_be_named_whatever_it_is_called(small, environ, tmp_path):
    (tmp_path / "relay.map").write_text(json.dumps({MD5: TEXT}))
    settings, findings = parse(f'{small}\n[graphql]\ndocuments = "{tmp_path}/relay.map"\n', environ)

    assert [each for each in findings if not each.warning] == []
    assert settings is not None
    assert settings.trusted.find(MD5) == TEXT


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "web.json is not JSON"),
        (b"[" * 100_000, "web.json is not JSON"),
        (b'"\xff"', "web.json is not JSON"),
        ([], "web.json: is no manifest; that is an object of ids and texts"),
        ({"a": 5}, "web.json: document a: is no text"),
        ({"": TEXT}, "web.json: a document has no id of 1 to 256 characters"),
        ({"a" * (MAX_DOCUMENT_ID + 1): TEXT}, "web.json: a document has no id of 1 to 256 characters"),
        ({"format": "apollo-persisted-query-manifest", "version": 2}, "web.json: is of an unknown format"),
        ({"format": "another", "operations": []}, "web.json: is of an unknown format"),
        ({"format": APOLLO, "version": 1}, "web.json: operations: must be a list"),
        ({"format": APOLLO, "version": 1, "operations": [5]}, "web.json: operations: must be a list"),
        ({"format": APOLLO, "version": 1, "operations": [{"body": TEXT}]}, "web.json: a document has no id"),
        ({"format": APOLLO, "version": 1, "operations": [{"id": "a"}]}, "web.json: document a: is no text"),
    ],
)  # fmt: skip
def test_a_manifest_that_can_not_be_used_names_its_file_and_document(read, content, problem):
    settings, [(path, said)] = read(web=content)

    assert settings is None
    assert path == "graphql.documents"
    assert said.startswith(problem)


def test_an_id_means_one_text(read):
    _, findings = read(admin={"a": "{ viewer { tenant { id } } }"}, web={"a": TEXT})

    assert findings == [("graphql.documents", "web.json: document a: is another text in admin.json")]


def test_a_place_without_manifests_is_a_mistake(small, environ, tmp_path):
    for place, problem in ((tmp_path, "has no manifests"), (tmp_path / "nowhere", "does not exist")):
        settings, findings = parse(f'{small}\n[graphql]\ndocuments = "{place}"\n', environ)

        assert settings is None
        assert problem in findings[0].problem
        assert findings[0].line is not None


@pytest.mark.parametrize("who", ["client_tokens", "everyone"])
def test_nothing_but_documents_takes_documents(small, environ, who):
    settings, findings = parse(f'{small}\n[graphql]\nonly_documents = "{who}"\n', environ)

    assert settings is None
    assert (findings[0].path, findings[0].hint) == (
        "graphql.only_documents",
        "say in graphql.documents where they are",
    )
