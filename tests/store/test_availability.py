"""How accounts are, what happened to them, and how attempts ended: kept on both engines."""

from typing import Any

import pytest

from gateway.policy.observing import KEPT, Sample
from gateway.store.database import StoreError
from schema import ledger
from schema.account import AccountState, Circuit, CreditsSource
from schema.account_event import AccountEvent, AccountEventType
from schema.attempt import Verdict
from schema.lifecycle import AttemptState
from tests.store.rows import NOW, a_video, an_attempt, keep

KNOWN = AccountState(
    id="a",
    poll_failures=2,
    circuit=Circuit.HALF_OPEN,
    circuit_at=NOW,
    circuit_until=NOW + 1,
    opens=3,
    trial="att_1",
    trial_until=NOW + 2,
    paused_at=NOW + 3,
    paused_by="house",
    pause_note="maintenance",
    credits=10,
    credits_at=NOW + 4,
    credits_source=CreditsSource.OPERATOR,
    credits_spent=5,
    credits_full=20,
    credits_warned=10,
)


def event(id: str, account: str = "a") -> AccountEvent:
    type = AccountEventType.PAUSED
    return AccountEvent(id=id, at=NOW, account=account, type=type, actor="house", data={"note": "x"})


def sample(make: int | None, kind: str = "8/standard") -> Sample:
    return Sample(account="a", kind=kind, queue_ms=1, make_ms=make, made=make is not None)


async def test_a_circuit_a_pause_and_credits_come_back_as_they_were_kept(store):
    await store.write(lambda tx: tx.accounts.ensure(["a"]))
    await store.write(lambda tx: tx.accounts.update(KNOWN))

    assert await store.write(lambda tx: tx.accounts.lock("a")) == KNOWN


async def test_events_come_newest_first_behind_a_cursor_of_one_account_or_of_all(store):
    async def add(tx):
        for id, account in (("aev_1", "a"), ("aev_2", "b"), ("aev_3", "a")):
            await tx.account_events.add(event(id, account))

    await store.write(add)

    assert await store.read(lambda tx: tx.account_events.page("a", None, 9)) == [event("aev_3"), event("aev_1")]
    assert await store.read(lambda tx: tx.account_events.page(None, "aev_3", 1)) == [event("aev_2", "b")]


@pytest.mark.parametrize("change", ["UPDATE account_events SET actor = 'x'", "DELETE FROM account_events"])
async def test_events_are_never_changed(store, change):
    await store.write(lambda tx: tx.account_events.add(event("aev_1")))

    with pytest.raises(StoreError):
        await store.database.write(lambda connection: connection.run(change))


async def test_the_newest_hundred_of_a_kind_are_kept_and_the_end_replaces_what_was_thought(store):
    async def end(tx):
        for n in range(KEPT + 3):
            await tx.samples.keep(f"att_{n}", sample(n), NOW + n)
        await tx.samples.keep("att_other", sample(7, "10/high"), NOW)
        await tx.samples.keep("att_lost", sample(None, "10/high"), NOW + 1)
        await tx.samples.keep("att_lost", sample(9, "10/high"), NOW + 2)
        await tx.samples.keep("att_void", sample(None, "10/high"), NOW + 3)
        await tx.samples.drop("att_void")

    await store.write(end)
    kept = await store.read(lambda tx: tx.samples.all())

    assert [one.make_ms for one in kept if one.kind == "8/standard"] == list(range(KEPT + 2, 2, -1))
    assert [one.make_ms for one in kept if one.kind == "10/high"] == [9, 7]


async def test_submits_that_nobody_answered_are_counted_among_those_of_a_span(store):
    ends = [(Verdict.UNKNOWN, "unknown"), (Verdict.NOT_SENT, "failed"), (Verdict.ACCEPTED, "running"), (None, None)]
    for n, (verdict, state) in enumerate(ends):
        kept = an_attempt(
            f"att_{n}", video=f"video_{n}", verdict=verdict, state=AttemptState(state or "submitting"), ended_at=None
        )
        await keep(store, a_video(f"video_{n}"), kept)
    account, begun = kept.account, kept.started_at

    assert await store.read(lambda tx: tx.attempts.failing(account, begun - 1)) == (3, 2)
    assert await store.read(lambda tx: tx.attempts.failing(account, begun)) == (0, 0)
    assert await store.read(lambda tx: tx.attempts.latest_ref("nobody")) is None


async def test_what_an_account_has_billed_and_may_still_bill_is_told_as_of_one_moment(store):
    billed, unit = ledger.billed("veo-main"), ledger.credits_unit("veo-main")
    running: dict[str, Any] = {"verdict": Verdict.ACCEPTED, "state": AttemptState.RUNNING, "expected": 1}
    attempts: list[dict[str, Any]] = [{}, running, {**running, "credits": 2}, {"account": "doitong-main"}]
    for n, facts in enumerate(attempts):
        await keep(store, a_video(f"video_{n}"), an_attempt(f"att_{n}", video=f"video_{n}", **facts))
    booked = "INSERT INTO balances (account, unit, shard, amount) VALUES (?, ?, ?, -3)"
    for shard in (0, 1):
        await store.database.write(lambda connection, shard=shard: connection.run(booked, billed, unit, shard))

    assert await store.read(lambda tx: tx.attempts.claims("veo-main")) == (6, 2 + 1)
    assert await store.read(lambda tx: tx.attempts.claims("nobody")) == (0, 0)
    assert (await store.read(lambda tx: tx.attempts.committed()))["veo-main"] == 2 + 1
