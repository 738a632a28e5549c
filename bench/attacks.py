"""``python -m bench.attacks``: what each attack takes of a server, and what ordinary callers feel of them."""

import asyncio
import tempfile
from pathlib import Path

import msgspec

from bench.gateway_server import KEY
from bench.load import Figures, load, post
from bench.servers import HOST, Server, pin_load, process
from tests.support.attacks import ATTACKS, attack

HEADERS = {"Authorization": f"Bearer {KEY}"}
TIMES = 40
"""How often each attack is sent, one after the other; the processor's clock ticks a hundred times a second."""
ORDINARY = 3_000
CALLERS = 8
ATTACKS_A_SECOND = 1.0
"""What a tenant may send that is limited to sixty reads a minute."""
MOST_MS, MOST_RATIO = 50.0, 1.5
_PAGE = b'{"query": "{ videos { edges { cursor node { id status } } } }"}'


class Row(msgspec.Struct, frozen=True):
    """One attack; the server's CPU for one request, in milliseconds."""

    name: str
    cpu: float
    statuses: dict[int, int]


def requests(name: str, count: int) -> list[bytes]:
    body, _ = attack(name)
    return [post("/graphql", _renamed(body, number), HEADERS) for number in range(count)]


def _renamed(body: bytes, number: int) -> bytes:
    """The same attack in a text that was not sent before: what the server remembers costs it nothing."""
    for opening in (b'"query": "{', b'"query": "query', b'"query": "mutation'):
        body = body.replace(opening, opening[:10] + b"," * (number + 1) + opening[10:], 1)
    return body


def measure(name: str, server: Server) -> Row:
    asyncio.run(load(HOST, server.port, requests(name, 2), 1))
    before = server.cpu_seconds()
    figures = asyncio.run(load(HOST, server.port, requests(name, TIMES + 2)[2:], 1))
    return Row(name, (server.cpu_seconds() - before) / TIMES * 1000, figures.statuses)


async def ordinary(server: Server, *, attacked: bool) -> Figures:
    """Pages of videos, alone or beside somebody who sends every attack in turn."""
    attacking = asyncio.create_task(_attack(server)) if attacked else None
    figures = await load(HOST, server.port, [post("/graphql", _PAGE, HEADERS)] * ORDINARY, CALLERS)
    if attacking is not None:
        attacking.cancel()
        await asyncio.wait({attacking})
    return figures


async def _attack(server: Server) -> None:
    number = 100
    while True:
        for name in ATTACKS:
            number += 1
            await load(HOST, server.port, [requests(name, 1)[0]], 1)
            await asyncio.sleep(1 / ATTACKS_A_SECOND)


def show(rows: list[Row], alone: Figures, beside: Figures) -> bool:
    """The tables; whether everything is within its bounds."""
    for row in sorted(rows, key=lambda row: -row.cpu):
        mark = "" if row.cpu <= MOST_MS else f"  MORE THAN {MOST_MS:.0f} ms"
        print(f"{row.name:52} {row.cpu:7.2f} ms CPU  {row.statuses}{mark}")
    ratio = beside.p99 / alone.p99
    print(f"\n{'':28} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for name, figures in (("a page, alone", alone), ("a page, beside attacks", beside)):
        print(f"{name:28} {figures.rate:8.0f} {figures.p50:8.2f} {figures.p99:8.2f}  {figures.statuses}")
    print(f"p99 beside attacks is {ratio:.2f} of p99 alone; {MOST_RATIO} at most")
    return all(row.cpu <= MOST_MS for row in rows) and ratio <= MOST_RATIO


def main() -> None:
    pin_load()
    with (
        tempfile.TemporaryDirectory() as folder,
        process("bench.gateway_server", f"sqlite:///{folder}/bench.db", str(Path(folder))) as server,
    ):
        rows = [measure(name, server) for name in ATTACKS]
        asyncio.run(ordinary(server, attacked=False))
        alone = asyncio.run(ordinary(server, attacked=False))
        beside = asyncio.run(ordinary(server, attacked=True))
    if not show(rows, alone, beside):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
