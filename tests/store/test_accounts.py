"""What is known of accounts, shared by all replicas: locked before it changes, and exact about room."""

import asyncio

import msgspec
import pytest

from schema.account import AccountState, CredentialState
from schema.lifecycle import AttemptState
from tests.store.rows import NOW, a_video, an_attempt, keep

FULL = AccountState(
    id="a",
    failures=3,
    failed_at=NOW,
    resting_until=NOW + 1,
    resting_reason="busy",
    credential=CredentialState.REFUSED,
    credential_version=2,
    callbacks_refused=True,
    credits=0,
    credits_at=NOW + 2,
)


async def known(store) -> dict[str, AccountState]:
    states: dict[str, AccountState] = await store.read(lambda tx: tx.accounts.all())
    return states


async def test_a_configured_account_has_a_row_of_a_fresh_state(store):
    await store.write(lambda tx: tx.accounts.ensure(["a", "b"]))

    assert await known(store) == {"a": AccountState(id="a"), "b": AccountState(id="b")}


async def test_ensuring_again_forgets_nothing(store):
    await store.write(lambda tx: tx.accounts.ensure(["a"]))
    await store.write(lambda tx: tx.accounts.update(FULL))

    await store.write(lambda tx: tx.accounts.ensure(["a", "b", "b"]))

    assert await known(store) == {"a": FULL, "b": AccountState(id="b")}


@pytest.mark.parametrize("state", [FULL, AccountState(id="a")], ids=["full", "fresh"])
async def test_a_state_comes_back_as_it_was_kept(store, state):
    await store.write(lambda tx: tx.accounts.ensure(["a", "b"]))
    await store.write(lambda tx: tx.accounts.update(FULL))

    await store.write(lambda tx: tx.accounts.update(state))

    assert await store.write(lambda tx: tx.accounts.lock("a")) == state
    assert (await known(store))["b"] == AccountState(id="b")


async def test_an_account_without_a_row_is_fresh(store):
    assert await store.write(lambda tx: tx.accounts.lock("new")) == AccountState(id="new")
    assert await known(store) == {}


async def test_no_lesson_is_lost_among_many_learned_at_once(store):
    await store.write(lambda tx: tx.accounts.ensure(["a"]))

    async def count(tx):
        state = await tx.accounts.lock("a")
        await tx.accounts.update(msgspec.structs.replace(state, failures=state.failures + 1))

    await asyncio.gather(*(store.write(count) for _ in range(40)))

    assert (await known(store))["a"].failures == 40


@pytest.mark.parametrize("room", [1, 3])
async def test_of_twenty_that_ask_at_once_exactly_as_many_get_in_as_there_is_room(store, room):
    await store.write(lambda tx: tx.accounts.ensure(["veo-main", "other"]))
    await keep(store, *(a_video(f"video_{n}") for n in range(25)))
    await keep(store, an_attempt("att_other", video="video_20", account="other"))

    async def admit(n):
        async def intend(tx):
            await tx.videos.lock(f"video_{n}")
            await tx.accounts.lock("veo-main")
            if await tx.attempts.load("veo-main", 0) >= room:
                return False
            await tx.attempts.add(an_attempt(f"att_{n}", video=f"video_{n}"))
            return True

        return await store.write(intend)

    admitted = await asyncio.gather(*map(admit, range(20)))

    assert admitted.count(True) == room
    assert await store.read(lambda tx: tx.attempts.loads(0)) == {"veo-main": room, "other": 1}


async def test_a_place_that_is_given_up_is_taken_by_one_of_those_who_wait(store):
    await store.write(lambda tx: tx.accounts.ensure(["veo-main"]))
    await keep(store, *(a_video(f"video_{n}") for n in range(6)), an_attempt("att_5", video="video_5"))

    async def leave(tx):
        await tx.videos.lock("video_5")
        left = an_attempt("att_5", video="video_5", state=AttemptState.FAILED, ended_at=NOW)
        await tx.attempts.update(left, was=AttemptState.SUBMITTING)

    async def admit(n):
        async def intend(tx):
            await tx.videos.lock(f"video_{n}")
            await tx.accounts.lock("veo-main")
            if await tx.attempts.load("veo-main", 0):
                return False
            await tx.attempts.add(an_attempt(f"att_{n}", video=f"video_{n}"))
            return True

        return await store.write(intend)

    full = await asyncio.gather(*map(admit, range(5)))
    await store.write(leave)
    after = await asyncio.gather(*map(admit, range(5)))

    assert full == [False] * 5
    assert after.count(True) == 1
