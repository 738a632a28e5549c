"""A webhook endpoint's secrets: sealed with it, read with the directory, and dropped once they sign no more."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.policy.planning import Change, Kind, Verb
from gateway.policy.standard_webhooks import make_secret
from gateway.services.changes import Changes
from gateway.services.directory import Keeper
from gateway.services.endpoints import Endpoints
from gateway.services.vault import ENDPOINT_SECRET, Vault
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Transaction
from schema.account import Secret
from schema.clock import SystemClock
from schema.directory import Directory
from schema.endpoint import Endpoint, EndpointRecord
from schema.ids import Ids

FIRST, SECOND, THIRD = (make_secret(os.urandom) for _ in range(3))
ENDPOINT = Endpoint(id="whe_1", tenant="acme", url="https://hooks.example.com/in")


class Desk:
    """What endpoints are changed and read with."""

    def __init__(self, store: Store) -> None:
        clock = SystemClock()
        self.store, self.endpoints = store, Endpoints()
        self.vault = Vault(store=store, key=Secret("k" * 32), clock=clock, entropy=os.urandom)
        self.changes = Changes(vault=self.vault, clock=clock, ids=Ids())
        self.keeper = Keeper(
            store=store, vault=self.vault, kinds={}, adopters=(self.endpoints.adopt,), settle=nothing, clock=clock
        )

    async def make(self, record: EndpointRecord, verb: Verb = Verb.UPDATED) -> None:
        endpoint = record.endpoint
        change = Change(kind=Kind.ENDPOINT, verb=verb, id=endpoint.id, tenant=endpoint.tenant, record=record)

        async def work(tx: Transaction) -> None:
            await tx.revision.lock()
            await self.changes.make(tx, change, actor="key_1")

        await self.store.write(work)
        await self.keeper.refresh()

    async def rotate(self, version: int, secret: Secret, *, until: int | None) -> None:
        endpoint = replace(ENDPOINT, secret_version=version, previous_until=until)
        await self.make(EndpointRecord(endpoint=endpoint, secrets={version: secret}))

    async def sealed(self) -> dict[int, Secret]:
        return await self.store.read(lambda tx: self.vault.of(tx, ENDPOINT_SECRET, ENDPOINT.id))

    def signing(self, now: int) -> tuple[Secret, ...]:
        record = self.endpoints.get(ENDPOINT.id)
        assert record is not None
        return record.signing(now)


async def nothing(_: Directory) -> None:
    """Newcomers need nothing here."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await connect(f"sqlite:///{tmp_path}/filmgate.db")
    await database.migrate(packaged())
    built = Desk(Store(database))
    await built.make(EndpointRecord(endpoint=ENDPOINT, secrets={1: FIRST}), Verb.CREATED)
    yield built
    await database.close()


async def test_an_endpoint_is_read_with_the_secret_that_signs(desk: Desk) -> None:
    assert desk.signing(0) == (FIRST,)
    assert [record.endpoint for record in desk.endpoints.of("acme")] == [ENDPOINT]
    assert desk.endpoints.of("globex") == []


async def test_a_change_that_brings_no_secret_keeps_the_one_there_is(desk: Desk) -> None:
    await desk.make(EndpointRecord(endpoint=replace(ENDPOINT, name="night")))

    assert desk.signing(0) == (FIRST,)


async def test_two_secrets_are_kept_while_both_sign_and_never_a_third(desk: Desk) -> None:
    await desk.rotate(2, SECOND, until=100)
    both = desk.signing(99), desk.signing(100)
    await desk.rotate(3, THIRD, until=200)

    assert both == ((SECOND, FIRST), (SECOND,))
    assert desk.signing(199) == (THIRD, SECOND)
    assert await desk.sealed() == {2: SECOND, 3: THIRD}


async def test_a_secret_that_is_replaced_at_once_is_dropped(desk: Desk) -> None:
    await desk.rotate(2, SECOND, until=None)

    assert await desk.sealed() == {2: SECOND}


async def test_the_secrets_of_a_removed_endpoint_go_with_it(desk: Desk) -> None:
    record = desk.endpoints.of("acme")[0]
    await desk.make(replace(record, ownership=replace(record.ownership, version=2, removed_at=1)), Verb.REMOVED)

    assert desk.endpoints.get(ENDPOINT.id) is None
    assert await desk.sealed() == {}
