"""What reading costs at both doors, beside the bare framework that answers with the same bytes.

All rows take turns, in the same run and over as many connections; a row's figure is the median of its rounds. CPU is
the server's own, per request. ``python -m bench.reading [ROUNDS]`` is this part alone.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.gateway_server import KEY
from bench.load import Figures, get, load, post
from bench.servers import HOST, Server, pin_load, process

ROUNDS = 9
CONNECTIONS = 8
VIDEOS = 60
PAGE = 50
HEADERS = {"Authorization": f"Bearer {KEY}"}

FACTS = """
id status substate progress prompt model quality seconds aspectRatio imageUrl metadata createdAt completedAt expiresAt
error { code message } provider account queuePosition etaSeconds providerMayStillBill credits contentUrl reusedFrom
cost { currency quotedLowMicros quotedMicros heldMicros chargedMicros } adjustments { field }
attempts { id number account provider state verdict providerRef startedAt endedAt creditsLow creditsHigh micros }
extraOutputs { attempt } version
"""
"""All that REST says of a video."""

USUAL = """
id status progress prompt model createdAt completedAt contentUrl error { code message }
cost { quotedMicros chargedMicros }
"""
"""What a page shows that lists videos."""


class Kind(msgspec.Struct):
    """One row: where it is asked, what, how often a round, and what each round cost."""

    name: str
    server: Server
    request: bytes
    count: int
    spent: list[float] = []
    rates: list[float] = []
    seen: dict[int, int] = {}

    def turn(self) -> None:
        before = self.server.cpu_seconds()
        figures: Figures = asyncio.run(load(HOST, self.server.port, [self.request] * self.count, CONNECTIONS))
        self.spent.append((self.server.cpu_seconds() - before) / self.count * 1e6)
        self.rates.append(figures.rate)
        self.seen = figures.statuses

    @property
    def cpu(self) -> float:
        return statistics.median(self.spent)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def query(text: str) -> bytes:
    return post("/graphql", json.dumps({"query": text}).encode(), HEADERS)


async def answered(port: int, request: bytes) -> tuple[bytes, bytes]:
    """The head and the body of an answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


def prepare(server: Server, folder: Path) -> tuple[str, bytes]:
    """Videos to be read, and REST's answers for the bare framework to give: an id, and the video's ETag."""

    async def made() -> tuple[str, bytes]:
        for n in range(VIDEOS):
            await answered(server.port, post("/v1/videos", b'{"prompt":"a paper boat, take %d"}' % n, HEADERS))
        _, page = await answered(server.port, get(f"/v1/videos?limit={PAGE}", HEADERS))
        id: str = json.loads(page)["data"][0]["id"]
        head, one = await answered(server.port, get(f"/v1/videos/{id}", HEADERS))
        (folder / "one").write_bytes(one)
        (folder / "page").write_bytes(page)
        tag = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"etag:"))
        return id, tag.partition(b":")[2].strip()

    return asyncio.run(made())


def kinds(bare: Server, server: Server, id: str, tag: bytes) -> list[Kind]:
    one, page = f"/v1/videos/{id}", f"/v1/videos?limit={PAGE}"
    known = {**HEADERS, "If-None-Match": tag.decode()}

    def video(fields: str) -> bytes:
        return query(f'{{ video(id: "{id}") {{ {fields} }} }}')

    def videos(fields: str) -> bytes:
        return query(
            f"{{ videos(first: {PAGE}) {{ edges {{ node {{ {fields} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )

    return [
        Kind("one, bare Litestar", bare, get(one, HEADERS), 1000),
        Kind("one, REST", server, get(one, HEADERS), 500),
        Kind("one, REST, 304", server, get(one, known), 500),
        Kind("one, GraphQL, usual", server, video(USUAL), 500),
        Kind("one, GraphQL, all", server, video(FACTS), 300),
        Kind("page, bare Litestar", bare, get(page, HEADERS), 500),
        Kind("page, REST", server, get(page, HEADERS), 100),
        Kind("page, GraphQL, usual", server, videos(USUAL), 100),
        Kind("page, GraphQL, all", server, videos(FACTS), 50),
    ]


def show(rows: list[Kind]) -> None:
    print(f"\n{'reading':24} {'CPU µs':>8} {'req/s':>8} {'of bare rate':>13} {'CPU / REST':>11}  statuses")
    by_name = {row.name: row for row in rows}
    for row in rows:
        what = row.name.partition(",")[0]
        bare, rest = by_name[f"{what}, bare Litestar"], by_name[f"{what}, REST"]
        ratios = f"{row.rate / bare.rate:13.0%} {row.cpu / rest.cpu:11.2f}"
        print(f"{row.name:24} {row.cpu:8.0f} {row.rate:8.0f} {ratios}  {row.seen}")


def main(rounds: int = ROUNDS) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with process("bench.gateway_server", f"sqlite:///{folder}/bench.db", str(folder)) as server:
            id, tag = prepare(server, folder)
            with process("bench.floor", str(folder)) as bare:
                rows = kinds(bare, server, id, tag)
                for row in rows:  # a round that does not count
                    row.turn()
                    row.spent.clear()
                    row.rates.clear()
                for _ in range(rounds):
                    for row in rows:
                        row.turn()
                show(rows)


if __name__ == "__main__":
    pin_load()
    main(*map(int, sys.argv[1:]))
