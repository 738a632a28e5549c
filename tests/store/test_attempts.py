"""Attempts as both engines keep them: one live per video, one per ref at an account, and honest loads."""

import asyncio

import msgspec
import pytest

from gateway.store.database import ConstraintViolation, UniqueViolation
from schema.attempt import Reason, Verdict
from schema.errors import FailureKind, IllegalMove
from schema.lifecycle import LIVE, OPEN, AttemptState
from tests.store.rows import NOW, a_video, an_attempt, keep

FULL = an_attempt(
    state=AttemptState.SUCCEEDED,
    verdict=Verdict.ACCEPTED,
    keyed=True,
    callback=True,
    credential_version=7,
    ended_at=NOW + 2,
    incomplete_at=NOW + 1,
    ref="0b9f3e1c",
    replays=1,
    polls=2,
    sightings=3,
    credits_low=100,
    credits_high=2**40,
    credits=150,
    reason=Reason(FailureKind.LOST, "ReadTimeout 🦊"),
    video_url="https://cdn.example.com/1.mp4",
)


@pytest.fixture(autouse=True)
async def videos(store):
    await keep(store, a_video("video_1"), a_video("video_2"), a_video("video_3"))


@pytest.mark.parametrize("attempt", [an_attempt(), FULL], ids=["least", "full"])
async def test_an_attempt_comes_back_as_it_was_kept(store, attempt):
    await keep(store, attempt)

    assert await store.read(lambda tx: tx.attempts.get("att_1")) == attempt


async def test_an_attempt_nobody_made_is_not_there(store):
    assert await store.read(lambda tx: tx.attempts.get("att_0")) is None
    assert await store.read(lambda tx: tx.attempts.by_ref("veo-main", "r")) is None
    assert await store.read(lambda tx: tx.attempts.of_video("video_1")) == []
    assert await store.read(lambda tx: tx.attempts.of_videos([])) == []


async def test_an_attempt_needs_its_video(store):
    with pytest.raises(ConstraintViolation):
        await keep(store, an_attempt(video="video_0"))


async def test_a_video_s_attempts_are_listed_first_to_last(store):
    failed = AttemptState.FAILED
    await keep(
        store,
        an_attempt("att_c", n=2, state=failed),
        an_attempt("att_a", n=1, state=failed),
        an_attempt("att_b", n=3),
        an_attempt("att_d", video="video_3"),
    )

    async def ids(question):
        return [attempt.id for attempt in await store.read(question)]

    assert await ids(lambda tx: tx.attempts.of_video("video_1")) == ["att_a", "att_c", "att_b"]
    assert await ids(lambda tx: tx.attempts.of_videos(["video_3", "video_1", "video_2"])) == [
        *("att_a", "att_c", "att_b"),
        "att_d",
    ]


@pytest.mark.parametrize("first", sorted(LIVE))
@pytest.mark.parametrize("second", sorted(LIVE))
async def test_a_video_has_one_live_attempt(store, first, second):
    await keep(store, an_attempt("att_1", n=1, state=first))

    with pytest.raises(UniqueViolation):
        await keep(store, an_attempt("att_2", n=2, state=second))

    assert await store.read(lambda tx: tx.attempts.get("att_2")) is None


@pytest.mark.parametrize("ended", sorted(set(AttemptState) - LIVE))
async def test_an_attempt_that_is_not_live_makes_room_for_the_next(store, ended):
    await keep(store, an_attempt("att_1", n=1, state=ended), an_attempt("att_2", n=2))

    with pytest.raises(UniqueViolation):
        await store.write(
            lambda tx: tx.attempts.update(an_attempt("att_1", state=AttemptState.RUNNING), was=AttemptState(ended))
        )


async def test_of_racing_workers_one_makes_the_attempt(store):
    outcomes = await asyncio.gather(
        *(keep(store, an_attempt(f"att_{n}", n=n)) for n in range(1, 11)), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, UniqueViolation) for outcome in outcomes) == 9


async def test_attempts_are_numbered_once(store):
    await keep(store, an_attempt("att_1", n=1, state=AttemptState.FAILED))

    with pytest.raises(UniqueViolation):
        await keep(store, an_attempt("att_2", n=1))


