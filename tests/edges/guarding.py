"""A gateway whose server has little patience, for what clients do to it that are slow, gone, too loud or not HTTP's."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace

from gateway.config.settings import ServerSettings
from gateway.ports import listen
from gateway.serving import serving
from gateway.wiring import Gateway, Seams, gateway
from schema.luck import Luck
from tests.flows.engine import settings
from tests.support.certificates import certificates
from tests.support.databases import migrated
from tests.support.running import ACME_KEY
from tests.support.wire import Reply

BOUNDS = ServerSettings(
    head_seconds=0.2, body_seconds=0.2, answer_seconds=0.4, idle_seconds=30, max_head_bytes=4096, max_connections=500
)


@dataclass
class Door:
    """Where it listens, and a client that behaves."""

    gateway: Gateway
    port: int
    client: httpx.AsyncClient


@asynccontextmanager
async def guarded(folder: Path, *, luck: Luck = random.random, **bounds: Any) -> AsyncIterator[Door]:
    await migrated(folder / "filmgate.db")
    made = settings(folder)
    made = replace(made, server=replace(BOUNDS, **bounds))
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    headers = {"authorization": f"Bearer {ACME_KEY}"}
    async with (
        gateway(made, Seams(verify=certificates(), luck=luck)) as built,
        serving(built, listener=listener, worker=False),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=30) as client,
    ):
        yield Door(built, port, client)


def refused(reply: Reply, status: int, code: str) -> None:
    """It is a refusal like any other, and the connection's last word."""
    assert (reply.status, reply.json["code"], reply.json["status"]) == (status, code, status), reply
    assert reply.headers["link"] == f'</problems/{code}>; rel="describedby"'
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["connection"] == "close"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-request-id"] == reply.json["request_id"] != ""
    assert reply.json["error"]["message"] == reply.json["detail"]
