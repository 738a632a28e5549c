"""What is PostgreSQL's alone: retries, lost connections, time limits, and wake-ups between replicas."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from functools import partial
from typing import Self

import asyncpg
import pytest
import structlog

from gateway.store import notify, pool
from gateway.store import postgres as engine
from gateway.store.database import (
    CommitUnknown,
    Connection,
    Database,
    Migration,
    StoreError,
    StoreUnavailable,
    UniqueViolation,
    connect,
)
from schema.errors import Overloaded

SCHEMA = Migration("0001_things", "CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT NOT NULL DEFAULT 0);\n")


@pytest.fixture(autouse=True)
async def schema(postgres: Database) -> None:
    await postgres.migrate([SCHEMA])


@pytest.fixture
async def admin(postgres_url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def put(connection: Connection, name: str) -> str:
    await connection.run("INSERT INTO things (name) VALUES (?)", name)
    return name


async def names(database: Database) -> list[str]:
    rows = await database.read(lambda connection: connection.all("SELECT name FROM things ORDER BY name"))
    return [row[0] for row in rows]


class Cut:
    """A wire to the server that breaks right after a chosen word was passed on."""

    def __init__(self, url: str) -> None:
        address = url.removeprefix("postgresql://postgres@").partition("/")
        self._host, _, self._port = address[0].partition(":")
        self._database = address[2]
        self.word: bytes | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{self._database}?sslmode=disable"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self._host, int(self._port))
        back = asyncio.create_task(self._back(server_reader, writer))
        self._tasks.append(back)
        while data := await reader.read(65_536):
            server_writer.write(data)
            if self.word is not None and self.word in data:
                back.cancel()
                await server_writer.drain()
                break
        writer.close()
        server_writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()


async def test_a_connection_lost_during_the_commit_is_said_so_and_not_tried_again(postgres, postgres_url):
    runs: list[None] = []

    async def work(connection: Connection) -> None:
        runs.append(None)
        await put(connection, "a")

    async with Cut(postgres_url) as wire:
        database = await connect(wire.url, pool=2)
        wire.word = b"COMMIT\0"
        with pytest.raises(CommitUnknown):
            await database.write(work)
        wire.word = None

        await database.ping()
        await database.close()

    assert len(runs) == 1
    assert await names(postgres) == ["a"], "this time it was committed: only a read can tell"


async def test_a_connection_lost_before_the_commit_keeps_nothing(postgres, postgres_url):
    async with Cut(postgres_url) as wire:
        database = await connect(wire.url, pool=2)
        wire.word = b"INSERT"
        with pytest.raises(StoreUnavailable) as raised:
            await database.write(partial(put, name="a"))
        wire.word = None
        await database.ping()
        await database.close()

    assert not isinstance(raised.value, CommitUnknown)
    assert await names(postgres) == []


async def test_a_connection_lost_while_undoing_does_not_hide_why(postgres, postgres_url):
    async def refuse(connection: Connection) -> None:
        await put(connection, "a")
        raise ZeroDivisionError

    async with Cut(postgres_url) as wire:
        database = await connect(wire.url, pool=2)
        wire.word = b"ROLLBACK\0"
        with pytest.raises(ZeroDivisionError):
            await database.write(refuse)
        wire.word = b"BEGIN"
        with pytest.raises(StoreUnavailable):
            await database.write(refuse)
        wire.word = None
        await database.ping()
        await database.close()

    assert await names(postgres) == []


async def test_a_constraint_that_is_judged_at_the_commit_is_named_as_any_other(postgres, admin):
    await admin.execute("ALTER TABLE things ADD CONSTRAINT sizes UNIQUE (size) DEFERRABLE INITIALLY DEFERRED")
    await postgres.write(partial(put, name="a"))

    with pytest.raises(UniqueViolation) as raised:
        await postgres.write(partial(put, name="b"))

    assert (raised.value.constraint, raised.value.columns) == ("sizes", ("size",))
    assert await names(postgres) == ["a"]


async def test_connections_that_the_server_ended_are_replaced(postgres, admin, eventually):
    await asyncio.gather(*[postgres.ping() for _ in range(5)])
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await eventually(lambda: all(session.is_closed() for _, session in postgres._pool._idle))

    await asyncio.gather(*[postgres.ping() for _ in range(5)])


async def test_a_connection_idle_for_long_is_not_trusted(postgres, monkeypatch):
    await postgres.ping()
    ((_, old),) = postgres._pool._idle
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)

    await postgres.ping()

    assert old.is_closed()


async def test_a_server_too_old_is_refused(postgres_url, monkeypatch):
    monkeypatch.setattr(engine, "OLDEST", 99)

    with pytest.raises(StoreError, match="PostgreSQL 99 or newer"):
        await connect(postgres_url)


async def test_of_two_deadlocked_works_both_end_well(postgres):
    for name in "ab":
        await postgres.write(partial(put, name=name))
    met = asyncio.Barrier(2)
    runs: list[str] = []

    async def lock(connection: Connection, first: str, second: str) -> None:
        runs.append(first)
        await connection.run("UPDATE things SET size = size + 1 WHERE name = ?", first)
        if len(runs) <= 2:  # the second try meets nobody
            await met.wait()
        await connection.run("UPDATE things SET size = size + 1 WHERE name = ?", second)

    await asyncio.gather(
        *[postgres.write(partial(lock, first=first, second=second)) for first, second in (("a", "b"), ("b", "a"))]
    )

    assert len(runs) == 3
    rows = await postgres.read(lambda connection: connection.all("SELECT size FROM things"))
    assert [row[0] for row in rows] == [2, 2]


async def test_a_lock_that_stays_taken_is_waited_for_a_few_times_only(postgres_url, admin, monkeypatch):
    monkeypatch.setitem(pool.SETTINGS, "lock_timeout", "20ms")
    database = await connect(postgres_url)
    runs: list[None] = []

    async def work(connection: Connection) -> None:
        runs.append(None)
        await connection.run("LOCK TABLE things")

    async with admin.transaction():
        await admin.execute("LOCK TABLE things")
        with pytest.raises(StoreUnavailable):
            await database.write(work)

    assert len(runs) == engine.ATTEMPTS
    await database.close()


async def test_a_statement_that_takes_too_long_is_ended(postgres_url, monkeypatch):
    monkeypatch.setitem(pool.SETTINGS, "statement_timeout", "50ms")
    database = await connect(postgres_url)

    with pytest.raises(StoreUnavailable):
        await database.read(lambda connection: connection.one("SELECT pg_sleep(20)"))

    await database.ping()
    await database.close()


async def test_a_transaction_that_idles_is_ended(postgres_url, admin, monkeypatch):
    monkeypatch.setitem(pool.SETTINGS, "idle_in_transaction_session_timeout", "50ms")
    database = await connect(postgres_url, pool=1)

    async def idle(connection: Connection) -> None:
        await put(connection, "a")
        while await admin.fetchval("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"):
            pass
        await put(connection, "b")

    with pytest.raises(StoreUnavailable):
        await database.write(idle)

    assert await names(database) == []
    await database.close()


async def test_waiting_for_a_connection_has_an_end(postgres_url, monkeypatch):
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.05)
    database = await connect(postgres_url, pool=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hog(_: Connection) -> None:
        begun.set()
        await go_on.wait()

    hogging = asyncio.create_task(database.write(hog))
    await begun.wait()
    with pytest.raises(StoreUnavailable):
        await database.ping()
    go_on.set()

    await hogging
    await database.ping()
    await database.close()


async def test_more_than_may_wait_is_refused_at_once(postgres, monkeypatch):
    monkeypatch.setattr(engine, "MAX_WAITING", 2)

    outcomes = await asyncio.gather(
        *[postgres.write(partial(put, name=name)) for name in "abc"], return_exceptions=True
    )

    assert outcomes[:2] == ["a", "b"]
    assert isinstance(outcomes[2], Overloaded)


async def test_a_snapshot_sees_one_moment(postgres):
    async def look_twice(connection: Connection) -> list[int]:
        counts = []
        for name in ("before", "between"):
            await postgres.write(partial(put, name=name + str(len(await names(postgres)))))
            row = await connection.one("SELECT count(*) FROM things")
            assert row is not None
            counts.append(row[0])
        return counts

    assert await postgres.read(look_twice, snapshot=True) == [1, 1]
    assert await postgres.read(look_twice) == [3, 4]


async def test_a_cancelled_read_harms_nobody_else(postgres_url):
    database = await connect(postgres_url, pool=1)
    begun = asyncio.Event()

    async def slow(connection: Connection, nonce: str) -> None:
        begun.set()
        await connection.one(f"SELECT '{nonce}', pg_sleep(20)")  # never prepared before

    for turns, snapshot in itertools.product(range(8), (False, True)):
        begun.clear()
        reading = asyncio.create_task(database.read(partial(slow, nonce=f"{turns}{snapshot}"), snapshot=snapshot))
        await begun.wait()
        for _ in range(turns):  # at the start, while it prepares, while it runs
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await database.ping()

    await database.close()


async def test_a_server_that_does_not_answer_is_given_up(postgres_url):
    database = await connect(postgres_url, pool=1)
    session = await pool.open_session(postgres_url, command_timeout=0.1)
    assert isinstance(database, engine.Postgres)
    database._pool._idle.append((asyncio.get_running_loop().time(), session))

    with pytest.raises(StoreUnavailable):
        await database.read(lambda connection: connection.one("SELECT pg_sleep(20)"))

    assert session.is_closed()
    await database.ping()
    await database.close()


async def test_a_table_that_changed_meanwhile_is_read_afresh(postgres, admin):
    await postgres.write(partial(put, name="a"))
    sql = "UPDATE things SET size = size + 1 RETURNING *"
    assert len(await postgres.write(lambda connection: connection.all(sql)) or []) == 1

    await admin.execute("ALTER TABLE things ADD COLUMN colour TEXT")

    rows = await postgres.write(lambda connection: connection.all(sql))
    assert tuple(rows[0]) == ("a", 2, None)


async def test_an_announcement_is_heard_by_others_once_and_not_by_oneself(postgres, postgres_url, eventually):
    other = await connect(postgres_url)
    heard_there: list[list[str]] = []
    heard_here: list[list[str]] = []
    await other.listen(heard_there.append)
    await postgres.listen(heard_here.append)
    with pytest.raises(RuntimeError):
        await postgres.listen(heard_here.append)

    await asyncio.gather(*[postgres.announce([f"video_{number % 5}", "video_0"]) for number in range(50)])
    await eventually(lambda: bool(heard_there))
    await other.announce(["back"])
    await eventually(lambda: bool(heard_here))

    assert heard_there == [["video_0", "video_1", "video_2", "video_3", "video_4"]]
    assert heard_here == [["back"]]
    await other.close()


async def test_a_listener_that_was_cut_off_comes_back_and_says_it_may_have_missed_some(
    postgres, postgres_url, admin, eventually
):
    other = await connect(postgres_url)
    heard: list[list[str]] = []
    await other.listen(heard.append)

    for _ in range(2):
        heard.clear()
        killed = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await eventually(lambda: [] in heard)
        await postgres.announce(["video_1"])
        await eventually(lambda: ["video_1"] in heard)

        assert killed == 1
        assert heard == [[], ["video_1"]]

    await other.close()


async def test_a_listener_waits_out_a_server_that_refuses(postgres_url, monkeypatch, eventually):
    monkeypatch.setattr(notify, "RECONNECT_SECONDS", (0.01,))
    database = await connect(postgres_url)
    assert isinstance(database, engine.Postgres)
    heard: list[list[str]] = []
    await database.listen(heard.append)
    listener = database._listener
    assert listener is not None
    tries: list[None] = []
    really = listener._connect

    async def down() -> "asyncpg.Connection[asyncpg.Record]":
        tries.append(None)
        if len(tries) < 4:
            raise StoreUnavailable("starting up")
        return await really()

    monkeypatch.setattr(listener, "_connect", down)
    session = await asyncpg.connect(postgres_url)
    await session.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    await session.close()
    await eventually(lambda: heard == [[]])

    assert len(tries) == 4
    await database.close()


async def test_a_listener_finds_out_about_a_dead_peer_by_asking(postgres_url, monkeypatch, eventually):
    monkeypatch.setattr(notify, "HEARTBEAT_SECONDS", 0.01)
    async with Cut(postgres_url) as wire:
        database = await connect(wire.url)
        heard: list[list[str]] = []
        wire.word = b"SELECT 1"
        await database.listen(heard.append)
        await eventually(lambda: heard != [])
        wire.word = None
        await database.close()

    assert heard[0] == []


async def test_a_callback_that_raises_does_not_end_the_listening(postgres, postgres_url, eventually):
    other = await connect(postgres_url)
    heard: list[list[str]] = []

    def clumsy(topics: list[str]) -> None:
        heard.append(topics)
        raise ValueError(topics)

    await other.listen(clumsy)
    for topic in ("one", "two"):
        await postgres.announce([topic])
        await eventually(lambda topic=topic: [topic] in heard)

    await other.close()


async def test_what_strangers_say_on_the_channel_is_ignored(postgres, postgres_url, admin, eventually):
    heard: list[list[str]] = []
    await postgres.listen(heard.append)
    for nonsense in ("", "hello", "[]", '{"a":1}', '["x", 1]'):
        await admin.execute("SELECT pg_notify('filmgate', $1)", nonsense)
    other = await connect(postgres_url)
    await other.announce(["video_1"])
    await eventually(lambda: heard != [])

    assert heard == [["video_1"]]
    await other.close()


async def test_an_announcement_that_can_not_be_sent_is_only_logged(postgres_url, monkeypatch, eventually):
    monkeypatch.setattr(notify, "CHANNEL", "x" * 100)  # longer than a channel's name may be
    database = await connect(postgres_url)

    with structlog.testing.capture_logs() as logged:
        await database.announce(["video_1"])
        await eventually(lambda: bool(logged))

    assert logged[0]["event"] == "store.announce_failed"
    await database.close()
