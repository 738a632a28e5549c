"""The pages in a real browser: they work, ask nothing of anybody else, and are kept from nothing they try."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.sandbox.settings import SandboxSettings
from tests.explorers.chromium import CHROMIUM, Page, browsing
from tests.support.running import ACME_KEY, OTHER_KEY, Running, Setup, free_port, running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no browser here; on Debian: apt install chromium"),
]

HOSTILE = """<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    port = free_port()
    setup = Setup(
        folder=tmp_path_factory.mktemp("browser"),
        sandbox=SandboxSettings(speed=200, port=port),
        origins={"acme": (f"http://127.0.0.1:{port}",)},
    )
    async with running(setup) as both:
        yield both


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    async with browsing(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


async def at_peace(page: Page, pair: Running) -> None:
    """Nothing was blocked, nothing complained of, and nobody else was asked anything."""
    assert await page.violations() == []
    assert page.complaints == []
    strangers = [url for url in page.requests if not url.startswith((pair.url + "/", "data:,", f"blob:{pair.url}/"))]
    assert strangers == []
    assert len(page.requests) > 3


async def test_the_rest_page_describes_every_operation_and_tries_one(pair: Running, page: Page):
    await page.go(f"{pair.url}/docs#createVideo")
    await page.until("document.body.dataset.ready")
    operations = await page.run("document.querySelectorAll('details.operation').length")
    assert operations == sum(len(item) for item in (await pair.client.get("/openapi.json")).json()["paths"].values())
    await page.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    await page.until("document.querySelectorAll('#createVideo dl dt').length > 8")

    await page.fill("#key", ACME_KEY)
    await page.fill("#createVideo textarea", json.dumps({"prompt": HOSTILE}))
    await page.click("#createVideo .trial button")
    await page.until("/^[2-5]/.test(document.querySelector('#createVideo output strong')?.textContent ?? '')")

    assert (await page.text("#createVideo output strong")).startswith("202")
    assert "onerror" in await page.text("#createVideo output pre")
    assert ACME_KEY not in await page.text("#createVideo .curl")
    assert await page.run("document.querySelectorAll('#createVideo img, #createVideo output script').length") == 0
    assert await page.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    await at_peace(page, pair)


async def test_the_filter_leaves_what_is_meant(pair: Running, page: Page):
    await page.go(f"{pair.url}/docs")
    await page.until("document.body.dataset.ready")

    await page.fill("#filter", "createvideo")

    shown = await page.run(
        "[...document.querySelectorAll('details.operation')].filter(one => one.checkVisibility()).map(one => one.id)"
    )
    assert "createVideo" in shown
    assert all("createvideo" in id.lower() for id in shown)


async def test_a_film_is_saved_from_the_rest_page(pair: Running, page: Page):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    await page.go(f"{pair.url}/docs")
    await page.until("document.body.dataset.ready")
    operation = next(
        one["get"]["operationId"]
        for path, one in (await pair.client.get("/openapi.json")).json()["paths"].items()
        if path.endswith("/content")
    )
    await page.run(f"document.getElementById('{operation}').open = true")
    await page.until(f"document.querySelector('#{operation} .trial')")

    await page.fill("#key", ACME_KEY)
    await page.fill(f"#{operation} input[name=video_id]", created["id"])
    await page.click(f"#{operation} .trial button")
    await page.until(f"document.querySelector('#{operation} output a')")

    assert await page.run(f"document.querySelector('#{operation} output a').download") == f"{created['id']}.mp4"
    await at_peace(page, pair)


async def test_the_graphql_page_runs_a_document_reads_the_schema_and_follows_a_video(pair: Running, page: Page):
    created = await pair.create(HOSTILE)
    await pair.finished(created["id"])
    await page.go(f"{pair.url}/graphiql")
    await page.until("document.body.dataset.ready")
    await page.fill("#key", ACME_KEY)

    await page.fill("#query", "{ videos(first: 50) { edges { node { prompt } } } }")
    await page.click("#asking button")
    await page.until("document.querySelector('#results pre')")
    assert "onerror" in await page.text("#results pre")
    assert (await page.text("#status")).startswith("200")

    await page.click("#load")
    await page.until("document.body.dataset.types")
    assert "createVideo" in await page.text("#schema")
    await page.fill("#find", "videoEvents")
    await page.click("#schema button.link")
    assert "Subscription" in await page.text("#schema h3")

    await page.choose("#example", 2)
    await page.fill("#variables", json.dumps({"id": created["id"]}))
    await page.click("#asking button")
    await page.until("document.querySelector('#status').textContent.startsWith('Ended')")
    assert "COMPLETED" in await page.text("#results pre")

    assert await page.run("document.querySelectorAll('#results img, #results script').length") == 0
    await at_peace(page, pair)


async def test_the_graphql_page_says_what_is_wrong(pair: Running, page: Page):
    await page.go(f"{pair.url}/graphiql")
    await page.until("document.body.dataset.ready")

    await page.fill("#variables", "[1]")
    await page.click("#asking button")
    await page.until("document.querySelector('#status').className === 'bad'")
    assert await page.text("#status") == "Variables must be an object"

    await page.click("#load")
    await page.until("document.querySelector('#schema .bad')")
    assert "Authorization: Bearer" in await page.text("#schema .bad")


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("{ videos { edges { cursor } } }", [["query", None]]),
        ("query { a }", [["query", None]]),
        (
            'query A($x: In = {y: [1]}) @d(z: "}") { a(b: {c: 1}) } mutation B { b }',
            [["query", "A"], ["mutation", "B"]],
        ),
        ("# query No { x }\nfragment F on subscription { a } subscription S { ...F }", [["subscription", "S"]]),
        ('query Q { a(b: """ query { " """) } ', [["query", "Q"]]),
        ("query Q { subscription mutation { query } }", [["query", "Q"]]),
        ("", []),
        ("query", [["query", None]]),
        ("}}} {", []),
    ],
)
async def test_the_graphql_page_knows_which_operations_a_document_holds(
    pair: Running, page: Page, document: str, found: list[list[str | None]]
):
    await page.go(f"{pair.url}/graphiql")

    read = f"m => m.operations({json.dumps(document)}).map(one => [one.kind, one.name])"

    assert await page.run(f"import('./explorers/operations.js').then({read})") == found


