"""Who judges a running gateway: public test suites, linters, generators and clients, and the commands they run by."""

from pathlib import Path

import msgspec

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / ".conformance"
CLIENTS = WORK / "clients"
_SHOULD = "47DE 80D8 572B FDE2 7B9B 86EE"
_MAY = "3E3A 423L 4760 4761 4762 4763 58B0 58B1 58B2 58B3 6C00 6C01 6C02 6C03 LKJ0 LKJ1 LKJ2 LKJ3"
_DIFFERENT = ",".join((*_SHOULD.split(), *_MAY.split()))
"""Audits of graphql-http 1.23 whose answer the September 2026 edition of GraphQL over HTTP wants otherwise."""


class Venv(msgspec.Struct, frozen=True):
    """Tools in an environment of their own, so that none of them binds our versions."""

    name: str
    packages: tuple[str, ...]

    @property
    def bin(self) -> Path:
        return WORK / self.name / "bin"

    def __call__(self, tool: str) -> str:
        return str(self.bin / tool)


TOOLS = Venv("tools", ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0"))
REST_CLIENT = Venv("rest-client", ("openapi-python-client==0.29.1", "mypy==2.4.1"))
ARIADNE = Venv("ariadne", ("ariadne-codegen[subscriptions]==0.19.0", "mypy==2.4.1"))
GQL = Venv("gql", ("gql[all]==4.0.0",))
VENVS = (TOOLS, REST_CLIENT, ARIADNE, GQL)


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that must all succeed, one after the other; ``{url}``, ``{key}`` and the like are filled in."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    folder: Path = WORK


DOCUMENT, SDL = str(ROOT / "openapi" / "gateway.json"), str(ROOT / "schema" / "schema.graphql")
_SORTED = ("input-object-fields", "type-fields", "enum-values", "interface-fields")
_UNSORTED = ",".join(f"{what}-sorted-alphabetically" for what in _SORTED)
_BEARER = "Authorization: Bearer {key}"


def _schemathesis(config: str, url: str, *more: str) -> tuple[str, ...]:
    """With all checks, as it does unless told otherwise; what a configuration takes out has its reason there."""
    fixed = ("--max-examples", "{examples}", "--seed", "1", "--continue-on-failure")
    return (TOOLS("schemathesis"), "--config-file", config, "run", url, *fixed, *more)


_SDK_TESTS = ("-q", "-p", "no:cacheprovider", "tests/edges/test_openai_sdk.py")
_PLAIN, _PEERS = str(HERE / "schemathesis.toml"), str(WORK / "peers.toml")
_GRAPHQL = str(HERE / "schemathesis-graphql.toml")
_REST = ("{url}/openapi.json", "--url", "{url}")
JUDGES = (
    Judge(
        name="openapi",
        commands=(
            (TOOLS("openapi-spec-validator"), DOCUMENT),
            ("npx", "redocly", "lint", DOCUMENT, "--extends=recommended-strict"),
            ("npx", "spectral", "lint", DOCUMENT, "--ruleset", "spectral.yaml", "--fail-severity=warn", "--quiet"),
        ),
    ),
    Judge(
        name="sdl",
        commands=(
            ("npx", "graphql-schema-linter", "--except", _UNSORTED, SDL),
            ("npx", "graphql-inspector", "validate", "clients/operations.graphql", SDL),
        ),
    ),
    Judge(name="audits", commands=(("node", "audits.mjs", "{url}/graphql", "Bearer {key}"),)),
    Judge(
        name="audits-2026-09",
        commands=(("node", "audits.mjs", "{edition}/graphql", "Bearer {key}", _DIFFERENT),),
    ),
    Judge(name="browsers", commands=(("node", "browsers.mjs", "{url}/graphql", "Bearer {key}"),)),
    *(
        Judge(
            name=f"openai-python-{version}",
            commands=(("{uv}", "run", "--frozen", "--with", f"openai=={version}", "pytest", *_SDK_TESTS),),
            folder=ROOT,
        )
        for version in ("2.30.0", "3.57.0")
    ),
    Judge(name="openai-node", commands=(("node", "openai.mjs", "{url}/v1", "{key}"),)),
    Judge(
        name="openapi-fetch",
        commands=(("node", "built/openapi_fetch.js", "{url}", "{key}"),),
        folder=CLIENTS,
    ),
    Judge(name="codegen", commands=(("node", "built/preset.js", "{url}", "{key}"),), folder=CLIENTS),
    Judge(name="relay", commands=(("node", "built/relay/main.js", "{url}", "{key}"),), folder=CLIENTS),
    Judge(
        name="openapi-python-client",
        commands=(
            (REST_CLIENT("mypy"), "--strict", "-p", "filmgate_client"),
            (REST_CLIENT("mypy"), "--strict", "generated_rest.py"),
            (REST_CLIENT("python"), "generated_rest.py", "{url}", "{key}"),
        ),
        folder=CLIENTS,
    ),
    Judge(
        name="ariadne-codegen",
        commands=(
            # its own base client is not strict; the types it makes of our schema are checked where they are used
            (ARIADNE("mypy"), "--strict", "--follow-imports=silent", "generated_graphql.py"),
            (ARIADNE("python"), "generated_graphql.py", "{url}", "{key}"),
        ),
        folder=CLIENTS,
    ),
    Judge(name="gql", commands=((GQL("python"), "plain_gql.py", "{url}", "{key}"),), folder=CLIENTS),
    Judge(name="schemathesis", commands=(_schemathesis(_PLAIN, *_REST, "--mode", "all", "-H", _BEARER),)),
    Judge(
        name="schemathesis-neighbours",
        commands=(_schemathesis(_PEERS, *_REST, "--mode", "positive", "--phases", "fuzzing,stateful"),),
    ),
    Judge(
        name="schemathesis-graphql",
        commands=(_schemathesis(_GRAPHQL, "{url}/graphql", "-H", "Authorization: Bearer {operator}"),),
    ),
)
