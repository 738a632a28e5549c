"""POST /hooks/{provider}/{token}: providers call back, and nobody else is believed."""

import base64
import gzip
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.config.settings import HookSettings
from gateway.policy.signing import callback_token
from gateway.services.hook_signatures import HookSignatures
from gateway.store.store import Transaction
from providers.base import Hook
from schema.event import EventType
from schema.lifecycle import AttemptState
from tests.rest.answers import problem
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = b"sandbox-webhook-secret"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """It counts no forgeries: there are more of them here than one address may send."""
    heard = HookSettings(failures_per_minute=10**6)
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"), heard=heard)) as both:
        yield both


async def begun(pair: Running) -> dict[str, Any]:
    """A video that Doitong makes and never finishes by itself."""
    created = await pair.create("[sim:stuck]", gateway={"only": ["doitong"]})
    async for event, _ in pair.gateway.events.watch("acme", created["id"], after=0):
        if event.type is EventType.STARTED:
            break
    video: dict[str, Any] = (await pair.client.get(f"/v1/videos/{created['id']}")).json()
    return video


def address(pair: Running, video: dict[str, Any], provider: str = "doitong") -> str:
    return f"/hooks/{provider}/{callback_token(pair.gateway.ground.root, video['gateway']['attempts'][0]['id'])}"


def told(video: dict[str, Any], status: str) -> bytes:
    return json.dumps({"id": video["gateway"]["attempts"][0]["provider_ref"], "status": status}).encode()


def signed(body: bytes) -> list[tuple[str, str]]:
    return [("X-Doitong-Signature", f"sha256={hmac.new(SECRET, body, hashlib.sha256).hexdigest()}")]


async def test_a_signed_call_is_taken_without_an_api_key(pair: Running):
    video = await begun(pair)
    body = told(video, "failed")

    response = await pair.client.post(
        address(pair, video), content=body, headers=[*signed(body), ("authorization", "Bearer wrong")]
    )

    assert response.status_code == 204
    assert response.content == b""
    assert (await pair.finished(video["id"]))["status"] == "failed"


