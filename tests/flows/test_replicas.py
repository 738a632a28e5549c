"""Two replicas on one PostgreSQL share the work; one of them goes, and the other goes on."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import ROUNDS
from tests.flows.engine import until
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, server

CALLERS = 16


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    accounts = [
        {"name": "v", "provider": "veo3o1", "key": "sandbox-veo3o1-key", "credits": 100_000, "concurrent": 0},
        {
            "name": "d",
            "provider": "doitong",
            "key": "sandbox-doitong-key",
            "webhook_secret": "sandbox-webhook-secret",
            "credits": 10_000_000,
        },
    ]
    async with sandbox_process(tmp_path, accounts=accounts, speed=60, hang_seconds=1) as running:
        yield running


@pytest.fixture
async def places(tmp_path, postgres, upstreams, request) -> AsyncIterator[tuple[Place, Place]]:
    """Two places with one database, one folder for files and one public address: the second's, which stays."""
    name = f"flows_{request.node.name.partition('[')[2].strip(']') or 'one'}_{tmp_path.name}".replace("-", "_").lower()
    database = await postgres.create(name)
    both = Place(tmp_path / "first", address()), Place(tmp_path / "second", address())
    lease = 300 if "asked_to_stop" in request.node.name else 2
    for place in both:
        place.configure(
            upstreams, database=database, assets=tmp_path / "assets", public_url=both[1].url, lease_seconds=lease
        )
    yield both
    await postgres.drop(name)


async def shared(first: Server, second: Server, provider: str, count: int) -> dict[str, str]:
    """Ask both replicas in turn; who gets no answer asks the other one under the same key. Prompts by video."""
    accepted: dict[str, str] = {}
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            prompt = f"wish {number}"
            for replica in (first, second, second) if number % 2 else (second, second, first):
                id = await replica.create(prompt, provider)
                if id is not None:
                    accepted[id] = prompt
                    break

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return accepted


async def halfway(upstreams: Upstreams, count: int) -> None:
    """Until the upstream has been given a good part of the work."""

    async def begun() -> bool:
        return await upstreams.accepted() >= count * 2 // 5

    await until(begun)


async def all_ended(replica: Server, accepted: dict[str, str]) -> list[dict[str, Any]]:
    return [await replica.ended(id) for id in accepted]


@pytest.mark.parametrize(("provider", "count"), [("doitong", 200), ("veo3o1", 60)])
async def test_a_replica_is_killed_and_the_other_does_all_the_work_once(places, upstreams, provider, count, rounds):
    count = count if rounds > ROUNDS else count // 2
    first_place, second_place = places
    async with server(first_place) as first, server(second_place) as second:
        asking = asyncio.create_task(shared(first, second, provider, count))
        await halfway(upstreams, count)
        first.kill()
        assert await first.exit_code() == -signal.SIGKILL
        accepted = await asking
        videos = await all_ended(second, accepted)
    truth = await upstreams.truth()

    made = Counter(job["prompt"] for job in truth["jobs"])
    completed = [video["prompt"] for video in videos if video["status"] == "completed"]
    errors = {video["error"]["code"] for video in videos if video["status"] != "completed"}
    assert len(accepted) == count
    assert max(made.values()) == 1
    assert all(made[prompt] == 1 for prompt in completed)
    if provider == "doitong":
        assert len(completed) == count
    else:
        assert errors <= {"submission_outcome_unknown"}
        assert max(Counter(one["prompt"] for one in truth["submissions"]).values()) == 1


@pytest.mark.parametrize(("provider", "count"), [("veo3o1", 60)])
async def test_a_replica_that_is_asked_to_stop_leaves_nothing_half_done(places, upstreams, provider, count):
    """Its leases would hold for five minutes: that the other goes on at once shows that it gave them back."""
    first_place, second_place = places
    async with server(first_place) as first, server(second_place) as second:
        asking = asyncio.create_task(shared(first, second, provider, count))
        await halfway(upstreams, count)
        assert await first.terminated() == 0
        accepted = await asking
        videos = await all_ended(second, accepted)
    truth = await upstreams.truth()

    assert len(accepted) == count
    assert {video["status"] for video in videos} == {"completed"}
    assert Counter(one["prompt"] for one in truth["submissions"]) == Counter(accepted.values())


async def test_a_send_that_is_under_way_is_finished_before_the_process_ends(tmp_path, upstreams):
    place = Place(tmp_path / "gateway", address())
    place.configure(upstreams)
    async with server(place) as first:
        id = await first.create("a paper boat [sim:hang-after-accept]", "veo3o1")
        assert id is not None

        async def sent() -> bool:
            return bool(await upstreams.accepted())

        await until(sent)
        assert await first.terminated() == 0
    async with server(place) as second:
        video = await second.ended(id)
    truth = await upstreams.truth()

    assert video["status"] == "completed"
    assert len(truth["submissions"]) == 1
