"""The books and the knobs: what was asked, made and billed, and what can be changed while it runs."""

import hashlib
import json

import msgspec
import pytest

from gateway.sandbox.server import serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings, Variant
from tests.sandbox.callers import START, Doitong


async def test_a_submission_is_written_with_its_account_key_and_the_hash_of_its_body(client, sandbox, desk):
    body = json.dumps({"service": "veo3", "prompt": "a lake"}).encode()
    headers = {"X-API-Key": "sandbox-doitong-key", "Idempotency-Key": "k1"}
    answer = await client.post(f"{sandbox.doitong_url}/v1/text_to_video", content=body, headers=headers)

    (submission,) = (await desk.truth())["submissions"]
    assert submission == {
        "provider": "doitong",
        "account": "doitong",
        "at": START,
        "idempotency_key": "k1",
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "prompt": "a lake",
        "accepted": True,
        "replayed": False,
        "job": answer.json()["data"]["generatevideo"]["id"],
        "billed": 100,
        "outcome": "accepted",
        "fault": None,
    }


async def test_a_job_is_written_with_its_end_and_what_became_of_it(doitong, desk, advance):
    job_id = await doitong.id("a lake", duration=6)
    advance(60)

    (job,) = (await desk.truth())["jobs"]
    assert job == {
        "id": job_id,
        "provider": "doitong",
        "account": "doitong",
        "prompt": "a lake",
        "aspect_ratio": "16:9",
        "seconds": 6,
        "image_url": None,
        "status": "completed",
        "accepted_at": START,
        "ends_at": START + 60_000,
        "billed": 120,
        "refunded": 0,
        "file_reads": 0,
        "deliveries": [],
    }


async def test_calls_are_counted_by_route_and_no_key_is_ever_shown(veo, doitong, client, sandbox, desk):
    uuid = await veo.uuid()
    await veo.status(uuid)
    await veo.status(uuid)
    await doitong.generation(await doitong.id())

    text = (await client.get(f"{sandbox.url}/truth")).text
    assert json.loads(text)["calls"] == {
        "veo3o1.generate": 1,
        "veo3o1.status": 2,
        "doitong.graphql.generate": 1,
        "doitong.graphql.generation": 1,
    }
    assert not [account.key for account in DEFAULT_ACCOUNTS if account.key in text]


async def test_totals_are_the_books_in_a_few_numbers(*, veo, doitong, client, sandbox, desk, advance):
    await veo.generate("[sim:fail]")
    await doitong.generate(key="k1")
    await doitong.generate(key="k1")
    await doitong.generate("[sim:500]")
    advance(120)

    totals = (await client.get(f"{sandbox.url}/truth/totals")).json()
    assert totals == {"submissions": 4, "accepted": 3, "replayed": 1, "jobs": 2, "billed": 102, "refunded": 2}
    assert (await desk.truth())["totals"] == totals


async def test_an_unauthorized_call_is_written_without_an_account(client, sandbox, desk):
    await Doitong(client, sandbox, "wrong").generate()

    (submission,) = (await desk.truth())["submissions"]
    assert (submission["account"], submission["outcome"]) == (None, "unauthorized")


async def test_a_reset_puts_everything_back_as_at_the_start(doitong, desk):
    first = (
        await doitong.id("[sim:429-once]") if (await doitong.generate("[sim:429-once]")).status_code == 200 else None
    )
    await desk.control(speed=9, doors={"veo3o1": "500"}, variant={"doitong_keys": False})
    await desk.reset()

    truth = await desk.truth()
    assert first is None
    assert (truth["submissions"], truth["jobs"], truth["calls"]) == ([], [], {})
    state = (await desk.control()).json()
    assert (state["speed"], state["doors"]["veo3o1"], state["variant"]["doitong_keys"]) == (1.0, "up", True)
    assert state["accounts"]["doitong"]["credits"] == 1_000_000
    assert (await doitong.generate("[sim:429-once]")).status_code == 429


async def test_ids_do_not_come_again_after_a_reset(start, client):
    sandbox = await start(seed=7)
    doitong = Doitong(client, sandbox)
    first = await doitong.id()
    sandbox.world.reset()

    assert await doitong.id() != first


async def test_the_same_seed_makes_the_same_ids(start, client):
    one, other = await start(seed=7), await start(seed=7)

    assert await Doitong(client, one).id() == await Doitong(client, other).id()


async def test_a_change_of_speed_keeps_what_has_passed(doitong, desk, advance):
    job_id = await doitong.id()
    advance(30)
    await desk.control(speed=10)
    advance(2)
    before = await doitong.generation(job_id)
    advance(1)

    assert before["status"] == "processing"
    assert (await doitong.generation(job_id))["status"] == "completed"
    assert (await desk.truth())["jobs"][0]["ends_at"] == START + 33_000


async def test_limits_can_be_changed_while_it_runs(doitong, desk):
    await desk.control(accounts={"doitong": {"per_minute": 1, "per_day": 5, "concurrent": 1}})

    assert [(await doitong.rest()).status_code for _ in range(2)] == [200, 429]
    account = (await desk.control()).json()["accounts"]["doitong"]
    assert (account["per_minute"], account["per_day"], account["concurrent"]) == (1, 5, 1)


@pytest.mark.parametrize(
    "knobs",
    [
        {"nonsense": 1},
        {"speed": 0},
        {"doors": {"veo3o1": "ajar"}},
        {"doors": {"other": "up"}},
        {"accounts": {"nobody": {"credits": 1}}},
        {"accounts": {"veo3o1": {"colour": "red"}}},
        {"variant": {"nonsense": True}},
        {"variant": {"doitong_reset": "weeks"}, "speed": 5},
    ],
)
async def test_a_knob_that_does_not_exist_turns_nothing(desk, knobs):
    before = (await desk.control()).json()
    answer = await desk.control(**knobs)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert (await desk.control()).json() == before


async def test_an_account_may_read_the_documents_its_own_way(start, client):
    sandbox = await start(doitong={"variant": Variant(doitong_answer="generatevideo")})

    answer = await Doitong(client, sandbox).generate()

    assert answer.json()["data"].keys() == {"generatevideo"}


@pytest.mark.parametrize(
    "settings",
    [
        {"speed": 0},
        {"limit_speed": -1},
        {"accounts": (DEFAULT_ACCOUNTS[0], DEFAULT_ACCOUNTS[0])},
        {"accounts": (DEFAULT_ACCOUNTS[0], msgspec.structs.replace(DEFAULT_ACCOUNTS[0], name="again"))},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings):
    with pytest.raises(ValueError, match=r"above zero|the same"):
        SandboxSettings(**settings)


async def test_a_port_that_is_taken_is_an_error(sandbox, start):
    with pytest.raises(OSError, match="in use"):
        await start(port=int(sandbox.url.rpartition(":")[2]))


async def test_the_defaults_serve_on_the_machines_own_clock(client):
    async with serve() as sandbox:
        assert (await Doitong(client, sandbox).generate()).status_code == 200
        assert sandbox.world.truth(sandbox.world.clock.now()).totals.billed == 100