async def test_news_of_an_attempt_that_outlives_its_video_changes_the_etag(pair: Running):
    video = await begun(pair)
    url = f"/v1/videos/{video['id']}"
    await pair.client.post(f"{url}/cancel")
    before = await pair.client.get(url)
    body = told(video, "failed")

    await pair.client.post(address(pair, video), content=body, headers=signed(body))

    after = await pair.client.get(url, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["status"] == "canceled"
    assert after.json()["gateway"]["attempts"][0]["state"] == "failed"


async def made_twice(pair: Running, video: dict[str, Any]) -> str:
    """The id of a second job that the upstream began for the same request."""
    ref = f"twice-{video['id']}"

    async def add(tx: Transaction) -> None:
        (first,) = await tx.attempts.of_video(video["id"])
        await tx.attempts.add(replace(first, id=f"{first.id}2", n=2, state=AttemptState.UNKNOWN, ref=ref))

    await pair.gateway.store.write(add)
    return ref


async def test_news_of_a_second_job_comes_to_the_address_of_the_first(pair: Running):
    video = await begun(pair)
    body = json.dumps({"id": await made_twice(pair, video), "status": "failed"}).encode()

    await pair.client.post(address(pair, video), content=body, headers=signed(body))

    after = (await pair.client.get(f"/v1/videos/{video['id']}")).json()
    assert [attempt["state"] for attempt in after["gateway"]["attempts"]] == ["running", "failed"]
    assert after["status"] == "in_progress"


async def test_news_of_an_id_nobody_knows_changes_nothing(pair: Running):
    video = await begun(pair)
    body = json.dumps({"id": "a-third-one", "status": "failed"}).encode()

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    assert response.status_code == 204
    assert (await pair.client.get(f"/v1/videos/{video['id']}")).json() == video


def hexed(body: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def based(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET, body, "sha256")).decode()


TABLE: dict[str, tuple[int, Callable[[bytes], tuple[list[tuple[str, str]], bytes]]]] = {
    "as it should be": (204, lambda body: (given(f"sha256={hexed(body)}"), body)),
    "upper case": (204, lambda body: (given(f"sha256={hexed(body).upper()}"), body)),
    "base64": (204, lambda body: (given(f"sha256={based(body)}"), body)),
    "a list with ours in it": (204, lambda body: (given(f"sha256={'0' * 64}, sha256={hexed(body)}"), body)),
    "no header": (401, lambda body: ([], body)),
    "an empty header": (401, lambda body: (given(""), body)),
    "no prefix": (401, lambda body: (given(hexed(body)), body)),
    "SHA256=": (401, lambda body: (given(f"SHA256={hexed(body)}"), body)),
    "sha1=": (401, lambda body: (given(f"sha1={hmac.new(SECRET, body, hashlib.sha1).hexdigest()}"), body)),
    "two headers": (401, lambda body: (given(f"sha256={hexed(body)}") * 2, body)),
    "63 digits": (401, lambda body: (given(f"sha256={hexed(body)[:-1]}"), body)),
    "65 digits": (401, lambda body: (given(f"sha256={hexed(body)}0"), body)),
    "a space within": (401, lambda body: (given(f"sha256= {hexed(body)}"), body)),
    "a space among the digits": (401, lambda body: (given(f"sha256={hexed(body)[:32]} {hexed(body)[32:]}"), body)),
    "not ASCII": (401, lambda body: (given(f"sha256={hexed(body)[:-1]}\u00e9"), body)),
    "nine signatures": (401, lambda body: (given(", ".join([f"sha256={hexed(body)}"] * 9)), body)),
    "one of a list is none": (401, lambda body: (given(f"sha256={hexed(body)}, v1,abc"), body)),
    "re-indented": (401, lambda body: (signed(body), json.dumps(json.loads(body), indent=1).encode())),
    "one byte more": (401, lambda body: (signed(body), body + b" ")),
    "one byte less": (401, lambda body: (signed(body), body[:-1])),
    "another secret": (401, lambda body: (given(f"sha256={hexed(body, b'guess')}"), body)),
    "the empty secret": (401, lambda body: (given(f"sha256={hexed(body, b'')}"), body)),
    "gzip, the whole signed": (401, lambda body: (squeezed(gzip.compress(body)), gzip.compress(body))),
    "gzip, the inside signed": (401, lambda body: (squeezed(body), gzip.compress(body))),
    "identity said": (401, lambda body: ([*signed(body), ("content-encoding", "identity")], body)),
    "empty and not signed": (401, lambda _: (signed(b"{}"), b"")),
    "empty": (422, lambda _: (signed(b""), b"")),
    "not JSON": (422, lambda _: (signed(b"<html>"), b"<html>")),
    "of no video": (422, lambda _: (signed(b"{}"), b"{}")),
}
"""What is sent, and the status it gets."""


def given(signature: str) -> list[tuple[str, str]]:
    return [("x-doitong-signature", signature)]


def squeezed(body: bytes) -> list[tuple[str, str]]:
    return [*signed(body), ("content-encoding", "gzip")]


async def post(pair: Running, path: str, headers: list[tuple[str, str]], content: Any) -> httpx.Response:
    wired = [(name, value.encode("latin-1")) for name, value in headers]
    return await pair.client.post(path, content=content, headers=wired)  # type: ignore[arg-type]  # bytes go as they are


@pytest.mark.parametrize("case", TABLE)
async def test_a_call_is_believed_when_it_is_signed_as_the_provider_signs(pair: Running, case: str):
    status, made = TABLE[case]
    video = await one(pair)
    headers, content = made(news(video, 1 + list(TABLE).index(case)))

    response = await post(pair, address(pair, video), headers, content)

    assert response.status_code == status, response.text
    shown = (await pair.client.get(f"/v1/videos/{video['id']}")).json()
    taken = shown["gateway"]["version"] > video["gateway"]["version"]
    assert taken is (status == 204)
    known.update(video=shown)


known: dict[str, dict[str, Any]] = {}
"""The video of the table, as it was last seen: made once."""


async def one(pair: Running) -> dict[str, Any]:
    if "video" not in known:
        known["video"] = await begun(pair)
    return known["video"]


def news(video: dict[str, Any], progress: int) -> bytes:
    ref = video["gateway"]["attempts"][0]["provider_ref"]
    return json.dumps({"id": ref, "status": "processing", "progress": progress}).encode()


async def test_whoever_is_not_believed_is_told_the_same_whatever_is_wrong(pair: Running):
    video = await one(pair)
    body, real = news(video, 99), address(pair, video)
    wrong = [("x-doitong-signature", f"sha256={hexed(body, b'guess')}")]
    root = pair.gateway.ground.root
    asked: list[tuple[str, list[tuple[str, str]]]] = [
        *[(real, made(body)[0]) for status, made in TABLE.values() if status == 401 and made(body)[1] == body],
        (real[:-1] + "~", signed(body)),
        (real.rpartition(".")[0], signed(body)),
        (address(pair, video, "veo3o1"), signed(body)),
        (address(pair, video, "nobody"), signed(body)),
        ("/hooks/doitong/%00", signed(body)),
        (f"/hooks/doitong/{callback_token(root, 'att_of_another_life')}", wrong),
        (f"/hooks/veo3o1/{callback_token(root, 'att_of_another_life')}", signed(body)),
    ]

    answers = [await post(pair, path, headers, body) for path, headers in asked]

    told = {stranger_sees(answer) for answer in answers}
    assert len(told) == 1
    assert problem(answers[0], 401, "unauthenticated")["detail"] == "The hook is not signed as this provider signs"


def stranger_sees(answer: httpx.Response) -> str:
    """Everything but what names the request."""
    body = {name: value for name, value in answer.json().items() if name not in ("request_id", "instance")}
    headers = [pair for pair in answer.headers.items() if pair[0] not in ("x-request-id", "date")]
    return repr((answer.status_code, body, sorted(headers)))


async def test_a_body_for_one_attempt_says_nothing_at_the_address_of_another(pair: Running):
    mine, theirs = await one(pair), await begun(pair)
    body = told(theirs, "failed")

    response = await pair.client.post(address(pair, mine), content=body, headers=signed(body))

    assert response.status_code == 204  # it is genuine, and speaks of nothing that this address is for
    for video in (mine, theirs):
        after = (await pair.client.get(f"/v1/videos/{video['id']}")).json()
        assert after["status"] == "in_progress"
        assert [attempt["state"] for attempt in after["gateway"]["attempts"]] == ["running"]


async def pieces(body: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_a_call_in_chunks_is_read_and_one_that_never_ends_is_not(pair: Running):
    video = await one(pair)
    body = news(video, 60)
    endless = body.ljust(256 * 1024 + 1)

    read = await post(pair, address(pair, video), signed(body), pieces(body, 7))
    refused = await post(pair, address(pair, video), signed(endless), pieces(endless, 32_768))

    assert read.status_code == 204
    problem(refused, 413, "payload_too_large")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(tmp_path: Path) -> AsyncIterator[Running]:
    """A gateway that soon has enough."""
    heard = HookSettings(failures_per_minute=3, per_minute=3)
    async with running(Setup(folder=tmp_path, heard=heard)) as both:
        yield both


async def test_too_many_forgeries_are_refused_and_the_provider_at_the_same_address_is_heard(strict: Running):
    video = await begun(strict)
    body, path = news(video, 50), address(strict, video)

    forged = [await post(strict, path, [], body) for _ in range(5)]
    guessed = await post(strict, "/hooks/doitong/att_guess.00", [], body)
    genuine = await post(strict, path, signed(body), body)

    assert [answer.status_code for answer in forged] == [401, 401, 401, 429, 429]
    assert 1 <= int(forged[-1].headers["retry-after"]) <= 60
    problem(guessed, 429, "rate_limited")
    assert genuine.status_code == 204


async def test_more_than_one_provider_may_send_is_refused_for_a_while(strict: Running):
    video = await begun(strict)
    bodies = [news(video, progress) for progress in (10, 20, 30, 40)]

    answers = [await post(strict, address(strict, video), signed(body), body) for body in bodies]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
    assert (await strict.client.get(f"/v1/videos/{video['id']}")).json()["progress"] == 30


class Later(msgspec.Struct, frozen=True):
    """A clock that stands."""

    moment: int

    def now(self) -> int:
        return self.moment


async def test_a_secret_that_was_replaced_is_believed_until_its_overlap_ends(pair: Running):
    path = "/v1/admin/accounts"
    new = {"id": "hooked", "provider": "doitong", "credential": "x", "webhook_secrets": ["first"], "sandbox": True}
    new |= {"base_url": pair.sandbox.doitong_url}
    token = callback_token(pair.gateway.ground.root, "att_of_nobody_here")
    numbers = itertools.count()

    async def heard(secret: str) -> int:
        body = json.dumps({"id": f"gen-{next(numbers)}", "status": "processing"}).encode()
        return (
            await post(pair, f"/hooks/doitong/{token}", given(f"sha256={hexed(body, secret.encode())}"), body)
        ).status_code

    async def changed(secrets: list[str], **more: int) -> dict[str, Any]:
        answer = await pair.operator.post(f"{path}/hooked/webhook_secrets", json={"webhook_secrets": secrets, **more})
        assert answer.status_code == 200, answer.text
        setup: dict[str, Any] = answer.json()
        return setup

    assert (await pair.operator.post(path, json=new)).status_code == 201
    before = await heard("first"), await heard("second")
    setup = await changed(["second"], overlap_seconds=60)
    during = await heard("first"), await heard("second")
    until = setup["former_webhook_secrets_until"] * 1000 + 1000
    body = b'{"id": "gen", "status": "processing"}'
    hook = Hook(headers=tuple(given(f"sha256={hexed(body, b'first')}")), body=body)
    judged = HookSignatures(accounts=pair.gateway.accounts, clock=Later(until - 10_000)).of_any("doitong", hook)
    too_late = HookSignatures(accounts=pair.gateway.accounts, clock=Later(until)).of_any("doitong", hook)
    ended = await changed(["third"], overlap_seconds=0)
    after = await heard("first"), await heard("second"), await heard("third")

    assert before == (202, 401)
    assert during == (202, 202)
    assert [(one.account.id, one.secret) for one in judged] == [("hooked", "former")]
    assert too_late == []
    assert after == (401, 401, 202)
    assert ended["former_webhook_secrets_until"] is None
    assert (
        await pair.operator.post(f"{path}/hooked/webhook_secrets", json={"webhook_secrets": [""]})
    ).status_code == 422


async def test_a_call_too_large_is_refused_before_it_is_read(pair: Running):
    video = await begun(pair)
    body = b"x" * (256 * 1024 + 1)

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    problem(response, 413, "payload_too_large")


async def test_the_largest_call_is_read(pair: Running):
    video = await begun(pair)
    body = told(video, "failed").ljust(256 * 1024)

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    assert response.status_code == 204
