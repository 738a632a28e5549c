"""Client tokens on both engines and over replicas: exact to the video and the micro, and ended everywhere in time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.policy.client_tokens import claims_of, signed
from gateway.ports import listen
from gateway.services.directory import BELIEVED_SECONDS
from gateway.serving import serving
from gateway.wiring import Seams, gateway
from schema.account import Secret
from schema.clock import SystemClock
from tests.flows.engine import until
from tests.flows.holding import events, held, watched
from tests.support.browsers import BOTH, URL, browser, minted
from tests.support.certificates import certificates
from tests.support.running import ACME_KEY, Running, Setup, configured, running

PARALLEL = 50
COSTS = 400_000
"""What is held for a video at veo-main, micros."""

HELD_SECONDS = 15.0
"""So soon, and long before a request has waited its time, what a token held open has ended."""

AT_VEO = {"gateway": {"only": ["veo-main"]}}


class Hands(SystemClock):
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


@dataclass
class Replicas:
    """A gateway that works, and beside it, on PostgreSQL, another one on the same database."""

    first: Running
    urls: list[str]
    clock: Hands


@pytest.fixture
async def here(database_url, tmp_path) -> AsyncIterator[Replicas]:
    clock = Hands()
    seams = Seams(verify=certificates(), clock=clock)
    setup = Setup(database_url=database_url, folder=tmp_path, seams=seams)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(setup))
        found = Replicas(first, [first.url], clock)
        if database_url is not None:
            listener = listen("127.0.0.1", 0)
            second = await stack.enter_async_context(gateway(first.gateway.settings, seams))
            await stack.enter_async_context(serving(second, listener=listener))
            found.urls.append(f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield found


async def pages(stack: AsyncExitStack, here: Replicas, token: str) -> list[httpx.AsyncClient]:
    return [await stack.enter_async_context(browser(url, token)) for url in here.urls]


async def ask(page: httpx.AsyncClient, n: int) -> str:
    answer = await page.post("/v1/videos", json={"prompt": f"[sim:stuck] {n}", **AT_VEO})
    return "accepted" if answer.status_code == 202 else str(answer.json()["code"])


async def ask_batch(page: httpx.AsyncClient, n: int, mode: str) -> int:
    wishes = [{"prompt": f"[sim:stuck] {n}.{m}", **AT_VEO} for m in range(3)]
    answer = await page.post("/v1/video_batches", json={"videos": wishes, "mode": mode})
    return int(answer.json()["accepted"]) if answer.status_code == 202 else 0


async def used(here: Replicas, id: str) -> dict[str, Any]:
    listed = (await here.first.client.get(URL, params={"limit": "100"})).json()["data"]
    return next(one for one in listed if one["id"] == id)


async def test_of_fifty_creates_at_once_exactly_so_many_are_accepted_as_were_granted(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", creates=10)
    async with AsyncExitStack() as stack:
        open_pages = await pages(stack, here, token["token"])
        answers = await asyncio.gather(*(ask(open_pages[n % len(open_pages)], n) for n in range(PARALLEL)))
        seen = (await open_pages[-1].get("/v1/videos", params={"limit": "100"})).json()["data"]

    assert Counter(answers) == {"accepted": 10, "creates_used_up": PARALLEL - 10}
    assert len(seen) == (await used(here, token["id"]))["created"] == 10


async def test_of_fifty_creates_at_once_the_allowance_covers_every_one_accepted(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", allowance="5.00")
    plain = await minted(here.first.client, scopes=BOTH, end_user="bob")
    async with AsyncExitStack() as stack:
        bounded, free = await pages(stack, here, token["token"]), await pages(stack, here, plain["token"])
        both = [ask(page[n % len(page)], n) for n in range(PARALLEL) for page in (bounded, free)]
        answers = await asyncio.gather(*both)

    facts = await used(here, token["id"])
    assert Counter(answers[0::2]) == {"accepted": 12, "allowance_exceeded": PARALLEL - 12}
    assert Counter(answers[1::2]) == {"accepted": PARALLEL}
    assert facts["committed_micros"] == 12 * COSTS <= facts["allowance_micros"]
    assert (facts["created"], (await used(here, plain["id"]))["created"]) == (12, PARALLEL)


@pytest.mark.parametrize(("mode", "accepted"), [("all", 9), ("affordable", 10)])
async def test_batches_at_once_count_each_of_their_videos(here, mode, accepted):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", allowance="4.20", creates=30)
    async with AsyncExitStack() as stack:
        open_pages = await pages(stack, here, token["token"])
        counts = await asyncio.gather(*(ask_batch(open_pages[n % len(open_pages)], n, mode) for n in range(12)))

    facts = await used(here, token["id"])
    assert sum(counts) == facts["created"] == accepted
    assert facts["committed_micros"] == accepted * COSTS


async def test_what_a_video_gives_back_can_be_spent_again(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", allowance="0.40")
    async with browser(here.first.url, token["token"]) as page:
        first = (await page.post("/v1/videos", json={"prompt": "[sim:fail] a fox", **AT_VEO})).json()
        full = await ask(page, 1)
        await here.first.finished(first["id"])
        again = await ask(page, 2)

    assert (full, again) == ("allowance_exceeded", "accepted")
    assert (await used(here, token["id"]))["committed_micros"] == COSTS


async def test_a_video_that_goes_elsewhere_never_holds_more_than_the_allowance(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", allowance="0.85")
    async with browser(here.first.url, token["token"]) as page:
        assert [await ask(page, n) for n in range(2)] == ["accepted", "accepted"]
        id = (await page.get("/v1/videos")).json()["data"][0]["id"]
    books, store, now = here.first.gateway.ground.books, here.first.gateway.store, here.clock.now()
    video = await store.read(lambda tx: tx.videos.peek(id))
    assert video is not None
    most = await store.read(lambda tx: books.affordable(tx, video))
    over = await store.write(lambda tx: books.extend(tx, video, COSTS + 50_001, now))
    within = await store.write(lambda tx: books.extend(tx, video, COSTS + 50_000, now))

    assert most == COSTS + 50_000
    assert over is None
    assert within is not None
    assert within.video.held == COSTS + 50_000


async def test_a_token_ends_at_its_moment_also_for_a_create_that_is_under_way(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann", lifetime_seconds=60)
    order_at = token["expires_at"] * 1000
    async with browser(here.first.url, token["token"]) as page:
        assert await ask(page, 1) == "accepted"
        here.clock.ahead = order_at - SystemClock().now() + 1
        late = await page.post("/v1/videos", json={"prompt": "too late"})
        read = await page.get("/v1/videos")

    assert [late.status_code, read.status_code] == [401, 401]
    assert late.headers["www-authenticate"].endswith('error="invalid_token"')
    found = (await used(here, token["id"]))["created"]
    assert found == 1


async def test_a_revoked_token_creates_nothing_on_a_replica_that_has_not_heard_of_it(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann")
    async with AsyncExitStack() as stack:
        open_pages = await pages(stack, here, token["token"])
        assert {await ask(page, 1) for page in open_pages} == {"accepted"}
        await here.first.client.delete(f"{URL}/{token['id']}")
        answers = [await ask(page, 2) for page in open_pages]
        async with asyncio.timeout(BELIEVED_SECONDS):

            async def everywhere() -> bool:
                return {(await page.get("/v1/videos")).status_code for page in open_pages} == {401}

            await until(everywhere)

    assert set(answers) == {"unauthenticated"}


async def last_told(url: str, token: str, video: str, end: Awaitable[Any] | None) -> tuple[str, int | None, int]:
    """What a stream, a socket and a request that waits are told last, once the token was ended or has expired."""
    streaming, watching = asyncio.Event(), asyncio.Event()
    async with browser(url, token) as page, asyncio.timeout(HELD_SECONDS):
        told = asyncio.gather(
            events(page, token, video, streaming), watched(url, token, video, watching), held(page, token, video)
        )
        await asyncio.gather(streaming.wait(), watching.wait())
        if end is not None:
            await end
        stream, closed, status = await told
        return stream, closed, status


@pytest.mark.parametrize("how", ["revoked", "expired", "key dropped"])
async def test_what_a_token_holds_open_ends_with_it_at_every_replica(here, how):
    video = (await here.first.client.post("/v1/videos", json={"prompt": "[sim:stuck] a fox", **AT_VEO})).json()["id"]
    token = await minted(here.first.client, video=video, lifetime_seconds=4 if how == "expired" else 600)
    ends = {
        "revoked": lambda: here.first.client.delete(f"{URL}/{token['id']}"),
        "key dropped": lambda: here.first.operator.post("/v1/admin/signing_keys", json={"end_tokens": True}),
        "expired": lambda: None,
    }
    stream, closed, status = await last_told(here.urls[-1], token["token"], video, ends[how]())

    assert "videoEvents" in stream
    assert "event: complete" not in stream
    assert (closed, status) == (4403, 401)


async def test_a_key_that_is_revoked_takes_its_tokens_with_it_everywhere(here):
    token = await minted(here.first.client, scopes=BOTH, end_user="ann")
    settings = here.first.gateway.settings
    acme, *others = settings.tenants
    without = replace(acme, keys=tuple(key for key in acme.keys if key.secret != Secret(ACME_KEY)))
    async with AsyncExitStack() as stack:
        open_pages = await pages(stack, here, token["token"])
        assert {(await page.get("/v1/videos")).status_code for page in open_pages} == {200}
        await configured(here.first.gateway, tenants=(without, *others))
        async with asyncio.timeout(BELIEVED_SECONDS):

            async def everywhere() -> bool:
                return {(await page.get("/v1/videos")).status_code for page in open_pages} == {401}

            await until(everywhere)


async def test_a_key_made_a_moment_ago_is_known_to_every_replica_at_once(here):
    await here.first.operator.post("/v1/admin/signing_keys", json={})
    token = await minted(here.first.client, end_user="ann")
    async with AsyncExitStack() as stack:
        open_pages = await pages(stack, here, token["token"])
        answers = await asyncio.gather(*(page.get("/v1/videos") for page in open_pages for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}


async def test_what_was_signed_before_a_restart_works_after_it(database_url, tmp_path):
    setup = Setup(database_url=database_url, folder=tmp_path, seams=Seams(verify=certificates()), hooks=False)
    async with running(setup) as before:
        token = await minted(before.client, end_user="ann")
    async with running(setup) as after, browser(after.url, token["token"]) as page:
        assert (await page.get("/v1/videos")).status_code == 200


async def test_a_key_that_was_replaced_signs_nothing_new(here):
    tokens, checks = here.first.gateway.ground.client_tokens, here.first.gateway.ground.checks
    await minted(here.first.client, lifetime_seconds=3600)
    former = checks.newest
    assert former is not None
    await here.first.operator.post("/v1/admin/signing_keys", json={})
    stored = (await tokens.page("acme", None, 1)).tokens[0].token
    statuses = []
    for later in (0, 59_000, 62_000):
        here.clock.ahead = later
        moment = here.clock.now() // 1000
        said = replace(claims_of(stored, checks.issuer), iat=moment, nbf=moment)
        async with browser(here.first.url, signed(said, former)) as page:
            statuses.append((await page.get("/v1/videos")).status_code)

    assert statuses == [200, 200, 401]
