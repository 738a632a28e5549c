"""Receivers of webhooks for tests: real servers on loopback that remember what came, and answer as they are told."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.policy.standard_webhooks import make_secret
from gateway.services.tenant_secrets import next_secret
from gateway.services.vault import ENDPOINT_SECRET
from gateway.store.store import Transaction
from gateway.wiring import Gateway
from schema.account import Secret
from schema.endpoint import Endpoint, EndpointRecord
from schema.ids import ENDPOINT
from schema.ownership import Ownership


@dataclass(frozen=True)
class Call:
    """One POST as it came, and how it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event


NEVER = 0
"""The status of an answer that does not come."""

HUNG_UP = -1
"""The status of a connection that ends instead."""

Answering = Callable[[int, str], tuple[int, dict[str, str]]]
"""From how many calls came before and the path to a status and headers."""


@dataclass
class Receiver:
    """``answer`` may be changed at any time."""

    answer: Answering = lambda n, path: (204, {})
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def accepted(self) -> list[Call]:
        return [call for call in self.calls if call.status == 204]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until what came makes it true, for half a minute at most."""
        async with asyncio.timeout(30):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                path = line.split(" ")[1]
                status, more = self.answer(len(self.calls), path)
                self.calls.append(Call(path=path, headers=headers, body=body, status=status))
                self.news.set()
                if status == HUNG_UP:
                    return
                if status == NEVER:
                    await reader.read()  # until the caller has enough
                    return
                extra = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{extra}\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()


@asynccontextmanager
async def receiving(answer: Answering | None = None, *, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine, until the end of the block."""
    receiver = Receiver() if answer is None else Receiver(answer=answer)
    server = await asyncio.start_server(receiver.talk, "127.0.0.1", port)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for connection in receiver.connections:
            connection.close()


async def endpoint(gateway: Gateway, url: str, *, tenant: str = "acme", **facts: Any) -> tuple[str, Secret]:
    """An endpoint of a tenant that is told of everything, and its secret."""
    now = gateway.clock.now()
    id, secret = gateway.ids.make(ENDPOINT, now), make_secret(lambda n: bytes(range(n)))
    record = EndpointRecord(
        endpoint=Endpoint(id=id, tenant=tenant, url=url, **facts), ownership=Ownership(created_at=now, updated_at=now)
    )

    async def work(tx: Transaction) -> None:
        await tx.revision.lock()
        await gateway.ground.vault.put(tx, ENDPOINT_SECRET, id, secret.reveal())
        await tx.webhook_endpoints.put(record)
        await tx.revision.move()

    await gateway.store.write(work)
    await gateway.ground.keeper.refresh()
    return id, secret


async def told(gateway: Gateway, count: int, *, video: str = "video_1", tenant: str = "acme", first: int = 1) -> None:
    """So many events of one video, each in a transaction of its own."""
    from schema.event import Event, EventType

    for seq in range(first, first + count):
        event = Event(
            id=gateway.ids.event(gateway.clock.now()),
            tenant=tenant,
            video=video,
            seq=seq,
            type=EventType.PROGRESS,
            at=gateway.clock.now(),
            data={"status": "in_progress", "progress": seq},
        )

        async def tell(tx: Transaction, event: Event = event) -> None:
            tx.events.add(event)

        await gateway.store.write(tell)


async def tenant_secret(gateway: Gateway, tenant: str = "acme") -> Secret:
    """What signs what a tenant's videos tell the addresses that they are given; made anew."""
    now = gateway.clock.now()

    async def work(tx: Transaction) -> Secret:
        await tx.revision.lock()
        made = await next_secret(tx, gateway.ground.vault, tenant, until=None, now=now, entropy=os.urandom)
        await tx.revision.move()
        return made.current

    secret = await gateway.store.write(work)
    await gateway.ground.keeper.refresh()
    return secret
