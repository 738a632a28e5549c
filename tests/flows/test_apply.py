"""A configuration file applied to a database: once and for all, all of it or nothing, and noticed by every replica."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.config.settings import KeySetup, Settings, TenantSetup
from gateway.footing import Footing, footing
from gateway.services.configuration import CanNotApply
from gateway.services.directory import Keeper
from gateway.services.vault import MasterKeyMissing
from gateway.store.database import StoreUnavailable, UniqueViolation, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Transaction
from providers.registry import by_name
from schema.account import Account, Secret
from schema.clock import SystemClock
from schema.directory import Directory
from schema.errors import Unauthenticated
from schema.tenant import RoutingPolicy, Tenant, TenantLimits
from schema.trail import TrailWish
from schema.video import Strategy
from tests.store.rows import a_video, keep
from tests.support.running import SECRET_KEY, Setup, settings_for

KEY = "fg_live_a_key_of_acme_0123456789"
VEO = Account(id="veo", provider="veo3o1", base_url="https://veo3o1.com/api", credential=Secret("a credential"))
TABLES = ("tenants", "api_keys", "account_setups", "sealed", "trail", "policies", "revision", "accounts")


def declared(
    tmp_path: Path, url: str | None, *tenants: TenantSetup, accounts: tuple[Account, ...] = (VEO,)
) -> Settings:
    setup = Setup(folder=tmp_path, database_url=url)
    whole = settings_for(setup, accounts, sandbox_url="http://127.0.0.1:1", public_url="http://127.0.0.1:2")
    return replace(whole, tenants=tenants or (acme(),))


def acme(*keys: str, routing: RoutingPolicy | None = None, **facts: Any) -> TenantSetup:
    tenant = Tenant(id="acme", name="Acme", **facts)
    if routing is not None:
        tenant = replace(tenant, routing=routing)
    given = tuple(KeySetup(secret=Secret(key)) for key in keys or (KEY,))
    return TenantSetup(tenant=tenant, keys=given, routed_by_file=routing is not None)


@asynccontextmanager
async def ground(settings: Settings) -> AsyncIterator[tuple[Footing, Store]]:
    database = await connect(settings.database.url, pool=4, exclusive=False)
    try:
        await database.migrate(packaged())
        store = Store(database)
        yield await footing(settings, store), store
    finally:
        await database.close()


async def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    async def every(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
        connection = tx.trail._connection
        return {table: sorted(map(tuple, await connection.all(f"SELECT * FROM {table}")), key=repr) for table in TABLES}

    return await store.read(every, snapshot=True)


async def test_applied_twice_the_second_time_changes_nothing(tmp_path, database_url):
    settings = declared(tmp_path, database_url, acme(routing=RoutingPolicy(strategy=Strategy.FASTEST)))
    async with ground(settings) as (on, store):
        first = await on.configuration.apply(settings)
        before = await dump(store)
        second = await on.configuration.apply(settings)

        assert [change.action for change in first] == ["account.created", "tenant.created", "api_key.created"]
        assert second == []
        assert await dump(store) == before


async def test_a_plan_says_what_would_change_and_changes_nothing(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        before = await dump(store)
        other = replace(
            settings, tenants=(acme(KEY, "fg_live_another_key_0123456789", origins=("https://a.example",)),)
        )

        plan = await on.configuration.plan(other)

        assert [change.action for change in plan] == ["tenant.updated", "api_key.created"]
        assert plan[0].after == {"origins": ["https://a.example"]}
        assert await dump(store) == before


async def test_an_apply_that_fails_in_the_middle_changes_nothing_at_all(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    twice = replace(settings, tenants=(acme(KEY), replace(acme(KEY), tenant=Tenant(id="other", name="Other"))))
    async with ground(settings) as (on, store):
        before = await dump(store)

        with pytest.raises(UniqueViolation):  # one key for two tenants, which the checker would have refused
            await on.configuration.apply(twice)

        assert await dump(store) == before


async def test_what_is_applied_is_noticed_by_a_replica_that_looks(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (one, _), ground(settings) as (two, _):
        await one.configuration.apply(settings)
        assert await two.keeper.refresh()
        assert two.callers.principal(KEY).tenant.name == "Acme"

        await one.configuration.apply(replace(settings, tenants=(acme("fg_live_the_new_key_0123456789"),)))

        assert await two.keeper.refresh()
        assert not await two.keeper.refresh()
        assert two.callers.principal("fg_live_the_new_key_0123456789").tenant.id == "acme"
        with pytest.raises(Unauthenticated):
            two.callers.principal(KEY)


async def test_a_new_credential_is_the_next_version_and_the_former_one_is_kept_for_what_was_sent_with_it(
    tmp_path, database_url
):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        await on.configuration.apply(replace(settings, accounts=(replace(VEO, credential=Secret("the next one")),)))
        await on.keeper.refresh()

        configured = on.accounts.get("veo")
        assert configured is not None
        account = configured[0]
        assert (account.credential, account.credential_version) == (Secret("the next one"), 2)
        assert on.accounts.as_sent(account, 1).credential == Secret("a credential")
        on.accounts.drop("veo", 1)
        assert on.accounts.as_sent(account, 1) == account
        kept = await store.read(lambda tx: tx.trail.page(None, 1, TrailWish(subject="veo")))
        assert (kept[0].action, kept[0].before, kept[0].after) == (
            "account.updated",
            {"credential": "kept"},
            {"credential": "new"},
        )


async def test_what_the_file_no_longer_names_works_no_more_and_is_there_again_when_it_does(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, _):
        await on.configuration.apply(settings)
        house = TenantSetup(tenant=Tenant(id="house", name="House"))
        await on.configuration.apply(replace(settings, tenants=(house,), accounts=(replace(VEO, id="other"),)))
        await on.keeper.refresh()
        assert [tenant.id for tenant in on.tenants.all()] == ["house"]
        assert [account.id for account, _ in on.accounts.all()] == ["other"]
        assert on.accounts.once("veo") is not None
        with pytest.raises(Unauthenticated):
            on.callers.principal(KEY)

        await on.configuration.apply(settings)
        await on.keeper.refresh()

        assert on.callers.principal(KEY).tenant.id == "acme"
        assert [account.id for account, _ in on.accounts.all()] == ["veo"]


async def test_a_file_without_tenants_leaves_them_and_their_keys_as_they_are(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        before = await dump(store)

        assert await on.configuration.apply(replace(settings, tenants=())) == []
        assert await on.configuration.apply(replace(settings, tenants=(), accounts=())) == []

        assert await dump(store) == before


async def test_a_live_tenant_is_never_made_a_test_tenant_nor_back(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        before = await dump(store)

        with pytest.raises(CanNotApply, match="whether acme is a test tenant is for good"):
            await on.configuration.apply(replace(settings, tenants=(acme(test=True),)))

        assert await dump(store) == before


async def test_limits_that_change_hold_for_the_next_request(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, _):
        await on.configuration.apply(settings)
        await on.keeper.refresh()
        await on.configuration.apply(replace(settings, tenants=(acme(limits=TenantLimits(queued=7)),)))
        await on.keeper.refresh()

        assert on.callers.principal(KEY).tenant.limits.queued == 7


async def test_applied_by_many_at_once_it_is_applied_once(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, store):
        made = await asyncio.gather(*(on.configuration.apply(settings) for _ in range(8)))

        assert sorted(len(changes) for changes in made) == [0] * 7 + [3]
        assert len(await store.read(lambda tx: tx.trail.page(None, 100))) == 3


async def test_what_newcomers_need_and_could_not_be_given_is_given_with_the_next_look(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    asked: list[Directory] = []

    async def settle(newcomers: Directory) -> None:
        asked.append(newcomers)
        if len(asked) == 1:
            raise StoreUnavailable("the database is away for a moment", retry_after_seconds=1)

    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        keeper = Keeper(store=store, vault=on.vault, kinds=by_name(), adopters=(), settle=settle, clock=SystemClock())
        with pytest.raises(StoreUnavailable):
            await keeper.refresh()
        assert await keeper.refresh()
        assert not await keeper.refresh()

    assert [record.tenant.id for record in asked[1].tenants] == ["acme"]
    assert len(asked) == 2


# the master key


async def test_a_master_key_that_does_not_open_what_is_there_is_refused_by_name(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, _):
        await on.configuration.apply(settings)
        key_id = next(iter(await on.vault.counts()))
    other = replace(settings, secrets=replace(settings.secrets, key=Secret("another master key, which is long enough")))

    with pytest.raises(MasterKeyMissing, match=f"under the master key {key_id}.*secrets.previous"):
        async with ground(other):
            pass


async def test_everything_goes_under_a_new_master_key_and_the_root_stays(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    new = Secret("another master key, which is long enough")
    async with ground(settings) as (on, _):
        await on.configuration.apply(settings)
        root = on.root
    both = replace(settings, secrets=replace(settings.secrets, key=new, previous=(SECRET_KEY,)))
    async with ground(both) as (on, _):
        done = await on.vault.rekey()
        assert (done.moved, done.left) == (2, 0)
        assert (await on.vault.rekey()).moved == 0

    async with ground(replace(both, secrets=replace(settings.secrets, key=new, previous=()))) as (on, _):
        await on.keeper.refresh()
        assert on.root == root
        assert on.callers.principal(KEY).tenant.id == "acme"
        configured = on.accounts.get("veo")
        assert configured is not None
        assert configured[0].credential == VEO.credential


async def test_a_database_that_is_older_than_sealed_secrets_keeps_what_its_tokens_hung_on(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    database = await connect(settings.database.url, pool=2, exclusive=False)
    try:
        await database.migrate(packaged())
        await keep(Store(database), a_video())
    finally:
        await database.close()

    async with ground(settings) as (on, _):
        assert on.root == SECRET_KEY


async def test_a_fresh_database_has_a_root_that_no_master_key_tells(tmp_path, database_url):
    settings = declared(tmp_path, database_url)
    async with ground(settings) as (on, _):
        root = on.root
    async with ground(settings) as (on, _):
        assert on.root == root != SECRET_KEY
        assert len(root.reveal()) >= 43
