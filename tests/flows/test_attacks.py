"""What a hostile reader of the rules tried on money and outcomes: each story is an attack, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.journal import Heard, Journal
from gateway.policy.verdict import Outcome
from gateway.probe import Point
from gateway.sandbox.mp4 import clip
from gateway.store.database import CommitUnknown, Work
from gateway.store.tasks import TaskKind
from gateway.wiring import Seams
from providers.base import Accepted, Phase
from schema import ledger
from schema.attempt import Attempt, Reason, Verdict
from schema.errors import FailureKind, InsufficientFunds
from schema.incident import Incident
from schema.ledger import Entry, credits_unit
from schema.lifecycle import AttemptState, VideoStatus
from schema.money import Credits, Micros
from schema.tenant import Funding, FundingMode
from schema.video import Strategy, Video, VideoErrorCode
from tests.flows.scripted import FILES, MIDNIGHT, TENANTS, Day, Daytime, answered, honest, opened
from tests.support.certificates import certificates
from tests.support.running import Running, Setup, running

NOON = MIDNIGHT + 12 * 3_600_000
DAY_SECONDS = 24 * 3600
VEO, DOITONG = "veo-main", "doitong-main"
NO_MONEY_LEFT = Funding(mode=FundingMode.PREPAID, opening=200_000)
FOR_TWO = Funding(per_day=500_000)
Write = Callable[..., Awaitable[Any]]


async def costs(day: Day, account: str = DOITONG) -> tuple[Credits, Credits]:
    """What an account billed as far as is known, and what it may have billed beside that."""
    unit = credits_unit(account)
    return await day.sum_of(ledger.cost(account), unit), await day.sum_of(ledger.suspense(account), unit)


async def has_its_file(day: Day, video: Video, attempt: Attempt) -> bool:
    """An extra output can be downloaded."""
    asset = await day.gateway.videos.output(video.tenant, video.id, attempt.id)
    return asset.size > 0


async def incidents(day: Day) -> list[Incident]:
    return (await day.gateway.incidents.page(kind=None, after=None, limit=10)).incidents


# a deadline of one's own is a cancel by the clock


async def overdue(day: Day, **routing: Any) -> tuple[Video, Attempt, str]:
    """A video that is still being made when its deadline passes, as it is after that."""
    video = await day.ask("acme", **routing)
    attempt, ref = await day.run(video, 150)
    day.clock.moment = video.deadline_at
    await day.expire(attempt)
    after = await day.look(video)
    assert after.error is not None
    assert (after.status, after.error.code) == (VideoStatus.FAILED, VideoErrorCode.DEADLINE_EXCEEDED)
    return after, attempt, ref


async def test_who_sets_a_short_deadline_pays_for_what_is_made_after_it(tmp_path):
    async with opened(tmp_path, NOON) as day:
        late, attempt, ref = await overdue(day, deadline_seconds=60)
        await day.make(attempt, ref, 150)
        made = await day.look(late)

        assert (late.held, late.charged) == (200_000, None)
        assert (made.status, made.held, made.charged) == (VideoStatus.FAILED, 0, 150_000)
        assert await has_its_file(day, made, attempt)
        assert await day.sum_of(ledger.spent("acme")) == 150_000
        assert await day.audit() == []


async def fails(day: Day, attempt: Attempt, ref: str) -> None:
    await day.fail(attempt, ref)


async def is_silent_for_a_day(day: Day, attempt: Attempt, ref: str) -> None:
    del ref
    day.clock.on(DAY_SECONDS + 1)
    await day.expire(attempt)


@pytest.mark.parametrize("then", [fails, is_silent_for_a_day])
async def test_who_sets_a_short_deadline_pays_nothing_for_what_is_not_made_after_it(tmp_path, then):
    async with opened(tmp_path, NOON) as day:
        late, attempt, ref = await overdue(day, deadline_seconds=60)
        await then(day, attempt, ref)
        after = await day.look(late)

        assert (late.held, after.held, after.charged) == (200_000, 0, None)
        assert await day.sum_of(ledger.available("acme")) == TENANTS["acme"].opening
        assert await day.audit() == []


async def test_a_deadline_of_the_gateways_own_costs_its_tenant_nothing(tmp_path):
    async with opened(tmp_path, NOON) as day:
        late, attempt, ref = await overdue(day)
        await day.make(attempt, ref, 150)
        after = await day.look(late)

        assert (late.held, late.charged) == (0, None)
        assert (after.held, after.charged) == (0, None)
        assert await has_its_file(day, after, attempt)
        assert await costs(day) == (150, 0)
        assert await day.sum_of(ledger.spent("acme")) == 0
        assert await day.audit() == []


# refused, and made all the same


def refusal(kind: FailureKind) -> Outcome:
    return Outcome(verdict=Verdict.REJECTED, reason=Reason(kind, "no"))


async def refused_replay(day: Day, kind: FailureKind) -> tuple[Video, Attempt]:
    """The first send was lost; the replay under its key is refused."""
    video = await day.ask("acme")
    attempt = await day.intend(video)
    await day.lose(attempt)
    await day.outcome(attempt, refusal(kind))
    return video, attempt


@pytest.mark.parametrize("kind", [FailureKind.INVALID_REQUEST, FailureKind.CONTENT_REJECTED])
async def test_a_job_whose_replay_was_refused_for_what_it_says_is_accounted_for_when_it_calls_back(tmp_path, kind):
    async with opened(tmp_path, NOON) as day:
        video, attempt = await refused_replay(day, kind)
        ended, before = await day.look(video), await costs(day)
        await day.hook(attempt, "job-of-ours", "processing")
        refused, found = await day.attempts(video)
        [incident] = await incidents(day)
        await day.make(found, "job-of-ours", 150)
        after = await day.look(video)

        assert ended.error is not None
        assert (ended.status, ended.error.code, ended.held) == (VideoStatus.FAILED, kind, 0)
        assert (refused.state, before) == (AttemptState.FAILED, (0, 0))
        assert (incident.attempt, incident.data["other"]) == (refused.id, found.id)
        assert await has_its_file(day, after, found)
        assert (after.status, after.charged, await costs(day)) == (VideoStatus.FAILED, None, (150, 0))
        assert await day.audit() == []


async def test_a_replay_that_is_refused_for_its_moment_says_nothing_of_the_first_send(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video, attempt = await refused_replay(day, FailureKind.RATE_LIMITED)
        [unknown], waiting, before = await day.attempts(video), await day.look(video), await costs(day)
        await day.hook(attempt, "job-of-ours", "processing")
        await day.make(attempt, "job-of-ours", 150)
        [made], after = await day.attempts(video), await day.look(video)

        assert (unknown.state, waiting.status, before) == (AttemptState.UNKNOWN, VideoStatus.IN_PROGRESS, (0, 200))
        assert (made.state, made.ref) == (AttemptState.SUCCEEDED, "job-of-ours")
        assert (after.status, after.charged, await costs(day)) == (VideoStatus.COMPLETED, 150_000, (150, 0))
        assert await day.audit() == []


async def test_a_job_of_a_refused_attempt_that_calls_back_is_accounted_for_and_waited_for(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video = await day.ask("acme")
        attempt = await day.intend(video)
        await day.refuse(attempt, FailureKind.RATE_LIMITED)  # by an edge of the provider's; its origin had it
        await day.hook(attempt, "job-of-ours", "processing")
        day.clock.on(120)
        await day.work(TaskKind.SUBMIT)
        refused, found = await day.attempts(video)
        [incident] = await incidents(day)
        await day.make(found, "job-of-ours", 150)
        after = await day.look(video)

        assert (refused.state, refused.ref) == (AttemptState.FAILED, None)
        assert (found.ref, found.account) == ("job-of-ours", DOITONG)
        assert (incident.attempt, incident.data["other"]) == (refused.id, found.id)
        assert len(await day.attempts(video)) == 2
        assert (after.status, after.charged, await costs(day)) == (VideoStatus.COMPLETED, 150_000, (150, 0))
        assert await day.audit() == []


async def test_a_job_of_a_refused_attempt_that_is_finished_when_it_calls_back_is_the_video(tmp_path):
    async with opened(tmp_path, NOON, transport=honest([])) as day:
        video = await day.ask("acme")
        attempt = await day.intend(video)
        await day.refuse(attempt, FailureKind.RATE_LIMITED)
        await day.hook(attempt, "job-of-ours", "completed", url=FILES[DOITONG], creditCost=150)
        day.clock.on(120)
        await day.work(TaskKind.SUBMIT)
        await day.work(TaskKind.FETCH)
        after = await day.look(video)

        assert [one.ref for one in await day.attempts(video)] == [None, "job-of-ours"]
        assert (after.status, after.charged) == (VideoStatus.COMPLETED, 150_000)
        assert await day.audit() == []


async def test_a_gateway_starts_with_a_journal_that_tells_of_a_job_whose_replay_was_refused(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video, attempt = await refused_replay(day, FailureKind.CONTENT_REJECTED)
    accepted = Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref="job-of-ours"))
    await left_in_a_journal(tmp_path, Heard(attempt=attempt.id, at=NOON, outcome=accepted))

    async with opened(tmp_path, NOON + 10_000) as day:
        refused, found = await day.attempts(video)
        [incident] = await incidents(day)

        assert (refused.state, found.ref) == (AttemptState.FAILED, "job-of-ours")
        assert incident.data["other"] == found.id
        assert sum(await costs(day)) == 200
        assert await day.audit() == []


async def left_in_a_journal(folder: Path, heard: Heard) -> None:
    """What a process was told and did not live to record."""
    journal = Journal(folder / "filmgate-data" / "journal", name="worker_dead")
    await journal.keep(heard)
    journal.close()


# what is charged


async def test_a_cost_told_while_the_file_is_copied_is_what_is_charged(tmp_path):
    async def serve(request: httpx.Request) -> httpx.Response:
        del request
        answer = Accepted(ref="job-1", credits=100)
        await day.outcome(attempt, Outcome(verdict=Verdict.ACCEPTED, accepted=answer))
        return answered(clip("16:9", 1, 0))

    async with opened(tmp_path, NOON, transport=httpx.MockTransport(serve)) as day:
        video = await day.ask("acme", seconds=10)
        attempt = await day.intend(video)
        await day.hook(attempt, "job-1", "completed", url=FILES[DOITONG])  # faster than the answer, and without a cost
        await day.work(TaskKind.FETCH)
        after = await day.look(video)

        assert (after.status, after.credits, after.charged) == (VideoStatus.COMPLETED, 100, 100_000)
        assert await costs(day) == (100, 0)
        assert await day.audit() == []


async def test_what_is_charged_is_at_most_the_top_of_the_account_that_made_it(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video = await day.ask("acme", strategy=Strategy.ORDERED)
        await day.refuse(await day.intend(video), FailureKind.BUSY)
        attempt, ref = await day.run(video, 390)
        await day.make(attempt, ref, 390)
        after = await day.look(video)

        assert (video.held, attempt.account) == (400_000, DOITONG)
        assert after.charged == after.quoted_high == 200_000
        assert await costs(day) == (390, 0)
        assert await day.audit() == []


async def test_what_a_failure_cost_teaches_nothing_of_what_a_video_costs(tmp_path):
    async with opened(tmp_path, NOON) as day:

        async def charged() -> Micros | None:
            """What a ten seconds' video costs of which no cost is told."""
            video = await day.ask("acme", seconds=10, only=(DOITONG,))
            await day.make(*await day.run(video, 200))
            return (await day.look(video)).charged

        before = await charged()
        attempt, ref = await day.run(await day.ask("acme", seconds=10, only=(DOITONG,)), 0)
        await day.news(attempt, ref, Phase.FAILED, failure="fire", credits=0)

        assert (before, await charged()) == (200_000, 200_000)
        assert await day.audit() == []


