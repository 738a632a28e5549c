"""What operators find out about lost submits: bound or voided once, and the books, the video and its tenant agree."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.policy.verdict import Outcome
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from gateway.services.books import Books
from gateway.services.records import Records
from gateway.services.updates import Updates
from gateway.services.watches import LATE_WATCH
from gateway.store.store import Transaction
from gateway.store.tasks import TaskKind
from gateway.wiring import Seams
from providers.base import Accepted
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Millis, SystemClock
from schema.errors import FailureKind
from schema.ids import Ids
from schema.ledger import MICROS_UNIT, credits_unit
from schema.lifecycle import AttemptState
from schema.tenant import Funding, FundingMode, RoutingPolicy
from schema.video import Strategy
from tests.flows.engine import until
from tests.support.certificates import certificates
from tests.support.luck import steady
from tests.support.running import FAST, Running, Setup, running

VEO, DOITONG = {"only": ["veo3o1"]}, {"only": ["doitong"]}
WAIT = {**VEO, "on_unknown": "wait"}
NEVER_CAME, LOST = "[sim:drop-before-accept] a boat", "[sim:drop-after-accept] a boat"
PREPAID = Funding(mode=FundingMode.PREPAID, opening=20_000_000)
TWO_CREDITS = 400_000
"""What a video costs at veo-main, micros."""


@asynccontextmanager
async def a_gateway(folder: Path, **setup: Any) -> AsyncIterator[Running]:
    unlimited = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    simulated = SandboxSettings(speed=200.0, accounts=unlimited)
    chosen = {"sandbox": simulated, "funding": PREPAID, "seams": Seams(verify=certificates()), "timing": FAST, **setup}
    async with running(Setup(folder=folder, **chosen)) as here:
        yield here
        assert await out_of_balance(here) == {}


async def out_of_balance(here: Running) -> dict[str, int]:
    """Units whose balances do not sum to zero; there must never be one."""
    sums: dict[str, int] = {}
    for (_, unit), amount in (await here.gateway.store.read(lambda tx: tx.ledger.balances())).items():
        sums[unit] = sums.get(unit, 0) + amount
    return {unit: total for unit, total in sums.items() if total}


async def booked(here: Running, account: str = "veo-main") -> dict[str, int]:
    """What stands in suspense and as cost for an account, in its credits."""
    balances = await here.gateway.store.read(lambda tx: tx.ledger.balances())
    unit = credits_unit(account)
    return {name: balances.get((f"{name}:{account}", unit), 0) for name in ("suspense", "cost")}


async def money(here: Running, tenant: str = "acme") -> dict[str, int]:
    balances = await here.gateway.store.read(lambda tx: tx.ledger.balances())
    return {name: balances.get((f"tenant:{tenant}:{name}", MICROS_UNIT), 0) for name in ("available", "held", "spent")}


async def lost(here: Running, prompt: str = LOST, wish: dict[str, Any] = VEO) -> tuple[str, Attempt]:
    """A video whose only attempt nobody knows the outcome of."""
    id = (await here.create(prompt, gateway=wish))["id"]

    async def happened() -> bool:
        return any(one.state is AttemptState.UNKNOWN for one in await attempts(here, id))

    await until(happened)
    return id, next(one for one in await attempts(here, id) if one.state is AttemptState.UNKNOWN)


async def attempts(here: Running, id: str) -> list[Attempt]:
    return await here.gateway.store.read(lambda tx: tx.attempts.of_video(id))


async def job(here: Running) -> str:
    """The one job an upstream has made, as an operator would find it in a dashboard."""
    [found] = (await here.truth())["jobs"]
    ref: str = found["id"]
    return ref


async def bind(here: Running, attempt: str, ref: str, **more: Any) -> httpx.Response:
    return await here.operator.post(f"/v1/admin/attempts/{attempt}/bind", json={"ref": ref, **more})


async def void(here: Running, attempt: str, **body: Any) -> httpx.Response:
    return await here.operator.post(f"/v1/admin/attempts/{attempt}/void", json=body)


async def settled(here: Running, id: str, state: AttemptState = AttemptState.SUCCEEDED) -> None:
    async def happened() -> bool:
        return (await attempts(here, id))[0].state is state

    await until(happened)


async def seen(here: Running, id: str) -> dict[str, Any]:
    video: dict[str, Any] = (await here.client.get(f"/v1/videos/{id}")).json()
    return video


# a video that has failed already


async def test_a_bound_attempt_moves_from_suspense_to_cost_and_its_file_is_an_extra_output(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here)
        failed = await here.finished(id)
        before = await booked(here)

        bound = await bind(here, attempt.id, await job(here), note="in the dashboard at 12:31")

        await until(lambda: has_an_extra_output(here, id))
        after = await seen(here, id)
        [output] = after["gateway"]["extra_outputs"]
        file = await here.client.get(f"/v1/videos/{id}/content", params={"output": attempt.id})

        assert bound.status_code == 200, bound.text
        assert (before, await booked(here)) == ({"suspense": 2, "cost": 0}, {"suspense": 0, "cost": 2})
        assert (failed["error"]["code"], after["error"]) == ("submission_outcome_unknown", failed["error"])
        assert (output["attempt"], output["size"]) == (attempt.id, len(file.content))
        assert await money(here) == {"available": 20_000_000, "held": 0, "spent": 0}


@pytest.mark.parametrize("credits", [0, 2])
async def test_a_voided_attempt_costs_what_the_operator_says_and_its_tenant_nothing(tmp_path, credits):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here, NEVER_CAME)
        await here.finished(id)
        before = await booked(here)

        response = await void(here, attempt.id, credits=credits, note="not in the list")

        [after] = await attempts(here, id)
        assert response.status_code == 200, response.text
        assert (before, await booked(here)) == ({"suspense": 2, "cost": 0}, {"suspense": 0, "cost": credits})
        assert (after.state, after.verdict, after.credits) == (AttemptState.FAILED, "unknown", credits)
        assert after.reason == attempt.reason
        assert await money(here) == {"available": 20_000_000, "held": 0, "spent": 0}
        assert await here.gateway.store.read(lambda tx: tx.estimates.of("veo-main", "auto/standard")) is None


async def test_what_is_bound_days_later_is_still_watched_to_its_end(tmp_path):
    clock = Later()
    async with a_gateway(tmp_path, seams=Seams(verify=certificates(), clock=clock)) as here:
        id, attempt = await lost(here)
        await here.finished(id)
        await until(lambda: made_upstream(here))
        clock.ahead = 3 * LATE_WATCH

        await bind(here, attempt.id, await job(here))

        await settled(here, id)


async def made_upstream(here: Running) -> bool:
    return {one["status"] for one in (await here.truth())["jobs"]} == {"completed"}


class Later:
    """The machine's clock, set ahead by so many milliseconds."""

    ahead = 0

    def now(self) -> Millis:
        return SystemClock().now() + self.ahead


