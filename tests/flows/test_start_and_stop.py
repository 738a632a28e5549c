"""What a process owes at its end, and what the next one finds at its start."""

import asyncio
import fcntl
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import journal
from gateway.journal import Heard, Journal
from gateway.policy.verdict import Outcome
from gateway.ports import listen
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from gateway.serving import serving
from gateway.wiring import Seams, data_folder, gateway
from providers.base import Accepted
from schema.account import Limits
from schema.attempt import Verdict
from schema.incident import IncidentKind
from schema.lifecycle import AttemptState, VideoStatus
from schema.video import OnUnknown
from tests.flows.engine import Engine, an_account, settings, until, working
from tests.flows.hostile import VEO3O1, hostile, reset_after_the_body
from tests.flows.processes import Place, Upstreams, address, server
from tests.support.certificates import certificates
from tests.support.running import free_port

# the journal


def told(attempt: str, ref: str) -> Heard:
    outcome = Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref=ref))
    return Heard(attempt=attempt, at=1, outcome=outcome, status=200, body=b"{}")


async def test_an_answer_found_at_the_start_calls_the_second_submit_off(tmp_path):
    """Another process heard the answer and died; meanwhile this one was allowed to pay a second time, and waited."""
    async with hostile(VEO3O1, reset_after_the_body) as upstream:
        one_at_a_time = an_account("only", "veo3o1", upstream.url, limits=Limits(concurrent=1))
        chosen = settings(tmp_path, one_at_a_time)
        async with working(chosen) as engine:
            accepted = await engine.accept(routing={"on_unknown": OnUnknown.RETRY})

            async def waits() -> bool:
                return [one.state for one in await engine.attempts(accepted.id)] == [AttemptState.UNKNOWN]

            await until(waits)
            [attempt] = await engine.attempts(accepted.id)
        dead = Journal(data_folder(chosen) / "journal", "dead")
        await dead.keep(told(attempt.id, "ref-0"))
        dead.close()
        async with gateway(chosen, Seams(verify=certificates())) as restarted:
            [kind] = await kinds_of_tasks(restarted.store)
        async with working(chosen) as engine:
            video = await engine.ended(accepted.id)

    assert kind == "watch"
    assert video.status is VideoStatus.COMPLETED
    assert len(upstream.paid) == 1


async def test_an_answer_about_an_attempt_that_nobody_knows_is_kept_as_an_incident(tmp_path):
    """A restore has lost the attempt; its job was paid for all the same."""
    chosen = settings(tmp_path, an_account("only", "veo3o1", "http://127.0.0.1:9"))
    dead = Journal(data_folder(chosen) / "journal", "dead")
    await dead.keep(told("att_1", "ref-0"))
    dead.close()

    async with gateway(chosen, Seams(verify=certificates())) as restored:
        [incident] = (await restored.incidents.page(kind=None, after=None, limit=10)).incidents

    assert (incident.kind, incident.attempt, incident.data["ref"]) == (IncidentKind.ORPHAN_ANSWER, "att_1", "ref-0")


async def kinds_of_tasks(store: Any) -> list[str]:
    rows = await store.database.read(lambda connection: connection.all("SELECT kind FROM tasks"))
    return [str(row[0]) for row in rows]


async def test_two_that_start_at_once_both_find_a_dead_one_s_answers(tmp_path):
    dead = Journal(tmp_path, "dead")
    await dead.keep(told("att_1", "ref-1"))
    dead.close()
    first, second = Journal(tmp_path, "first"), Journal(tmp_path, "second")

    [found_by_first], [found_by_second] = first.orphans(), second.orphans()
    assert [heard.attempt for heard in journal.read(found_by_first)[0]] == ["att_1"]
    found_by_first.unlink()

    assert journal.read(found_by_second) == ([], 0)
    assert second.orphans() == []
    first.close()
    second.close()


def test_nobody_sees_a_journal_before_it_is_locked(tmp_path, monkeypatch):
    seen: list[list[Path]] = []
    lock = fcntl.flock

    def flock(file: Any, how: int) -> None:
        seen.append([*tmp_path.glob("*.jsonl")])
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    Journal(tmp_path, "mine").close()

    assert seen == [[]]


# stopping


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    accounts = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    async with serve(SandboxSettings(speed=500, accounts=accounts, hang_seconds=3600)) as started:
        yield started


async def test_who_was_asked_to_stop_begins_nothing_new_while_callers_are_still_answered(tmp_path, sandbox):
    account = an_account("only", "veo3o1", sandbox.veo3o1_url)
    port, stop, ready = free_port(), asyncio.Event(), asyncio.Event()
    async with gateway(settings(tmp_path, account), Seams(verify=certificates())) as built:
        tenant = built.tenants.get("acme")
        assert tenant is not None

        async def served() -> None:
            async with serving(built, listener=listen("127.0.0.1", port)):
                ready.set()
                await stop.wait()

        serving_it = asyncio.create_task(served())
        await ready.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/videos HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        await reader.readline()  # "100 Continue": the request has begun
        stop.set()
        await built.draining.wait()
        await Engine(built, tenant).accept()
        writer.write(b"{}")
        await reader.read()
        await serving_it
        writer.close()
        left = await kinds_of_tasks(built.store)

    assert left == ["submit"]
    assert sandbox.world.books.submissions == []


async def test_a_second_signal_ends_the_process_at_once_and_as_safely_as_a_crash(tmp_path, sandbox):
    upstreams = Upstreams(sandbox.url, sandbox.veo3o1_url, sandbox.doitong_url)
    place = Place(tmp_path / "gateway", address())
    place.configure(upstreams, submit_deadline_seconds=55)
    async with server(place) as first:
        id = await first.create("a paper boat [sim:hang-after-accept]", "veo3o1")
        assert id is not None

        async def sent() -> bool:
            return bool(await upstreams.accepted())

        await until(sent)
        first.process.send_signal(signal.SIGTERM)
        await until(lambda: refuses(place))
        assert await first.terminated() != 0
    async with server(place) as second:
        video = await second.ended(id)

    assert video["error"]["code"] == "submission_outcome_unknown"
    assert len(sandbox.world.books.submissions) == 1


async def refuses(place: Place) -> bool:
    """Nobody listens there any more."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(place.url.rpartition(":")[2]))
    except OSError:
        return True
    writer.close()
    return False
