"""What a transaction costs: CPU microseconds of this process, on both engines, at one caller and at many.

    python -m bench.store_bench [sqlite|postgres] …

A write is four INSERTs in one transaction, durable (SQLite at FULL, PostgreSQL with fsync); a read is one row by key.
CPU figures hold on any machine; operations a second depend on the disk.
"""

import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial

from gateway.store.database import Connection, Database, Migration, connect
from tests.store.postgres_server import PostgresServer

TABLES = ("keys", "holds", "videos", "events")
SCHEMA = Migration(
    "0001_bench",
    "".join(
        f"CREATE TABLE {table} (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, made BIGINT NOT NULL, body TEXT NOT NULL);\n"
        for table in TABLES
    ),
)
INSERTS = tuple(f"INSERT INTO {table} (id, tenant, made, body) VALUES (?, ?, ?, ?)" for table in TABLES)
BODY = '{"prompt":"' + "a fox runs through snow " * 15 + '"}'
SECONDS = 2.0

numbers = itertools.count()


async def four_inserts(connection: Connection, id: str) -> str:
    for sql in INSERTS:
        await connection.run(sql, id, "tenant", 1_700_000_000_000, BODY)
    return id


async def one_row(connection: Connection, id: str) -> object:
    return await connection.one("SELECT id, tenant, made, body FROM videos WHERE id = ? AND tenant = ?", id, "tenant")


async def write(database: Database) -> object:
    return await database.write(partial(four_inserts, id=f"video_{next(numbers):026}"))


async def read(database: Database) -> object:
    return await database.read(partial(one_row, id="video_known"))


async def measure(name: str, operation: Callable[[], Awaitable[object]], callers: int) -> None:
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    async def call() -> None:
        while (begun := time.perf_counter()) < end:
            await operation()
            waits.append(time.perf_counter() - begun)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[call() for _ in range(callers)])
    cpu, took = time.process_time() - cpu, time.perf_counter() - started
    waits.sort()
    p50, p99 = (waits[int(len(waits) * share)] * 1e3 for share in (0.5, 0.99))
    print(
        f"{name:26} c={callers:<3} CPU {cpu / len(waits) * 1e6:6.1f} µs   {len(waits) / took:8,.0f}/s"
        f"   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms"
    )


async def bench(url: str) -> None:
    database = await connect(url)
    await database.migrate([SCHEMA])
    await database.write(partial(four_inserts, id="video_known"))
    for callers in (1, 32):
        await measure(f"{database.name} write", partial(write, database), callers)
    for callers in (1, 32):
        await measure(f"{database.name} read", partial(read, database), callers)
    await database.close()


def main(engines: list[str]) -> None:
    if "sqlite" in engines:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(bench(f"sqlite:///{folder}/bench.db"))
    if "postgres" in engines:
        with PostgresServer(fsync="on", synchronous_commit="on", full_page_writes="on") as server:
            asyncio.run(bench(server.url()))


if __name__ == "__main__":
    main(sys.argv[1:] or ["sqlite", "postgres"])
