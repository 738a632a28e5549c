"""A change of the master key that breaks off half-way: everything opens meanwhile, and the next one finishes it."""

import secrets
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from gateway.policy.sealing import CanNotOpen, master
from gateway.services.vault import Vault
from gateway.store.store import Store, Transaction, Work
from schema.account import Secret
from schema.clock import SystemClock
from tests.flows.test_apply import declared, ground
from tests.support.running import SECRET_KEY

T = TypeVar("T")

NEW = Secret("another master key, which is long enough")
MANY = 120


class Dying(Exception):
    pass


class Mortal(Store):
    """A store whose process dies before its third write."""

    writes = 0

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        self.writes += 1
        if self.writes > 2:
            raise Dying
        return await super().write(work, tenant=tenant)


async def test_a_rekey_that_breaks_off_between_two_steps_is_finished_by_the_next(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)

        async def fill(tx: Transaction) -> None:
            for number in range(MANY):
                await on.vault.put(tx, "credential", f"account-{number}", f"credential {number}")

        await store.write(fill)
        mortal = Mortal(store.database)
        clock, entropy = SystemClock(), secrets.token_bytes
        dying = Vault(store=mortal, key=NEW, former=(SECRET_KEY,), clock=clock, entropy=entropy)
        with pytest.raises(Dying):
            await dying.rekey()
        half = await on.vault.counts()

    both = replace(settings, secrets=replace(settings.secrets, key=NEW, previous=(SECRET_KEY,)))
    async with ground(both) as (on, store):
        await on.keeper.refresh()
        meanwhile = await texts(on.vault, store)
        done = await on.vault.rekey()
    alone = replace(both, secrets=replace(both.secrets, previous=()))
    async with ground(alone) as (on, store):
        after = await texts(on.vault, store)

    assert half[master(NEW).id] == 100
    assert half[master(SECRET_KEY).id] == MANY + 2 - 100
    assert (done.moved, done.left) == (MANY + 2 - 100, 0)
    assert meanwhile == after
    assert meanwhile["account-7"] == "credential 7"
    assert len(meanwhile) == MANY + 1


async def test_a_ciphertext_that_was_put_in_anothers_place_does_not_open(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)

        async def swap(tx: Transaction) -> None:
            await on.vault.put(tx, "credential", "other", "the other credential")
            connection = tx.sealed._connection
            rows = await connection.all("SELECT owner, wrapped, body FROM sealed WHERE kind = 'credential'")
            (one, *first), (two, *second) = rows
            for owner, sealed in ((one, second), (two, first)):
                await connection.run("UPDATE sealed SET wrapped = ?, body = ? WHERE owner = ?", *sealed, owner)

        await store.write(swap)

        with pytest.raises(CanNotOpen):
            await texts(on.vault, store)
        with pytest.raises(CanNotOpen):
            await on.keeper.read()


async def texts(vault: Vault, store: Store) -> dict[str, Any]:
    found = await store.read(lambda tx: vault.all(tx, "credential"))
    return {owner: versions[max(versions)].reveal() for owner, versions in found.items()}
