"""Row-level security on PostgreSQL: what a transaction reaches, for every table there is, and whoever logs in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from gateway.store.bound import ROLE, scoped
from gateway.store.database import Connection, Database, StoreError, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Transaction
from gateway.store.tasks import TaskKind
from schema import ledger
from schema.ledger import MICROS_UNIT, Entry, EntryKind, Posting
from tests.store.rows import NOW, a_video, an_attempt, keep

Admin = Any
UNTENANTED = {"schema_migrations"}
"""The only table without rows of anybody's."""

TABLES = "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
COUNTED = "SELECT count(*) FROM {}"


@pytest.fixture
async def store(postgres: Database) -> Store:
    await postgres.migrate(packaged())
    return Store(postgres)


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator[Admin]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def both(store: Store) -> Store:
    """A video, an attempt, a task and a balance of two tenants each."""
    await keep(store, a_video(), an_attempt())
    await keep(store, a_video("video_2", tenant="other"), an_attempt("att_2", video="video_2", tenant="other"))

    async def add(tx: Transaction) -> None:
        for n, tenant in (("1", "acme"), ("2", "other")):
            await tx.tasks.add(TaskKind.SUBMIT, f"video_{n}", NOW)
            await tx.ledger.post(a_top_up(f"led_{n}", tenant), luck=0)

    await store.write(add)
    return store


def a_top_up(id: str, tenant: str, kind: EntryKind = EntryKind.TOP_UP) -> Entry:
    own = ledger.available(tenant)
    postings = (Posting(ledger.held(tenant), MICROS_UNIT, -5), Posting(own, MICROS_UNIT, 5))
    return Entry(id=id, kind=kind, at=NOW, tenant=tenant, postings=postings)


async def count(database: Database, table: str, tenant: str | None = None, *, snapshot: bool = False) -> int:
    row = await database.read(lambda tx: tx.one(COUNTED.format(table)), tenant=tenant, snapshot=snapshot)
    assert row is not None
    return int(row[0])


# every table


async def test_every_table_has_a_forced_policy(store, admin):
    """A new table says in its migration whose its rows are: ``SELECT isolate('…', 'tenant'); -- postgresql only``."""
    tables = await admin.fetch(f"SELECT relname, relrowsecurity, relforcerowsecurity {TABLES}")
    policies = await admin.fetch("SELECT tablename, policyname, roles, cmd, permissive FROM pg_policies")

    loose = {name for name, on, forced in tables if not (on and forced)}
    assert loose == UNTENANTED
    assert sorted({name for name, *_ in tables} - UNTENANTED) == sorted(table for table, *_ in policies), "one each"
    assert {name for _, name, *_ in policies} == {"engine", "tenants"}
    assert {(tuple(roles), cmd, how) for _, _, roles, cmd, how in policies} == {(("public",), "ALL", "PERMISSIVE")}


async def test_every_table_that_names_a_tenant_has_said_whether_the_tenant_reaches_it(store, admin):
    named = await admin.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant'"
    )
    reached = {
        table for (table,) in await admin.fetch("SELECT tablename FROM pg_policies WHERE policyname = 'tenants'")
    }

    assert {table for (table,) in named} - reached == {"resolutions", "incidents", "shares"}, "the engine's alone"


# what a transaction reaches


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("table", ["videos", "attempts", "tasks", "entries"])
async def test_a_tenant_sees_its_own_rows_and_the_engine_all(both, table, snapshot):
    assert await count(both.database, table, "acme", snapshot=snapshot) == 1
    assert await count(both.database, table, "other", snapshot=snapshot) == 1
    assert await count(both.database, table, "nobody", snapshot=snapshot) == 0
    assert await count(both.database, table, snapshot=snapshot) == 2


async def test_a_tenant_s_balances_are_told_by_their_names_and_not_by_names_that_look_alike(both):
    await both.write(lambda tx: tx.ledger.post(a_top_up("led_3", "a.me"), luck=0))
    await both.write(lambda tx: tx.ledger.post(a_top_up("led_4", "a_me"), luck=0))

    for tenant in ("acme", "other", "a.me", "a_me"):
        rows = await both.database.read(lambda tx: tx.all("SELECT account FROM balances"), tenant=tenant)
        assert {str(row[0]).split(":")[1] for row in rows} == {tenant}


async def test_what_providers_cost_us_is_the_engine_s_alone(both):
    await both.write(lambda tx: tx.ledger.post(a_top_up("led_3", "acme", EntryKind.COST), luck=0))

    assert await count(both.database, "entries", "acme") == 1
    assert await count(both.database, "entries") == 3


@pytest.mark.parametrize("table", ["accounts", "instance", "hooks", "shares", "incidents", "resolutions", "estimates"])
async def test_a_tenant_s_transaction_reaches_nothing_of_the_engine_s(both, admin, table):
    await admin.execute("INSERT INTO accounts (id) VALUES ('veo-main')")
    await admin.execute("INSERT INTO hooks VALUES ('veo3o1', '0', 'att_1', 1)")
    await admin.execute("INSERT INTO shares VALUES ('veo-main', '', 1), ('veo-main', 'acme', 1)")

    assert await count(both.database, table, "acme") == 0


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO spending (tenant, period, amount) VALUES ('other', '2026', 1)",
        "INSERT INTO tasks VALUES ('submit', 'video_2', 1) ON CONFLICT (kind, subject) DO UPDATE SET due = 2",
        "UPDATE videos SET tenant = 'other' WHERE id = 'video_1'",
        "INSERT INTO balances VALUES ('cost:veo-main', 'micros', 0, 1)",
    ],
)
async def test_a_tenant_s_transaction_can_not_write_what_is_another_s(both, sql):
    with pytest.raises(StoreError, match="row-level security"):
        await both.database.write(lambda tx: tx.run(sql), tenant="acme")


