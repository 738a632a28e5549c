"""Receipts are made of what is stored and of nothing else, so every replica makes the same one."""

import contextlib
import io

import pytest
from msgspec.structs import replace

from gateway.services.receipts import Facts, receipt_of
from schema.lifecycle import AttemptState, VideoStatus
from schema.output import ExtraOutput
from schema.quote import Decision
from schema.video import Asset, Strategy
from tests.store.postgres_server import PostgresServer
from tests.store.rows import a_video, an_attempt
from tests.support.memory import scratch
from tests.support.running import Setup, running

ACCEPTED = 1_795_000_000_007
FILE = Asset(key="k", size=5, sha256="ab" * 32, media_type="video/mp4")


def facts(**changes: object) -> Facts:
    """A video that was made at once, by one attempt."""
    ended = ACCEPTED + 90
    video = a_video(status=VideoStatus.COMPLETED, created_at=ACCEPTED, started_at=ACCEPTED + 30, completed_at=ended)
    attempt = an_attempt(state=AttemptState.SUCCEEDED, started_at=ACCEPTED + 10, ended_at=ACCEPTED + 60)
    plain = Facts(
        video=video,
        ended_at=ended,
        decision=Decision(at=ACCEPTED, strategy=Strategy.CHEAPEST, candidates=()),
        attempts=[attempt],
        entries=[],
        outputs=[],
    )
    return replace(plain, **changes)


def test_moments_are_written_in_utc_with_their_milliseconds():
    receipt = receipt_of(facts(), None)

    assert receipt.created_at == "2026-11-18T11:06:40.007Z"
    assert receipt.ended_at == "2026-11-18T11:06:40.097Z"


def test_without_a_price_there_is_no_money_and_that_is_no_zero():
    money = receipt_of(facts(), None).money

    assert (money.held_micros, money.charged_micros, money.released_micros, money.entries) == (None, None, None, ())


def test_the_attempt_whose_file_came_too_late_is_not_the_one_that_made_the_video():
    plain = facts()
    [winner] = plain.attempts
    loser = replace(winner, id="att_" + "9" * 26, n=2, ended_at=ACCEPTED + 40)
    late = ExtraOutput(loser.id, FILE, ACCEPTED + 99)

    receipt = receipt_of(replace(plain, attempts=[winner, loser], outputs=[late]), None)

    assert (receipt.waits.making_ms, receipt.waits.copying_ms) == (30, 30)
    assert [output.attempt for output in receipt.extra_outputs] == [loser.id]


@pytest.fixture(scope="module")
def postgres():
    with PostgresServer(scratch()) as server:
        yield server


async def test_two_replicas_give_the_same_bytes(postgres, tmp_path):
    database = await postgres.create("receipts")
    setup = Setup(folder=tmp_path, database_url=database, hooks=False)
    with contextlib.redirect_stdout(io.StringIO()):
        async with running(setup) as first:
            video = await first.finished((await first.create("a boat [sim:instant]"))["id"])
            async with running(setup) as second:
                url = f"/v1/videos/{video['id']}/receipt"
                one, other = await first.client.get(url), await second.client.get(url)
    await postgres.drop("receipts")

    assert one.status_code == other.status_code == 200
    assert one.content == other.content
    assert one.headers["etag"] == other.headers["etag"]
