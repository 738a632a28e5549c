"""The pages as they are served: whole, ours alone, and only where they are wanted."""

import json
import re
import tomllib
from collections.abc import AsyncIterator
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
from graphql import parse, validate

from gateway.explorers.files import static_files
from gateway.explorers.routes import PAGE_POLICY
from gateway.graphql.schema import build_schema
from tests.graphql.asking import ask, codes, door
from tests.rest.answers import problem
from tests.support.running import ACME_KEY, Running, Setup, running

in_loop = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "gateway" / "explorers" / "static"
FILES = sorted(static_files())
SCRIPTS = [name for name in FILES if name.endswith(".js")]
PAGES = {"/docs": "docs.html", "/graphiql": "graphiql.html"}
TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pages"))) as both:
        yield both


class Tags(HTMLParser):
    """Every tag of a page, and the text that stands inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in {"script", "style"}:
            self.inline += data.strip()


@in_loop
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_html_under_a_policy_without_exceptions(pair: Running, path: str):
    page = await pair.client.get(path, headers={"authorization": ""})

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers.get_list("content-security-policy") == [PAGE_POLICY]
    assert "unsafe" not in PAGE_POLICY
    assert "http" not in PAGE_POLICY
    assert {directive.split()[0] for directive in PAGE_POLICY.split("; ")} >= {
        *("default-src", "script-src", "style-src", "connect-src", "base-uri", "form-action", "frame-ancestors"),
        "require-trusted-types-for",
    }


@in_loop
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_nothing_inline_and_links_to_what_is_served_here(pair: Running, path: str):
    tags = Tags((await pair.client.get(path)).text)

    assert tags.inline == ""
    links = [value for _, given in tags.found for name, value in given.items() if name in {"src", "href", "action"}]
    for _, given in tags.found:
        assert "style" not in given
        assert not [name for name in given if name.startswith("on")]
    assert len(links) >= 5
    for link in links:
        assert link is not None
        assert link == "data:," or re.fullmatch(r"[a-z]+(/[a-z]+)?(\.[a-z]+)?", link), link
        if link != "data:,":
            assert (await pair.client.get(f"/{link}")).status_code == 200


@in_loop
@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".html")])
async def test_a_file_has_its_type_and_is_asked_for_again_only_when_it_changed(pair: Running, name: str):
    served = await pair.client.get(f"/explorers/{name}", headers={"authorization": ""})
    again = await pair.client.get(f"/explorers/{name}", headers={"if-none-match": served.headers["etag"]})

    assert served.content == (FOLDER / name).read_bytes()
    assert served.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_what_lies_beside_it_and_reads_no_text_as_code(name: str):
    text = (FOLDER / name).read_text()

    imported = re.findall(r"""\bfrom "([^"]+)";|\bimport\(""", text)
    assert all(there.startswith("./") and there[2:] in SCRIPTS for there in imported)
    for danger in (
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"),
        *("localStorage", "sessionStorage", "document.cookie", "postMessage", "http://", "https://", "javascript:"),
    ):
        assert danger not in text, danger


def test_every_file_is_used():
    texts = "".join((FOLDER / name).read_text() for name in FILES)

    assert [name for name in FILES if name not in PAGES.values() and name not in texts] == []


def test_the_examples_are_documents_of_the_schema():
    text = (FOLDER / "examples.js").read_text()
    examples = json.loads(text[text.index("[") : text.rindex("]") + 1])

    assert len(examples) >= 5
    for example in examples:
        assert validate(build_schema()._schema, parse(example["query"])) == [], example["title"]


@in_loop
async def test_the_page_s_introspection_is_within_the_cost_guard(pair: Running):
    text = (FOLDER / "introspection.js").read_text()
    kind, argument, query = (
        re.search(rf"const {name} =\s*([`\"])(.+?)\1;", text, re.DOTALL)
        for name in ("TYPE", "ARGUMENT", "INTROSPECTION")
    )
    assert kind
    assert argument
    assert query
    document = query[2].replace("${ARGUMENT}", argument[2]).replace("${TYPE}", kind[2])

    data = await ask(pair.client, document)

    assert "Video" in {one["name"] for one in data["__schema"]["types"]}


@in_loop
@pytest.mark.parametrize(
    "name", ["nothing.js", "docs.html", "..", "%2e%2e%2froutes.py", "..%2froutes.py", "__init__.py"]
)
async def test_nothing_else_is_served(pair: Running, name: str):
    assert (await pair.client.get(f"/explorers/{name}")).status_code == 404


@in_loop
@pytest.mark.parametrize("path", PAGES)
async def test_a_slash_at_the_end_leads_back(pair: Running, path: str):
    response = await pair.client.get(path + "/")

    assert (response.status_code, response.headers["location"]) == (308, f"..{path}")
    assert (await pair.client.get(path + "/", follow_redirects=True)).url.path == path


@in_loop
async def test_a_browser_that_opens_graphql_is_shown_the_page_to_try_it_in(pair: Running):
    opened = await pair.client.get("/graphql", headers={"accept": BROWSER, "authorization": ""})
    asked = await pair.client.get("/graphql?query={__typename}", headers={"accept": BROWSER})

    assert (opened.status_code, opened.headers["location"]) == (303, "graphiql")
    assert asked.json() == {"data": {"__typename": "Query"}}


@in_loop
@pytest.mark.parametrize(
    ("production", "docs", "there"),
    [(False, None, True), (True, None, False), (True, True, True), (False, False, False), (True, False, False)],
)
async def test_pages_and_introspection_are_for_development_unless_the_operator_says_otherwise(
    pair: Running, production: bool, docs: bool | None, there: bool
):
    settings = pair.gateway.settings
    server = msgspec.structs.replace(settings.server, production=production, docs=docs)
    changed = msgspec.structs.replace(pair.gateway, settings=msgspec.structs.replace(settings, server=server))
    async with door(changed, ACME_KEY) as client:
        for path in (*PAGES, "/explorers/docs.js"):
            response = await client.get(path)
            assert response.status_code == 200 if there else problem(response, 404, "not_found")
        query = "{ __schema { queryType { name } } }"
        if there:
            assert await ask(client, query) == {"__schema": {"queryType": {"name": "Query"}}}
        else:
            assert set(await codes(client, query)) == {"GRAPHQL_VALIDATION_FAILED"}
        opened = await client.get("/graphql", headers={"accept": BROWSER})
        assert opened.status_code == (303 if there else 400)
        assert (await client.get("/openapi.json")).status_code == 200
        nobody = await client.post("/graphql", json={"query": query}, headers={"authorization": ""})
        assert nobody.status_code == 401


def test_the_wheel_holds_every_file():
    """hatchling packs whole packages, but for what git ignores."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    ignored = [line.strip("/ ") for line in (ROOT / ".gitignore").read_text().splitlines() if line.strip()]

    assert "gateway" in build["targets"]["wheel"]["packages"]
    assert not {"exclude", "only-include"} & {*build, *build["targets"]["wheel"]}
    assert sorted(path.name for path in FOLDER.iterdir()) == FILES
    parts = {part for name in FILES for part in (*FOLDER.relative_to(ROOT).parts, name)}
    assert not [(part, pattern) for part in parts for pattern in ignored if fnmatch(part, pattern)]


@in_loop
async def test_the_files_are_served_to_whoever_reaches_the_gateway(pair: Running):
    async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as nobody:
        assert (await nobody.get("/docs")).status_code == 200
        assert (await nobody.head("/docs")).headers["content-length"] == str((FOLDER / "docs.html").stat().st_size)
