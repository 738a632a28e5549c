"""The architecture holds: who may import whom, where SQL and I/O live, and that the core knows no provider's name."""

import ast
import io
import re
import tokenize

import pytest
from importlinter.cli import lint_imports

from tests.repo.sources import ROOT, Source, sources

SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|ALTER|DROP)\s+(TABLE|INDEX))\b",
    re.DOTALL,
)
PROVIDERS = re.compile(r"veo3o1|doitong", re.IGNORECASE)


def places(found) -> str:
    """One line for each finding, so that a failure names them all."""
    return "\n".join(sorted(found))


def test_the_import_contracts_hold(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)

    status = lint_imports(no_cache=True, no_logo=True)

    assert status == 0, capsys.readouterr().out


def test_sql_is_in_the_store_and_nowhere_else():
    found = [
        f"{source.path}:{line}"
        for source in sources()
        if not source.within("gateway/store/")
        for line, text in source.strings()
        if SQL.search(text)
    ]

    assert not found, places(found)


def test_the_store_s_sql_is_recognised():
    assert any(
        SQL.search(text) for source in sources() if source.within("gateway/store/") for _, text in source.strings()
    )


def test_the_environment_is_read_in_one_file():
    found = [
        f"{source.path}:{line}"
        for source in sources()
        if not source.within("gateway/config/environment.py")
        for line in _environment(source)
    ]

    assert not found, places(found)


def _environment(source: Source) -> list[int]:
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    attributes = [
        node.lineno
        for node in source.nodes()
        if isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    return attributes + [line for line, name in source.imports() if name in {f"os.{each}" for each in names}]


@pytest.mark.parametrize(
    ("client", "homes"),
    [
        pytest.param(
            "httpx",
            (
                *("gateway/upstream.py", "gateway/egress.py", "gateway/dialing.py"),
                *("gateway/cli/", "gateway/sandbox/"),
            ),
            id="httpx",
        ),
        pytest.param("httpx_aiohttp", ("gateway/dialing.py",), id="httpx_aiohttp"),
        pytest.param("aiohttp", ("gateway/upstream.py", "gateway/egress.py", "gateway/dialing.py"), id="aiohttp"),
        pytest.param("obstore", ("gateway/assets.py",), id="obstore"),
        *(pytest.param(name, (), id=name) for name in ("requests", "urllib.request", "http.client")),
    ],
)
def test_a_client_is_used_where_calls_are_made_and_nowhere_else(client, homes):
    found = [
        f"{source.path}:{line}"
        for source in sources()
        if not source.within(*homes)
        for line, name in source.imports()
        if name == client or name.startswith(f"{client}.")
    ]

    assert not found, places(found)


def test_the_core_does_not_know_who_it_is_talking_to():
    found = [
        f"{source.path}:{token.start[0]}: {token.string.strip()[:100]}"
        for source in sources("gateway")
        if not source.within("gateway/sandbox/", "gateway/demo.py") and PROVIDERS.search(source.text)
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type != tokenize.COMMENT and PROVIDERS.search(token.string)
    ]

    assert not found, places(found)


@pytest.mark.parametrize("package", ["schema", "providers", "gateway", "tests", "bench"])
def test_every_module_says_in_its_first_line_what_it_is_for(package):
    found = [f"{source.path}: {first}" for source in sources(package) if not _says(first := _first_line(source))]

    assert not found, places(found)


def _first_line(source: Source) -> str:
    first = source.text.partition("\n")[0]
    return first.removeprefix('"""').removesuffix('"""') if first.startswith('"""') else ""


def _says(line: str) -> bool:
    """A sentence or its end, a path such as ``/v1/videos``, or a command."""
    return line.endswith((".", "!", "?", ":", "…")) or line.startswith("/") or (line[:2] == line[-2:] == "``")
