"""`make bench`: creates and reads on each database, beside the bare framework in the same run; then reads and keys."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import authentication, reading
from bench.gateway_server import KEY
from bench.load import Figures, get, load, post
from bench.servers import HOST, Server, pin_load, process
from tests.store.postgres_server import PostgresServer

CREATES = 2_000
READS = 4_000
CONNECTIONS = 32
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Row(msgspec.Struct, frozen=True):
    """One line of the table; CPU is the server's, per request, in milliseconds."""

    name: str
    figures: Figures
    cpu: float
    before_mb: float
    after_mb: float


def creates(n: int) -> list[bytes]:
    return [post("/v1/videos", b'{"prompt":"a paper boat in the rain, take %d"}' % i, HEADERS) for i in range(n)]


def measure(name: str, server: Server, requests: list[bytes]) -> Row:
    before, cpu = server.memory_mb(), server.cpu_seconds()
    figures = asyncio.run(load(HOST, server.port, requests, CONNECTIONS))
    spent = (server.cpu_seconds() - cpu) / len(requests) * 1000
    return Row(name, figures, spent, before, server.memory_mb())


def both(name: str, server: Server, read_one: Callable[[], bytes]) -> list[Row]:
    """Creates, then reads of one of them, after a warm-up that is not counted."""
    asyncio.run(load(HOST, server.port, creates(200), CONNECTIONS))
    created = measure(f"create, {name}", server, creates(CREATES))
    return [created, measure(f"read, {name}", server, [read_one()] * READS)]


async def _newest(port: int) -> str:
    """The id of a video to read."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(get("/v1/videos?limit=1", {**HEADERS, "Connection": "close"}))
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    id: str = msgspec.json.decode(body)["data"][0]["id"]
    return id


def gateway_rows(name: str, database: str, folder: Path) -> list[Row]:
    with process("bench.gateway_server", database, str(folder)) as server:
        return both(name, server, lambda: get(f"/v1/videos/{asyncio.run(_newest(server.port))}", HEADERS))


def show(rows: list[Row]) -> None:
    print(f"{'':28} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'MB before':>10} {'after':>7}  statuses")
    for row in rows:
        f = row.figures
        print(
            f"{row.name:28} {f.rate:8.0f} {f.p50:8.2f} {f.p99:8.2f} {row.cpu:8.3f} "
            f"{row.before_mb:10.1f} {row.after_mb:7.1f}  {f.statuses}"
        )
    floor = {row.name.split(",")[0]: row.figures.rate for row in rows if row.name.endswith("bare Litestar")}
    for row in rows:
        kind = row.name.split(",")[0]
        print(f"{row.name:28} {row.figures.rate / floor[kind]:6.0%} of the bare framework's rate")


def main() -> None:
    pin_load()
    rows: list[Row] = []
    with process("bench.floor") as server:
        rows += both("bare Litestar", server, lambda: get("/v1/videos/video_0", HEADERS))
    with tempfile.TemporaryDirectory() as folder:
        rows += gateway_rows("SQLite (FULL)", f"sqlite:///{folder}/bench.db", Path(folder))
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with tempfile.TemporaryDirectory() as folder, PostgresServer(**durable) as postgres:
        rows += gateway_rows("PostgreSQL (fsync)", postgres.url(), Path(folder))
    show(rows)
    reading.main()
    authentication.main()


if __name__ == "__main__":
    main()