async def test_a_ref_names_one_attempt_at_an_account(store):
    await keep(store, an_attempt("att_1", ref="r"))
    await keep(store, an_attempt("att_2", video="video_2", ref="r", account="veo-spare"))
    await keep(store, an_attempt("att_3", video="video_3"))

    with pytest.raises(UniqueViolation):
        await store.write(
            lambda tx: tx.attempts.update(an_attempt("att_3", video="video_3", ref="r"), was=AttemptState.SUBMITTING)
        )

    assert (await store.read(lambda tx: tx.attempts.by_ref("veo-main", "r"))).id == "att_1"
    assert (await store.read(lambda tx: tx.attempts.by_ref("veo-spare", "r"))).id == "att_2"
    assert (await store.read(lambda tx: tx.attempts.get("att_3"))).ref is None


async def test_attempts_without_a_ref_never_collide(store):
    await keep(store, an_attempt("att_1"), an_attempt("att_2", video="video_2"))

    assert await store.read(lambda tx: tx.attempts.get("att_2"))


async def test_a_change_is_kept_whole(store):
    sent = msgspec.structs.replace(
        an_attempt(), keyed=True, callback=True, credential_version=7, credits_low=100, credits_high=2**40
    )
    await keep(store, sent)

    await store.write(lambda tx: tx.attempts.update(FULL, was=AttemptState.SUBMITTING))

    assert await store.read(lambda tx: tx.attempts.get("att_1")) == FULL


@pytest.mark.parametrize("was", sorted(set(AttemptState) - {AttemptState.RUNNING}))
async def test_a_change_from_another_state_is_illegal_and_changes_nothing(store, was):
    running = an_attempt(state=AttemptState.RUNNING, ref="r")
    await keep(store, running)

    with pytest.raises(IllegalMove):
        await store.write(lambda tx: tx.attempts.update(FULL, was=AttemptState(was)))

    assert await store.read(lambda tx: tx.attempts.get("att_1")) == running


async def test_a_change_to_an_attempt_that_is_not_there_is_illegal(store):
    with pytest.raises(IllegalMove):
        await store.write(lambda tx: tx.attempts.update(FULL, was=AttemptState.SUBMITTING))


async def test_of_two_ends_the_first_is_kept(store):
    await keep(store, an_attempt(state=AttemptState.RUNNING))

    async def end(state):
        await store.write(lambda tx: tx.attempts.update(an_attempt(state=state), was=AttemptState.RUNNING))
        return state

    outcomes = await asyncio.gather(
        end(AttemptState.SUCCEEDED), end(AttemptState.FAILED), end(AttemptState.UNKNOWN), return_exceptions=True
    )

    (kept,) = [outcome for outcome in outcomes if isinstance(outcome, AttemptState)]
    assert (await store.read(lambda tx: tx.attempts.get("att_1"))).state is kept


@pytest.mark.parametrize("state", AttemptState)
async def test_an_account_s_load_is_what_may_still_be_in_the_making(store, state):
    await keep(store, an_attempt(state=state))

    loads = await store.read(lambda tx: tx.attempts.loads(NOW - 1))

    assert loads == ({"veo-main": 1} if state in OPEN else {})
    assert await store.read(lambda tx: tx.attempts.load("veo-main", NOW - 1)) == (state in OPEN)


@pytest.mark.parametrize(
    ("since", "counted"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)], ids=["young", "just-too-old", "old"]
)
async def test_an_unknown_attempt_counts_no_more_when_it_is_old(store, since, counted):
    await keep(store, an_attempt("att_1", state=AttemptState.UNKNOWN))
    await keep(store, an_attempt("att_2", video="video_2", account="other", started_at=NOW - 10**9))

    assert await store.read(lambda tx: tx.attempts.load("veo-main", since)) == counted
    assert await store.read(lambda tx: tx.attempts.loads(since)) == {"other": 1, **({"veo-main": 1} if counted else {})}


async def test_loads_are_counted_by_account(store):
    await keep(
        store,
        an_attempt("att_1", n=1, state=AttemptState.UNKNOWN),
        an_attempt("att_2", n=2),
        an_attempt("att_3", video="video_2"),
        an_attempt("att_4", video="video_3", account="other"),
    )

    assert await store.read(lambda tx: tx.attempts.loads(0)) == {"veo-main": 3, "other": 1}
    assert await store.read(lambda tx: tx.attempts.load("veo-main", 0)) == 3
    assert await store.read(lambda tx: tx.attempts.load("idle", 0)) == 0


@pytest.mark.parametrize("kind", FailureKind)
async def test_every_reason_can_be_kept(store, kind):
    await keep(store, an_attempt(state=AttemptState.FAILED, reason=Reason(kind, "")))

    assert (await store.read(lambda tx: tx.attempts.get("att_1"))).reason == Reason(kind, "")