async def test_a_video_that_is_canceled_while_its_outcome_is_unknown_costs_its_tenant_nothing(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video = await day.ask("acme")
        attempt = await day.intend(video)
        await day.lose(attempt)
        await day.cancel(video)
        await day.hook(attempt, "job-1", "processing")
        await day.make(attempt, "job-1", 150)
        after = await day.look(video)

        assert (after.status, after.held, after.charged) == (VideoStatus.CANCELED, 0, None)
        assert await has_its_file(day, after, attempt)
        assert (await costs(day), await day.sum_of(ledger.spent("acme"))) == ((150, 0), 0)
        assert await day.audit() == []


# how a tenant pays is changed, and a video of it waits


async def waits(folder: Path, tenant: str, funding: Funding) -> Video:
    """A video that nobody has when the gateway stops."""
    async with opened(folder, NOON, funding={tenant: funding}) as day:
        return await day.ask(tenant)


async def made_by_the_dearer_one(day: Day, video: Video) -> Video:
    """The account it is held for is busy; the other, where it may cost twice as much, makes it."""
    await day.refuse(await day.intend(video), FailureKind.BUSY)
    attempt, ref = await day.run(video, 2)
    assert attempt.account == VEO
    await day.make(attempt, ref)
    return await day.look(video)


@pytest.mark.parametrize(
    ("tenant", "before", "after"),
    [("acme", NO_MONEY_LEFT, Funding()), ("bluebird", Funding(), NO_MONEY_LEFT)],
    ids=["prepaid-before", "prepaid-by-now"],
)
async def test_a_waiting_video_of_a_tenant_who_pays_another_way_by_now_is_made_for_what_is_held(
    tmp_path, tenant, before, after
):
    video = await waits(tmp_path, tenant, before)

    async with opened(tmp_path, NOON + 60_000, funding={tenant: after}) as day:
        made = await made_by_the_dearer_one(day, video)
        left = await day.sum_of(ledger.available(tenant))

        assert (made.status, made.charged, made.held) == (VideoStatus.COMPLETED, 200_000, 0)
        assert left == (200_000 if after is NO_MONEY_LEFT else 0)
        assert await day.audit() == []


async def test_a_budget_that_was_gone_for_a_while_counts_what_was_committed_meanwhile(tmp_path):
    async with opened(tmp_path, NOON, funding={"cedar": FOR_TWO}) as day:
        await day.ask("cedar")
    async with opened(tmp_path, NOON + 1_000, funding={"cedar": Funding()}) as day:
        await day.ask("cedar")
        await day.ask("cedar")
    async with opened(tmp_path, NOON + 2_000, funding={"cedar": FOR_TWO}) as day:
        with pytest.raises(InsufficientFunds):
            await day.ask("cedar")

        assert await day.audit() == []


async def test_what_was_given_back_while_a_budget_was_gone_counts_no_more(tmp_path):
    async with opened(tmp_path, NOON, funding={"cedar": FOR_TWO}) as day:
        earlier = [await day.ask("cedar"), await day.ask("cedar")]
    async with opened(tmp_path, NOON + 1_000, funding={"cedar": Funding()}) as day:
        for video in earlier:
            await day.cancel(video)
    async with opened(tmp_path, NOON + 2_000, funding={"cedar": FOR_TWO}) as day:
        await day.ask("cedar")

        assert await day.sum_of(ledger.held("cedar")) == 200_000
        assert await day.audit() == []


# asked twice


async def corrected(here: Running, amount: str, key: str) -> httpx.Response:
    url, headers = "/v1/admin/tenants/acme/adjustments", {"idempotency-key": key}
    return await here.operator.post(url, json={"amount": amount}, headers=headers)


async def test_a_correction_that_is_sent_again_with_its_key_is_booked_once(tmp_path):
    funding = Funding(mode=FundingMode.PREPAID, opening=1_000_000)
    async with running(Setup(folder=tmp_path, funding=funding, seams=Seams(verify=certificates()))) as here:
        first, again, other = [await corrected(here, amount, "fix-1") for amount in ("-0.30", "-0.30", "-0.20")]
        another = await corrected(here, "-0.20", "fix-2")
        balance = (await here.client.get("/v1/balance")).json()

    assert (first.status_code, again.status_code, another.status_code) == (201, 201, 201)
    assert first.json()["id"] == again.json()["id"] != another.json()["id"]
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert balance["available_micros"] == 500_000


class Unanswered:
    """The next create's commit is not answered by the database; it was ``kept``, or not."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self._due = False

    def probe(self, point: Point) -> None:
        self._due = self._due or point is Point.BEFORE_ACCEPT

    def around(self, write: Write) -> Write:
        async def quietly(work: Work[Any], **scope: Any) -> Any:
            due, self._due = self._due, False
            if due and not self._kept:
                raise CommitUnknown("no answer to a commit")
            result = await write(work, **scope)
            if due:
                raise CommitUnknown("no answer to a commit")
            return result

        return quietly


async def created(
    folder: Path, commit: Unanswered, monkeypatch: pytest.MonkeyPatch
) -> tuple[httpx.Response, list[dict[str, Any]]]:
    """The answer to a create, and what is listed after it."""
    seams = Seams(probe=commit.probe, verify=certificates())
    async with running(Setup(folder=folder, hooks=False, seams=seams)) as here:
        database = here.gateway.store.database
        monkeypatch.setattr(database, "write", commit.around(database.write))
        response = await here.client.post("/v1/videos", json={"prompt": "a boat"})
        return response, (await here.client.get("/v1/videos")).json()["data"]


async def test_a_video_whose_commit_was_not_answered_is_answered_when_it_was_kept(tmp_path, monkeypatch):
    response, listed = await created(tmp_path, Unanswered(kept=True), monkeypatch)

    assert response.status_code == 202
    assert [video["id"] for video in listed] == [response.json()["id"]]


async def test_a_video_whose_commit_was_not_answered_is_refused_when_it_was_not_kept(tmp_path, monkeypatch):
    response, listed = await created(tmp_path, Unanswered(kept=False), monkeypatch)

    assert (response.status_code, listed) == (503, [])
    assert "retry-after" in response.headers


async def test_an_sdk_that_sends_again_while_the_first_is_on_its_way_makes_one_video(tmp_path):
    async with opened(tmp_path, NOON) as day:
        asked = [day.ask("acme"), day.ask("acme", resent=True), day.ask("acme", resent=True)]
        videos = await asyncio.gather(*asked)

        assert len({video.id for video in videos}) == 1
        assert await day.sum_of(ledger.held("acme")) == 200_000


async def failed(day: Day, video: Video) -> None:
    await day.fail(*await day.run(video, 150))


async def canceled(day: Day, video: Video) -> None:
    await day.cancel(video)


@pytest.mark.parametrize("ended", [failed, canceled])
async def test_a_wish_that_is_sent_again_is_not_answered_with_an_earlier_one_that_came_to_nothing(tmp_path, ended):
    async with opened(tmp_path, NOON) as day:
        old = await day.ask("acme")
        await ended(day, old)
        new = await day.ask("acme", resent=True)
        same = await day.ask("acme", resent=True)

        assert old.id != new.id == same.id


# a sender that was away


async def test_an_intent_whose_sender_was_paused_for_longer_than_its_lease_is_not_sent(tmp_path):
    clock, sent, pauses = Daytime(NOON), list[str](), [120]

    def paused(point: Point) -> None:
        if point is Point.INTENDED and pauses:
            clock.on(pauses.pop())

    async with opened(tmp_path, NOON, clock=clock, probe=paused, transport=honest(sent)) as day:
        video = await day.ask("acme", only=(VEO,))
        await day.work(TaskKind.SUBMIT)
        [unsent], before = await day.attempts(video), list(sent)
        day.clock.on(60)
        await day.work(TaskKind.SUBMIT)
        _, second = await day.attempts(video)

        assert (unsent.state, unsent.verdict, before) == (AttemptState.FAILED, Verdict.NOT_SENT, [])
        assert ([second.ref], second.state) == (sent, AttemptState.RUNNING)
        assert await costs(day, VEO) == (2, 0)
        assert await day.audit() == []


async def test_a_sender_that_wakes_up_after_it_was_given_up_for_dead_says_that_it_sent_nothing(tmp_path):
    async with opened(tmp_path, NOON) as day:
        video = await day.ask("acme", only=(VEO,))
        attempt = await day.intend(video)
        day.clock.on(120)
        await day.work(TaskKind.SUBMIT)  # another replica finds the intent, and nobody who sends it
        [orphan], given_up, before = await day.attempts(video), await day.look(video), await costs(day, VEO)
        await day.refuse(attempt, FailureKind.UNREACHABLE)
        [unsent], after = await day.attempts(video), await costs(day, VEO)

        assert (orphan.state, given_up.status, before) == (AttemptState.UNKNOWN, VideoStatus.FAILED, (0, 2))
        assert (unsent.state, after) == (AttemptState.FAILED, (0, 0))
        assert await day.audit() == []


# who reads the ledger


async def entries(day: Day, tenant: str, after: str | None) -> list[Entry]:
    """What comes after an entry."""
    page = await day.gateway.ledger.page(tenant, after=after, before=None, limit=100, newest_first=False)
    return page.entries


async def test_who_pages_the_ledger_sees_what_was_begun_early_and_booked_late(tmp_path, monkeypatch):
    async with opened(tmp_path, NOON) as day:
        deciding, go = held_up(day, monkeypatch)
        slow = asyncio.create_task(day.ask("bluebird", seconds=9))
        await deciding.wait()
        day.clock.on(0.01)
        quick = await day.ask("bluebird")
        first = await entries(day, "bluebird", None)
        go.set()
        late = await slow
        more = await entries(day, "bluebird", first[-1].id)

        assert [entry.video for entry in first] == [quick.id]
        assert [entry.video for entry in more] == [late.id]


def held_up(day: Day, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """The first decision takes as long as the test says: when it is under way, and when it may end."""
    decide: Callable[..., Awaitable[Any]] = day.gateway.decisions.decide
    deciding, go = asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any, **named: Any) -> Any:
        first = not deciding.is_set()
        deciding.set()
        if first:
            await go.wait()
        return await decide(*args, **named)

    monkeypatch.setattr(day.gateway.decisions, "decide", slowly)
    return deciding, go


async def test_who_pages_the_ledger_sees_what_was_booked_after_the_clock_was_set_back(tmp_path):
    async with opened(tmp_path, NOON) as day:
        early = await day.ask("bluebird")
        first = await entries(day, "bluebird", None)
        day.clock.on(-0.5)
        late = await day.ask("bluebird")
        more = await entries(day, "bluebird", first[-1].id)

        assert ([entry.video for entry in first], [entry.video for entry in more]) == ([early.id], [late.id])
        assert first[-1].at <= more[-1].at