@pytest.mark.parametrize("path", ["/docs", "/graphiql"])
async def test_the_policy_keeps_a_page_from_what_an_attacker_would_do(pair: Running, page: Page, path: str):
    await page.go(pair.url + path)
    await page.until("document.body.dataset.ready")

    write = "(() => { try { document.body.innerHTML = '<b>x' } catch (error) { return error.name } })()"
    assert await page.run(write) == "TypeError"
    await page.run("document.body.setAttribute('style', 'color: red')")
    assert await page.run(f"fetch('{pair.sandbox.url}/truth').catch(e => e.name)") == "TypeError"
    await page.run("document.head.append(Object.assign(document.createElement('base'), {href: '/elsewhere/'})), 1")

    await page.until("self.violations?.length >= 4")
    blocked = {directive.split(" ")[0] for directive in await page.violations()}
    assert blocked == {"require-trusted-types-for", "style-src-attr", "connect-src", "base-uri"}


async def test_a_page_of_a_tenant_s_origin_calls_with_that_tenant_s_key_and_no_other(pair: Running, page: Page):
    """The browser itself judges: preflight, origin and what may be read."""
    await page.go(f"{pair.sandbox.url}/truth")

    async def ask(key: str, path: str = "/v1/videos") -> object:
        body = json.dumps({"prompt": "a kite"})
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "X-Stainless-Lang": "js"}
        init = json.dumps({"method": "POST", "headers": headers, "body": body})
        read = "async r => [r.status, r.headers.get('location') !== null, (await r.json()).id !== undefined]"
        return await page.run(f"fetch('{pair.url}{path}', {init}).then({read}).catch(e => e.name)")

    assert await ask(ACME_KEY) == [202, True, True]
    assert await ask("wrong") == [401, False, False]
    assert await ask(ACME_KEY, "/nowhere") == [404, False, False]
    assert await ask(OTHER_KEY) == "TypeError"


async def test_a_browser_s_socket_is_opened_for_a_tenant_s_page(pair: Running, page: Page):
    await page.go(f"{pair.sandbox.url}/truth")
    init = json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {ACME_KEY}"}})
    socket = f"new WebSocket('{pair.url.replace('http', 'ws')}/graphql', 'graphql-transport-ws')"

    said = await page.run(
        f"new Promise(done => {{ const s = {socket}; s.onopen = () => s.send({json.dumps(init)});"
        " s.onmessage = e => done(JSON.parse(e.data).type); s.onclose = e => done(e.code) })"
    )

    assert said == "connection_ack"
