"""The JSON Schema takes what the loader takes, refuses what is misspelt, and describes every key."""

import json
import tomllib
from copy import deepcopy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.config.inventory import keys_of
from gateway.config.schema import schema_of
from gateway.config.settings import SECTIONS
from providers.registry import KINDS, by_name

EXAMPLE = Path(__file__).parents[2] / "filmgate.example.toml"
SCHEMA = schema_of(KINDS)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def as_json(text):
    return json.loads(json.dumps(tomllib.loads(text), default=lambda moment: moment.isoformat()))


@pytest.fixture
def example():
    return as_json(EXAMPLE.read_text())


def test_it_is_a_schema_of_the_dialect_it_names():
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_example_and_a_small_file_are_valid(example, small):
    assert list(VALIDATOR.iter_errors(example)) == []
    assert list(VALIDATOR.iter_errors(as_json(small))) == []


def tables(value, path=()):
    """Every table of a file, by the way to it."""
    if isinstance(value, dict):
        yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for step, inner in steps:
        yield from tables(inner, (*path, step))


def test_a_misspelt_key_is_refused_in_every_table_of_the_example(example):
    places = [place for place in tables(example) if place != ("assets", "options")]  # its keys are the store's own

    for place in places:
        wrong = deepcopy(example)
        inside = wrong
        for step in place:
            inside = inside[step]
        inside["mispelt"] = 1
        assert not VALIDATOR.is_valid(wrong), place
    assert len(places) > 30


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("server", {"listen": 8080}),
        ("server", {"max_body_bytes": 1}),
        ("worker", {"concurrency": 0}),
        ("webhooks", {"ports": []}),
        ("observability", {"log_level": "loud"}),
        ("secrets", {}),
        ("secrets", {"key": {"env": "A", "file": "b"}}),
        ("secrets", {"key": {}}),
        ("accounts", [{"id": "a", "provider": "veo3o1"}]),
        ("accounts", [{"id": "a", "provider": "nobody", "credential": "x"}]),
        ("accounts", [{"id": "a", "provider": "doitong", "credential": "x", "plan": "gold"}]),
        ("accounts", [{"id": "a", "provider": "doitong", "credential": "x", "options": {"transport": "soap"}}]),
        ("accounts", [{"id": "a", "provider": "veo3o1", "credential": "x", "options": {"transport": "rest"}}]),
        ("accounts", [{"id": "a", "provider": "veo3o1", "credential": "x", "price_per_credit": 0.2}]),
        ("accounts", [{"id": "a b", "provider": "veo3o1", "credential": "x"}]),
        ("tenants", [{"id": "a", "keys": [{"env": "A", "scopes": ["videos:reed"]}]}]),
        ("tenants", [{"id": "a", "keys": [{"env": "A", "expires": 1893456000}]}]),
        ("tenants", [{"id": "a", "routing": {"rules": [{"when": {"aspect_ratio": "4:3"}}]}}]),
        ("tenants", [{"id": "a", "webhooks": [{"url": "https://x.example", "events": ["video.done"]}]}]),
    ],
)
def test_a_value_that_the_loader_refuses_is_refused(example, section, value):
    assert not VALIDATOR.is_valid({**example, section: value})


@pytest.mark.parametrize("secret", ["text", {"env": "A"}, {"file": "a"}], ids=["text", "env", "file"])
def test_a_secret_may_be_said_in_each_of_the_ways(example, secret):
    assert VALIDATOR.is_valid({**example, "secrets": {"key": secret, "previous": [secret]}})


def described(schema, path=()):
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        yield from described(inner, (*path, name))
    if "items" in schema:
        yield from described(schema["items"], path)
    for branch in schema.get("allOf", ()):
        yield from described(branch["then"], path)


def test_every_key_is_there_and_described():
    found = dict(described(SCHEMA))
    keys = keys_of(as_json(EXAMPLE.read_text()), by_name())
    places = {tuple(step for step in key.place if isinstance(step, str)) for key in keys}
    silent = {path for path, inner in found.items() if not inner.get("description") and "$ref" not in inner}

    assert places <= found.keys()
    assert set(SECTIONS) <= {path[0] for path in found}
    assert silent == {("accounts",), ("accounts", "plan"), ("tenants",)}  # their elements, and the plan of all, are