async def test_an_attempt_that_outlived_its_deadline_can_be_voided_and_costs_what_is_said(tmp_path):
    async with a_gateway(tmp_path, timing=replace(FAST, video_deadline_seconds=1)) as here:
        id = (await here.create("[sim:stuck] a boat", gateway=DOITONG))["id"]
        await here.finished(id)
        [attempt] = await attempts(here, id)
        before = await booked(here, "doitong-main")

        response = await void(here, attempt.id, credits=7)

        assert response.status_code == 200, response.text
        assert (attempt.state, attempt.ref is None) == (AttemptState.UNKNOWN, False)
        assert before["suspense"] == attempt.credits_high
        assert await booked(here, "doitong-main") == {"suspense": 0, "cost": 7}


async def test_a_ref_that_the_provider_does_not_know_leaves_the_attempt_unknown_again(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here, wish=WAIT)

        await bind(here, attempt.id, "a-typing-mistake")

        async def unknown_again() -> bool:
            [one] = await attempts(here, id)
            return (one.state, one.ref) == (AttemptState.UNKNOWN, None)

        await until(unknown_again)
        assert await booked(here) == {"suspense": 2, "cost": 0}
        assert (await seen(here, id))["gateway"]["substate"] == "outcome_unknown"

        await bind(here, attempt.id, await job(here))

        assert (await here.finished(id))["status"] == "completed"
        assert await booked(here) == {"suspense": 0, "cost": 2}


# a video that still waits


async def test_a_waiting_video_is_completed_by_a_bind_and_its_tenant_charged_once(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here, wish=WAIT)
        waiting, held = await seen(here, id), await money(here)

        await bind(here, attempt.id, await job(here))

        video = await here.finished(id)
        assert (waiting["status"], waiting["gateway"]["substate"]) == ("in_progress", "outcome_unknown")
        assert held == {"available": 20_000_000 - TWO_CREDITS, "held": TWO_CREDITS, "spent": 0}
        assert (video["status"], video["gateway"]["cost"]["charged_micros"]) == ("completed", TWO_CREDITS)
        assert await money(here) == {"available": 20_000_000 - TWO_CREDITS, "held": 0, "spent": TWO_CREDITS}
        assert await booked(here) == {"suspense": 0, "cost": 2}


