"""Webhooks to tenants, over real HTTP: nothing is lost, a video's events come in order, and each says who sent it."""

import asyncio

import openai
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from gateway.services.quarantine import Waiting
from schema.delivery import DeliveryState
from schema.event import EventType
from tests.support.receiving import NEVER, Receiver, endpoint, receiving, told
from tests.support.running import FAST, Setup, free_port, running

QUICK = replace(
    FAST,
    delivery_schedule_seconds=(0.05,) * 40,
    delivery_timeout_seconds=20.0,  # so that a slow machine is not taken for a receiver that does not answer
    breaker_reset_seconds=0.02,
)


def setup_for(tmp_path, database_url, *receivers: Receiver, **timing) -> Setup:
    allowed = tuple(receiver.url for receiver in receivers)
    return Setup(tmp_path, database_url=database_url, timing=replace(QUICK, **timing), allow=allowed)


async def log_of(gateway, tenant="acme"):
    return await gateway.store.read(lambda tx: tx.events.log(tenant, 0, 500))


async def page(gateway, id, **wish):
    return (await gateway.delivery_log.page("acme", id, after=None, limit=100, **wish)).deliveries


async def settled(gateway, id):
    """Until nothing waits for an endpoint."""
    async with asyncio.timeout(30):
        while await page(gateway, id, state=DeliveryState.PENDING):  # noqa: ASYNC110 - nobody tells when it is over
            await asyncio.sleep(0.02)


@pytest.fixture
async def receiver():
    async with receiving() as there:
        yield there


@pytest.fixture
async def pair(tmp_path, database_url, receiver):
    async with running(setup_for(tmp_path, database_url, receiver)) as started:
        yield started


async def test_every_event_is_told_as_it_is_logged_and_signed_so_that_receivers_libraries_accept_it(pair, receiver):
    id, secret = await endpoint(pair.gateway, receiver.url)

    video = await pair.create()
    await pair.finished(video["id"])
    await settled(pair.gateway, id)

    events = await log_of(pair.gateway)
    assert [call.event["id"] for call in receiver.calls] == [event.id for event in events]
    for call in receiver.calls:
        Webhook(secret.reveal()).verify(call.body, call.headers)
        client = openai.OpenAI(api_key="none")
        client.webhooks.verify_signature(call.body.decode(), call.headers, secret=secret.reveal())
        assert call.headers["user-agent"] == "filmgate-webhooks/1"
        assert len(call.body) <= 20_000


async def test_a_receiver_that_goes_away_anywhere_in_a_stream_misses_nothing_and_no_order(tmp_path, database_url):
    port = free_port()
    setup = setup_for(tmp_path, database_url, Receiver(url=f"http://127.0.0.1:{port}"))
    async with running(setup) as pair:
        id, _ = await endpoint(pair.gateway, f"http://127.0.0.1:{port}")
        for gone_at in range(12):
            video = f"video_{gone_at}"
            async with receiving(port=port) as receiver:
                await told(pair.gateway, gone_at, video=video)
                await settled(pair.gateway, id)
            await told(pair.gateway, 12 - gone_at, video=video, first=gone_at + 1)
            async with receiving(port=port) as back:
                await settled(pair.gateway, id)

                calls = receiver.calls + back.calls
                events = [event for event in await log_of(pair.gateway) if event.video == video]
                assert [call.event["id"] for call in calls] == [event.id for event in events]
                assert len({call.id for call in calls}) == 12


async def test_what_failed_is_told_again_with_the_same_bytes_and_id_before_what_came_after_it(pair, receiver):
    receiver.answer = lambda n, path: (500 if n % 3 else 204, {})
    id, secret = await endpoint(pair.gateway, receiver.url)

    await told(pair.gateway, 6)
    await settled(pair.gateway, id)

    assert [call.event["data"]["progress"] for call in receiver.accepted] == [1, 2, 3, 4, 5, 6]
    bodies: dict[str, set[bytes]] = {}
    for call in receiver.calls:
        bodies.setdefault(call.id, set()).add(call.body)
        Webhook(secret.reveal()).verify(call.body, call.headers)
    assert all(len(sent) == 1 for sent in bodies.values())
    order = [call.id for call in receiver.calls]
    assert order == sorted(order, key=list(dict.fromkeys(order)).index)


async def test_what_is_answered_too_late_is_told_again_before_what_came_after_it(tmp_path, database_url, receiver):
    receiver.answer = lambda n, path: (NEVER if n == 1 else 204, {})
    async with running(setup_for(tmp_path, database_url, receiver, delivery_timeout_seconds=0.5)) as pair:
        id, _ = await endpoint(pair.gateway, receiver.url)

        await told(pair.gateway, 4)
        await settled(pair.gateway, id)

    firsts = list(dict.fromkeys(call.id for call in receiver.calls))
    assert receiver.calls[1].id == receiver.calls[2].id
    assert receiver.calls[1].body == receiver.calls[2].body
    order = [call.id for call in receiver.calls]
    assert order == sorted(order, key=firsts.index)
    assert len(firsts) == 4