async def test_a_tenant_s_transaction_changes_none_of_another_s_rows(both):
    changed = await both.database.write(lambda tx: tx.run("UPDATE videos SET progress = 7"), tenant="acme")
    dropped = await both.database.write(lambda tx: tx.run("DELETE FROM tasks"), tenant="acme")

    assert (changed, dropped) == (1, 1)
    assert (await both.read(lambda tx: tx.videos.peek("video_2"))).progress == 0
    assert await both.read(lambda tx: tx.tasks.exists(TaskKind.SUBMIT, "video_2"))


@pytest.mark.parametrize("setting", ["", "''"])
async def test_whoever_does_not_say_whose_rows_it_wants_sees_none(both, postgres_url, setting):
    told = {} if not setting else {"filmgate.scope": ""}
    session = await asyncpg.connect(postgres_url, server_settings={"role": ROLE, **told})

    assert await session.fetchval(COUNTED.format("videos")) == 0
    assert await session.fetchval(COUNTED.format("shares")) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("INSERT INTO spending (tenant, period, amount) VALUES ('', '2026', 1)")
    await session.close()


@pytest.mark.parametrize("tenant", ["", "*", "a'b", "a b", "x'; SET LOCAL filmgate.scope = '*", "acme\n", "-a"])
def test_nobody_can_be_called_what_would_say_something_else(tenant):
    with pytest.raises(StoreError):
        scoped("BEGIN", tenant)


# sessions


async def test_a_connection_that_served_one_tenant_carries_nothing_over_to_the_next(both, postgres_url):
    alone = await connect(postgres_url, pool=1)

    async def refuse(connection: Connection) -> None:
        await connection.one("SELECT 1")
        raise ZeroDivisionError

    for _ in range(3):
        assert await count(alone, "videos", "acme") == 1
        assert await count(alone, "videos") == 2
        with pytest.raises(ZeroDivisionError):
            await alone.write(refuse, tenant="acme")
        with pytest.raises(StoreError):
            await alone.read(lambda tx: tx.one("SELECT nothing"), tenant="acme")
        assert await count(alone, "videos") == 2
        assert await count(alone, "videos", "nobody") == 0
    await alone.close()


async def test_many_tenants_at_once_on_few_connections_each_see_their_own(both, postgres_url):
    few = await connect(postgres_url, pool=2)

    async def own(tenant: str) -> set[str]:
        rows = await few.read(lambda tx: tx.all("SELECT tenant FROM videos"), tenant=tenant)
        return {str(row[0]) for row in rows}

    tenants = ["acme", "other", "nobody"] * 30
    seen = await asyncio.gather(*map(own, tenants))

    assert seen == [{tenant} - {"nobody"} for tenant in tenants]
    await few.close()


async def test_a_superuser_s_sessions_act_as_somebody_who_is_bound(both):
    row = await both.database.read(lambda tx: tx.one("SELECT session_user, current_user"))

    assert tuple(row or ()) == ("postgres", ROLE)


# logins


async def login(admin: Admin, url: str, name: str, about: str) -> str:
    """The URL of the database for a role of its own."""
    await admin.execute(f"CREATE ROLE {name} LOGIN {about}")
    await admin.execute(f"GRANT ALL ON SCHEMA public TO {name}")
    return url.replace("postgres@", f"{name}@")


async def test_a_plain_login_that_owns_the_tables_is_bound_too(admin, postgres_url):
    url = await login(admin, postgres_url, "plain_owner", "")
    database = await connect(url, pool=2)
    await database.migrate(packaged())
    await keep(Store(database), a_video(), a_video("video_2", tenant="other"))

    who = await database.read(lambda tx: tx.one("SELECT current_user"))
    assert tuple(who or ()) == ("plain_owner",)
    assert await count(database, "videos", "acme") == 1
    assert await count(database, "videos") == 2
    await database.close()


async def test_a_login_above_policies_that_can_not_act_as_another_is_refused(
    store, admin, postgres_server, postgres_url
):
    url = await login(admin, postgres_url, "above_all", "BYPASSRLS")

    with pytest.raises(StoreError, match=r"row-level security.*above_all.*GRANT filmgate_app TO above_all"):
        await connect(url)

    await admin.execute(f"GRANT {ROLE} TO above_all")
    database = await connect(url, pool=1)
    assert await count(database, "videos") == 0
    await database.close()


async def test_replicas_that_start_together_in_several_databases_agree_on_the_role(postgres_server):
    names = [f"together_{n}" for n in range(3)]
    urls = [await postgres_server.create(name) for name in names]

    databases = await asyncio.gather(*(connect(url, pool=1) for url in urls for _ in range(3)))
    await asyncio.gather(*(database.migrate(packaged()) for database in databases))
    counts = [await count(database, "videos", "acme") for database in databases]

    assert counts == [0] * 9
    for database in databases:
        await database.close()
    for name in names:
        await postgres_server.drop(name)


async def test_tables_that_were_there_before_the_role_are_given_to_it(postgres, admin, postgres_url):
    """As after an upgrade, or when somebody else migrated."""
    await postgres.migrate(packaged())
    await admin.execute(f"REVOKE ALL ON videos FROM {ROLE}")

    again = await connect(postgres_url, pool=1)

    assert await count(again, "videos") == 0
    await again.close()