async def test_a_waiting_video_fails_by_a_void_and_gets_its_money_back(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here, NEVER_CAME, WAIT)

        await void(here, attempt.id)

        video = await here.finished(id)
        assert (video["status"], video["error"]["code"]) == ("failed", "submission_outcome_unknown")
        assert await money(here) == {"available": 20_000_000, "held": 0, "spent": 0}
        assert await booked(here) == {"suspense": 0, "cost": 0}
        assert await tasks_of(here, id) == []


async def test_a_keyed_attempt_that_is_voided_is_sent_no_more(tmp_path):
    patient = replace(FAST, replay_schedule_seconds=(30, 30))
    async with a_gateway(tmp_path, timing=patient) as here:
        id, attempt = await lost(here, NEVER_CAME, DOITONG)

        await void(here, attempt.id)

        video = await here.finished(id)
        assert attempt.keyed
        assert video["error"]["code"] == "submission_outcome_unknown"
        assert await tasks_of(here, id) == []
        assert len((await here.truth())["submissions"]) == 1


async def tasks_of(here: Running, id: str) -> list[str]:
    """What is due on a video or its attempts."""
    subjects = [id, *(attempt.id for attempt in await attempts(here, id))]

    async def look(tx: Transaction) -> list[str]:
        return [f"{kind} {one}" for kind in TaskKind for one in subjects if await tx.tasks.exists(kind, one)]

    return await here.gateway.store.read(look)


async def test_a_video_that_is_made_elsewhere_does_not_mind_a_void(tmp_path):
    veo_first = RoutingPolicy(strategy=Strategy.ORDERED, order=("veo-main",))
    async with a_gateway(tmp_path, routing=veo_first) as here:
        id, first = await lost(
            here, "[sim:veo3o1:drop-after-accept] [sim:doitong:slow] a boat", {"on_unknown": "failover"}
        )

        answer = await void(here, first.id)
        meanwhile = await seen(here, id)

        video = await here.finished(id)
        states = [one.state for one in await attempts(here, id)]
        assert (answer.status_code, meanwhile["status"]) == (200, "in_progress")
        assert video["status"] == "completed", video
        assert states == [AttemptState.FAILED, AttemptState.SUCCEEDED]


async def test_a_job_that_was_voided_and_turns_up_is_an_attempt_of_its_own_and_an_incident(tmp_path):
    slow, patient = SandboxSettings(speed=20.0), replace(FAST, replay_schedule_seconds=(30, 30))
    async with a_gateway(tmp_path, sandbox=slow, timing=patient) as here:
        id, attempt = await lost(here, wish=DOITONG)
        await void(here, attempt.id)
        failed = await here.finished(id)

        await until(lambda: has_an_extra_output(here, id))

        after, found = await seen(here, id), await attempts(here, id)
        ref = await job(here)
        [incident] = (await here.operator.get("/v1/admin/incidents?kind=duplicate_charge")).json()["data"]
        assert [(one.state, one.ref) for one in found] == [(AttemptState.FAILED, None), (AttemptState.SUCCEEDED, ref)]
        assert (incident["attempt"], incident["data"]["second"]) == (attempt.id, ref)
        assert (after["status"], after["error"]) == ("failed", failed["error"])
        assert await booked(here, "doitong-main") == {"suspense": 0, "cost": found[1].expected}


async def has_an_extra_output(here: Running, id: str) -> bool:
    return bool((await seen(here, id))["gateway"]["extra_outputs"])


async def test_an_answer_to_a_replay_that_comes_after_the_void_is_not_lost(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here)
        await here.finished(id)
        await void(here, attempt.id)

        await answered(here, attempt, accepted("uuid-of-a-replay"))

        found = [(one.state, one.ref) for one in await attempts(here, id)]
        assert found == [(AttemptState.FAILED, None), (AttemptState.UNKNOWN, "uuid-of-a-replay")]
        assert await booked(here) == {"suspense": 2, "cost": 0}


async def test_a_replay_that_was_under_way_and_is_lost_too_is_for_the_operator_to_look_at_again(tmp_path):
    async with a_gateway(tmp_path) as here:
        id, attempt = await lost(here)
        await here.finished(id)
        await void(here, attempt.id)

        for _ in range(2):
            await answered(here, attempt, Outcome(verdict=Verdict.UNKNOWN, reason=Reason(FailureKind.LOST)))

        first, second = await attempts(here, id)
        assert [(one.state, one.ref) for one in (first, second)] == [
            (AttemptState.FAILED, None),
            (AttemptState.UNKNOWN, None),
        ]
        assert await booked(here) == {"suspense": 2, "cost": 0}
        assert (await void(here, second.id)).status_code == 200
        assert await booked(here) == {"suspense": 0, "cost": 0}