async def test_a_video_that_fails_to_be_told_holds_up_no_other(pair, receiver):
    receiver.answer = lambda n, path: (500, {})
    id, _ = await endpoint(pair.gateway, receiver.url)
    await told(pair.gateway, 2, video="video_1")
    await receiver.until(lambda: len(receiver.calls) >= 2)
    await told(pair.gateway, 2, video="video_2")
    await receiver.until(lambda: {call.event["data"]["id"] for call in receiver.calls} == {"video_1", "video_2"})

    receiver.answer = lambda n, path: (204, {})
    await settled(pair.gateway, id)

    for video in ("video_1", "video_2"):
        told_of = [call.event["data"]["seq"] for call in receiver.accepted if call.event["data"]["id"] == video]
        assert told_of == [1, 2]


async def test_an_endpoint_that_is_gone_is_disabled_and_its_tenant_is_told_elsewhere(pair, receiver):
    receiver.answer = lambda n, path: (410 if path == "/gone" else 204, {})
    gone, _ = await endpoint(pair.gateway, receiver.url + "/gone")
    other, _ = await endpoint(pair.gateway, receiver.url + "/there", events=(EventType.ENDPOINT_DISABLED,))

    await told(pair.gateway, 3)
    await receiver.until(lambda: any(call.path == "/there" for call in receiver.calls))
    await settled(pair.gateway, other)

    notice = next(call.event for call in receiver.calls if call.path == "/there")
    assert notice["type"] == "webhook_endpoint.disabled"
    assert notice["data"]["id"] == gone
    assert sum(call.path == "/gone" for call in receiver.calls) == 1
    assert {one.state for one in await page(pair.gateway, gone)} == {DeliveryState.SKIPPED}
    record = pair.gateway.ground.endpoints.get(gone)
    assert record.endpoint.disabled_reason == "it answered 410 Gone"


async def test_a_redirect_is_a_failure_that_is_never_followed(tmp_path, database_url):
    async with receiving() as elsewhere, receiving(lambda n, path: (307, {"location": elsewhere.url})) as receiver:
        short = setup_for(tmp_path, database_url, receiver, elsewhere, delivery_schedule_seconds=(0.02,))
        async with running(short) as pair:
            id, _ = await endpoint(pair.gateway, receiver.url)

            await told(pair.gateway, 1)
            await settled(pair.gateway, id)

            (one,) = await page(pair.gateway, id)
            tries = (await pair.gateway.delivery_log.get("acme", one.id)).tries
            assert one.state is DeliveryState.EXHAUSTED
            assert [(each.n, each.status, each.error) for each in tries] == [
                (1, 307, "HTTP 307: redirects are not followed"),
                (2, 307, "HTTP 307: redirects are not followed"),
            ]
            assert not elsewhere.calls


async def test_what_was_given_up_is_sent_again_under_its_id_and_in_order(tmp_path, database_url, receiver):
    receiver.answer = lambda n, path: (500, {})
    short = setup_for(tmp_path, database_url, receiver, delivery_schedule_seconds=(0.02,))
    async with running(short) as pair:
        id, _ = await endpoint(pair.gateway, receiver.url)
        await told(pair.gateway, 3)
        await settled(pair.gateway, id)
        assert {one.state for one in await page(pair.gateway, id)} == {DeliveryState.EXHAUSTED}
        before = list(dict.fromkeys(call.id for call in receiver.calls))
        receiver.answer = lambda n, path: (204, {})

        again = await pair.gateway.delivery_log.replay_since("acme", id, 0, failed_only=True)
        await settled(pair.gateway, id)

        assert again == 3
        assert [call.id for call in receiver.accepted] == before


async def test_a_sample_of_each_type_is_sent_at_once_signed_and_not_kept(pair, receiver):
    id, secret = await endpoint(pair.gateway, receiver.url)

    tries = [await pair.gateway.deliveries.test("acme", id, type) for type in EventType]

    for call in receiver.calls:
        Webhook(secret.reveal()).verify(call.body, call.headers)
    assert [call.event["type"] for call in receiver.calls] == list(EventType)
    assert {(one.status, one.error) for one in tries} == {(204, None)}
    assert await log_of(pair.gateway) == []
    assert await page(pair.gateway, id) == []


async def test_while_a_restored_database_is_in_quarantine_nobody_is_told_anything(pair, receiver):
    id, _ = await endpoint(pair.gateway, receiver.url)
    await pair.gateway.store.write(lambda tx: tx.instance.quarantine(pair.gateway.clock.now(), "a backup"))
    await pair.gateway.quarantine.state()
    await told(pair.gateway, 2)
    assert await pair.gateway.courier.claim() == []
    assert [one.tries for one in await page(pair.gateway, id)] == [0, 0]

    await pair.gateway.quarantine.release(Waiting.FAIL, "test", pair.gateway.clock.now())
    await settled(pair.gateway, id)

    assert len(receiver.accepted) == 2
