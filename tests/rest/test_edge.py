"""What every answer has, and the refusals of the framework."""

import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
import structlog

from gateway.ports import listen
from gateway.serving import serving
from gateway.telemetry import access_log, configure_logging
from gateway.wiring import Gateway, gateway
from tests.rest.answers import problem
from tests.support.running import ACME_KEY, Running, Setup, free_port, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

MADE = re.compile(r"req_[0-9a-z]{26}")


@pytest.mark.parametrize("path", ["/v1/videos", "/nowhere", "/livez", "/openapi.json", "/v1/videos/x"])
async def test_every_answer_has_an_id_and_is_hardened(pair: Running, path: str):
    headers = (await pair.client.get(path)).headers

    assert MADE.fullmatch(headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("my-id_7", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("two words", False),
        ("", False),
        ("a/b", False),
        ("é", False),
    ],
)
async def test_a_fit_request_id_is_kept(pair: Running, sent: str, kept: bool):
    response = await pair.client.get("/nowhere", headers=[(b"x-request-id", sent.encode())])

    body = problem(response, 404, "not_found")
    assert (body["request_id"] == sent) is kept
    assert kept or MADE.fullmatch(body["request_id"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("POST", "/hooks/doitong", 404, "not_found"),
        ("PATCH", "/v1/videos", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
        ("PUT", "/v1/models/veo-3", 405, "method_not_allowed"),
        ("TRACE", "/v1/videos", 405, "method_not_allowed"),
        ("PROPFIND", "/v1/videos", 405, "method_not_allowed"),
    ],
)
async def test_what_the_framework_refuses_looks_like_the_rest(
    pair: Running, method: str, path: str, status: int, code: str
):
    response = await pair.client.request(method, path)

    problem(response, status, code)
    assert ("allow" in response.headers) is (status == 405)
    assert response.headers["x-should-retry"] == "false"


ALLOWED = [
    ("/v1/videos", "GET, HEAD, OPTIONS, POST"),
    ("/v1/videos/", "GET, HEAD, OPTIONS, POST"),
    ("/v1/videos/video_x", "DELETE, GET, HEAD, OPTIONS"),
    ("/v1/videos/video_x/cancel", "OPTIONS, POST"),
    ("/v1/videos/video_x/content", "GET, HEAD, OPTIONS"),
    ("/v1/models", "GET, HEAD, OPTIONS"),
    ("/v1/models/doitong/veo3", "GET, HEAD, OPTIONS"),
    ("/hooks/doitong/token", "OPTIONS, POST"),
    ("/livez", "GET, HEAD, OPTIONS"),
]


@pytest.mark.parametrize(("path", "allow"), ALLOWED)
async def test_options_and_405_say_every_method_of_a_path(pair: Running, path: str, allow: str):
    options = await pair.client.options(path)
    refused = await pair.client.request("TRACE", path)

    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == refused.headers["allow"] == allow
    assert options.headers["x-request-id"]


async def test_options_of_nothing_is_nothing(pair: Running):
    problem(await pair.client.options("/nowhere"), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/{id}", "/v1/models", "/v1/videos/nothing", "/openapi.json"])
async def test_head_is_get_without_its_body(pair: Running, path: str):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    url = path.format(id=created["id"])
    got = await pair.client.get(url)

    head = await pair.client.head(url)

    assert head.status_code == got.status_code
    assert head.content == b""
    passing = {"x-request-id", "date"}
    lengths = {"content-length"} if got.is_error else set()  # a problem holds its request id
    assert {name: value for name, value in head.headers.items() if name not in passing | lengths} == {
        name: value for name, value in got.headers.items() if name not in passing | lengths
    }


@pytest.mark.parametrize(
    "traceparent",
    [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-0000000000000000-00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "garbage",
    ],
)
async def test_no_traceparent_is_an_error(pair: Running, traceparent: str):
    assert (await pair.client.get("/v1/videos", headers={"traceparent": traceparent})).status_code == 200


async def test_an_unfit_host_is_a_problem_too(pair: Running):
    response = await pair.client.get("/livez", headers={"host": "a b"})

    assert response.status_code == 400


# what is logged


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Logs as a machine reads them, and the defaults again afterwards."""
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    structlog.reset_defaults()
    access_log.open(None)
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


async def test_a_request_is_one_line_without_its_address(pair: Running, lines: io.StringIO):
    created = await pair.create("[sim:stuck] a secret wish")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"x-request-id": "mine", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    lines.truncate(0)

    response = await pair.client.get(f"/v1/videos/{created['id']}?secret=1", headers=headers)

    (line,) = [said for said in map(json.loads, _whole(lines)) if said.get("request_id") == "mine"]
    assert line.pop("ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "event": "http.request",
        "level": "info",
        "request_id": "mine",
        "trace_id": trace,
        "tenant": "acme",
        "method": "GET",
        "route": "/v1/videos/{video_id}",
        "video": created["id"],
        "status": 200,
        "bytes": len(response.content),
    }


async def test_a_refusal_is_logged_with_its_code(pair: Running, lines: io.StringIO):
    await pair.client.get("/v1/videos/nothing", headers={"x-request-id": "refused"})

    (line,) = [said for said in map(json.loads, _whole(lines)) if said.get("request_id") == "refused"]
    assert (line["status"], line["problem"]) == (404, "not_found")


async def test_nothing_logged_holds_a_key_a_prompt_or_a_token(pair: Running, lines: io.StringIO):
    created = await pair.create("the wish of my heart", metadata={"a": "b"})
    await pair.finished(created["id"])
    await pair.client.get("/v1/videos", headers={"authorization": "Bearer fg_live_wrong"})
    await pair.client.post("/hooks/doitong/att_guess.0123456789abcdef")

    said = lines.getvalue()
    assert said.count("\n") >= 4
    for secret in (ACME_KEY, "wish of my heart", "fg_live_wrong", "att_guess", "sandbox-webhook-secret"):
        assert secret not in said


async def test_who_watches_us_is_not_logged(pair: Running, lines: io.StringIO):
    await pair.client.get("/livez")
    await pair.client.get("/readyz")

    assert "livez" not in lines.getvalue()
    assert "readyz" not in lines.getvalue()


def _whole(lines: io.StringIO) -> list[str]:
    return [line.lstrip("\0") for line in lines.getvalue().splitlines() if line.strip("\0")]


# when something is broken


@pytest_asyncio.fixture(loop_scope="module")
async def broken(tmp_path) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    """A gateway whose database went away."""
    port = free_port()
    settings = settings_for(
        Setup(folder=tmp_path), (), sandbox_url="http://127.0.0.1:1", public_url="https://video.example"
    )
    async with (
        gateway(settings) as built,
        serving(built, listener=listen("127.0.0.1", port), worker=False),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {ACME_KEY}"}, trust_env=False
        ) as client,
    ):
        await built.store.database.close()
        yield built, client


async def test_a_bug_is_answered_without_a_word_of_it_and_logged_with_all_of_it(broken, lines: io.StringIO):
    _, client = broken

    response = await client.get("/v1/videos")

    body = problem(response, 500, "internal")
    assert "database" not in response.text
    assert "x-should-retry" not in response.headers
    (line,) = [json.loads(line) for line in _whole(lines) if '"http.failed"' in line]
    assert line["request_id"] == body["request_id"]
    assert "the database is closed" in line["exception"]


@pytest.mark.parametrize(("key", "advice"), [({}, "false"), ({"idempotency-key": "k"}, None)], ids=["no key", "key"])
async def test_a_create_that_may_have_happened_is_repeated_under_a_key_only(broken, key, advice):
    _, client = broken

    response = await client.post("/v1/videos", json={"prompt": "x"}, headers=key)

    problem(response, 500, "internal")
    assert response.headers.get("x-should-retry") == advice


async def test_a_process_without_its_database_lives_and_is_not_ready(broken):
    _, client = broken

    assert (await client.get("/livez")).json() == {"status": "ok"}
    ready = await client.get("/readyz")

    body = problem(ready, 503, "overloaded")
    assert "database" in body["detail"]
    assert ready.headers["retry-after"] == "1"
    assert 1_000 <= int(ready.headers["retry-after-ms"]) < 1_200


async def test_a_process_that_stops_is_not_ready(broken):
    built, client = broken
    built.draining.set()

    assert "stopping" in problem(await client.get("/readyz"), 503, "overloaded")["detail"]


async def test_behind_https_browsers_are_told_to_stay_there(broken):
    _, client = broken

    assert (await client.get("/livez")).headers["strict-transport-security"] == "max-age=31536000"


async def test_a_process_in_order_is_ready(pair: Running):
    response = await pair.client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