async def test_an_attempt_that_is_being_sent_again_is_not_voided_before_that_is_over(tmp_path):
    hasty = replace(FAST, replay_schedule_seconds=(0.05,), submit_deadline_seconds=30)
    async with a_gateway(tmp_path, timing=hasty) as here:
        id, attempt = await lost(here, NEVER_CAME, DOITONG)

        async def sent_again() -> bool:
            return [one.replays for one in await attempts(here, id)] == [1]

        await until(sent_again)
        answer = await void(here, attempt.id)

        assert (answer.status_code, answer.json()["code"]) == (409, "not_unknown")
        assert "sent again" in answer.json()["detail"]
        assert 0 < int(answer.headers["retry-after"]) <= 30


def accepted(ref: str) -> Outcome:
    return Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref=ref))


async def test_a_key_that_is_too_old_is_not_sent_again(tmp_path):
    forgotten = replace(FAST, replay_schedule_seconds=(0.3, 0.3), replay_window_seconds=0.1, video_deadline_seconds=1.5)
    async with a_gateway(tmp_path, timing=forgotten) as here:
        id, attempt = await lost(here, NEVER_CAME, DOITONG)

        video = await here.finished(id)

        assert attempt.keyed
        assert video["error"]["code"] == "deadline_exceeded"
        assert [one.replays for one in await attempts(here, id)] == [0]
        assert len((await here.truth())["submissions"]) == 1


async def test_an_account_whose_retries_are_used_up_is_not_sent_a_replay(tmp_path):
    soon = replace(FAST, replay_schedule_seconds=(0.5, 0.5), retry_every_seconds=60, video_deadline_seconds=1.5)
    async with a_gateway(tmp_path, timing=soon) as here:
        id, attempt = await lost(here, NEVER_CAME, DOITONG)

        async def use_up(tx: Transaction) -> None:
            state = await tx.accounts.lock("doitong-main")
            await tx.accounts.update(replace(state, retries_full_at=attempt.started_at + 3_600_000))

        await here.gateway.store.write(use_up)

        await here.finished(id)
        assert [one.replays for one in await attempts(here, id)] == [0]


async def answered(here: Running, attempt: Attempt, outcome: Outcome) -> None:
    """What became of a replay that was under way."""
    built = here.gateway
    records = Records(Ids(), Books(accounts=built.accounts, tenants=built.tenants, ids=Ids(), luck=evenly))
    updates = Updates(
        accounts=built.accounts,
        tenants=built.tenants,
        pacing=steady(built, FAST),
        ids=Ids(),
        timing=FAST,
        luck=evenly,
        egress_allow=(),
    )

    async def conclude(tx: Transaction) -> None:
        case = await records.case(tx, attempt.video, attempt.id, built.clock.now())
        assert case is not None
        await updates.outcome(case, outcome)

    await built.store.write(conclude)


def evenly() -> float:
    """Luck, always the middle one."""
    return 0.5


# who may, and when


async def test_what_is_resolved_is_resolved(tmp_path):
    async with a_gateway(tmp_path) as here:
        _, attempt = await lost(here, wish=WAIT)
        ref = await job(here)

        answers = [await bind(here, attempt.id, ref), await bind(here, attempt.id, ref), await void(here, attempt.id)]

        assert [answer.status_code for answer in answers] == [200, 409, 409]
        assert {answer.json()["code"] for answer in answers[1:]} == {"not_unknown"}


async def test_of_operators_at_once_one_is_first(tmp_path):
    async with a_gateway(tmp_path) as here:
        _, attempt = await lost(here)
        ref = await job(here)

        answers = await asyncio.gather(*(bind(here, attempt.id, ref) for _ in range(4)), void(here, attempt.id))

        statuses = sorted(answer.status_code for answer in answers)
        written = (await here.operator.get("/v1/admin/resolutions")).json()["data"]
        assert statuses == [200, 409, 409, 409, 409]
        assert len(written) == 1


async def test_a_ref_names_one_attempt(tmp_path):
    async with a_gateway(tmp_path) as here:
        _, first = await lost(here)
        ref = await job(here)
        await bind(here, first.id, ref)
        _, second = await lost(here, NEVER_CAME)

        answer = await bind(here, second.id, ref)

        assert (answer.status_code, answer.json()["code"]) == (409, "ref_taken")
        assert first.id in answer.json()["detail"]
        assert (await booked(here))["suspense"] == 2
