"""What we send, and what we think we get, has the shape that openapi/ describes."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from providers.answers import parse
from providers.base import Flow, Provider, WireRequest
from providers.registry import KINDS
from schema.account import Secret
from tests.providers.contract import PICTURE, SUBMISSION, ProviderContract, every_request, spec_name
from tests.providers.play import Sample, asked, samples
from tests.providers.test_doitong import TestDoitong as Doitong
from tests.providers.test_veo3o1 import TestVeo3o1 as Veo3o1

ROOT = Path(__file__).parents[2]
NAMES = [kind.name for kind in KINDS]
CONTRACTS: dict[str, type[ProviderContract]] = {"veo3o1": Veo3o1, "doitong": Doitong}

REQUESTS = [
    pytest.param(name, setup, request, id=f"{name}-{how}-{spec_name(wish)}-{request.path}")
    for name, contract in CONTRACTS.items()
    for how, setup in contract.setups()
    for wish in contract.wishes
    for request in every_request(setup, wish)
]
SAMPLES = [pytest.param(name, sample, id=f"{name}-{id}") for name in CONTRACTS for id, sample in samples(name)]


@cache
def described(name: str) -> Any:
    return yaml.safe_load((ROOT / "openapi" / f"{name}.yaml").read_text())


def at(name: str, pointer: str) -> Any:
    """What a description has at a JSON pointer."""
    found = described(name)
    for part in pointer.split("/")[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def followed(name: str, pointer: str) -> str:
    """The pointer, or where a ``$ref`` at it points."""
    ref = at(name, pointer).get("$ref")
    return pointer if ref is None else ref.removeprefix("#")


def complaints(name: str, pointer: str, value: Any) -> list[str]:
    """What is wrong with a value by the schema at a pointer."""
    registry: Registry[Any] = Registry().with_resource(f"urn:{name}", DRAFT202012.create_resource(described(name)))
    validator = Draft202012Validator({"$ref": f"urn:{name}#{pointer}"}, registry=registry)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def operation(name: str, request: WireRequest) -> str:
    """Where the description has the operation a request asks for."""
    for path in described(name)["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path):
            return f"/paths/{path.replace('/', '~1')}/{request.method.lower()}"
    raise AssertionError(f"openapi/{name}.yaml has no {request.path}")


def body_schema(name: str, sample: Sample) -> str:
    """Where the description has the body a sample brings."""
    provider = next(kind for kind in KINDS if kind.name == name).build(_options(name, sample))
    if sample.to == "hook":
        return "/webhooks/completion/post/requestBody/content/application~1json/schema"
    responses = operation(name, asked(_flow(provider, sample))) + "/responses"
    status = str(sample.status) if str(sample.status) in at(name, responses) else f"{sample.status // 100}XX"
    return followed(name, f"{responses}/{status}") + "/content/application~1json/schema"


def _options(name: str, sample: Sample) -> Any:
    return msgspec.convert(sample.options, next(kind for kind in KINDS if kind.name == name).options)


def _flow(provider: Provider, sample: Sample) -> Flow[Any]:
    if sample.to == "submit":
        return provider.adapter.submit(CONTRACTS[provider.name].wishes[0], SUBMISSION)
    if sample.to == "upload":
        assert provider.uploads is not None
        return provider.uploads.upload(PICTURE)
    assert provider.polls is not None
    return provider.polls.poll("v-1")


def test_every_provider_is_described():
    assert set(NAMES) == set(CONTRACTS)
    for name in NAMES:
        assert described(name)["openapi"].startswith("3.1.")


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_of_a_description_is_a_schema(name):
    for schema in described(name)["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_of_a_description_points_somewhere(name):
    for pointer in set(re.findall(r"\$ref: \"#(/[^\"]+)\"", (ROOT / "openapi" / f"{name}.yaml").read_text())):
        assert at(name, pointer)


@pytest.mark.parametrize("name", NAMES)
def test_every_assumption_of_a_description_is_explained_in_the_readme(name):
    assumed = set(re.findall(r"x-assumption: (\w+)", (ROOT / "openapi" / f"{name}.yaml").read_text()))
    readme = (ROOT / "providers" / name / "README.md").read_text()

    assert assumed
    assert assumed - set(re.findall(r"^\| (\w+) \|", readme, re.MULTILINE)) == set()


@pytest.mark.parametrize(("name", "setup", "request_"), REQUESTS)
def test_a_request_is_one_the_description_knows(name, setup, request_):
    asks = at(name, operation(name, request_))
    media_type = request_.headers.get("content-type", "").partition(";")[0]

    sends = bool(request_.body) or request_.attachment is not None
    assert ("requestBody" in asks) == sends
    assert not sends or media_type in asks["requestBody"]["content"]
    if media_type == "application/json":
        schema = f"{operation(name, request_)}/requestBody/content/application~1json/schema"
        assert complaints(name, schema, parse(request_.body)) == []


@pytest.mark.parametrize(("name", "setup", "request_"), REQUESTS)
def test_a_request_is_authorized_as_the_description_says(name, setup, request_):
    [scheme] = at(name, operation(name, request_)).get("security", described(name).get("security"))
    security = described(name)["components"]["securitySchemes"][next(iter(scheme))]

    sent = setup.adapter.authorize(request_, Secret("k"))

    if security["type"] == "apiKey":
        assert sent.headers[security["name"].lower()] == "k"
    else:
        assert sent.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_conforms_to_the_description_unless_it_says_that_it_does_not(name, sample):
    conforms = sample.text is None and complaints(name, body_schema(name, sample), sample.body) == []

    assert conforms == sample.conforms
