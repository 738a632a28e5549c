"""What a key or a token holds open: a stream of events, a socket, a request that waits; and what each is told last."""

import asyncio

import httpx

from gateway.graphql.controller import PATH
from tests.graphql.asking import EVENTS, socket


def bearer(key: str, **headers: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **headers}


async def events(at: httpx.AsyncClient, key: str, video: str, begun: asyncio.Event) -> str:
    """Everything a stream of events tells, until it ends."""
    body, told = {"query": EVENTS, "variables": {"id": video}}, ""
    headers = bearer(key, accept="text/event-stream")
    async with at.stream("POST", PATH, json=body, headers=headers) as response:
        assert response.status_code == 200
        async for piece in response.aiter_text():
            told += piece
            begun.set()
    return told


async def held(at: httpx.AsyncClient, key: str, video: str) -> int:
    """What a request that waits for the video is answered in the end."""
    response: httpx.Response = await at.get(f"/v1/videos/{video}", headers=bearer(key, prefer="wait=25"))
    return response.status_code


async def watched(url: str, key: str, video: str, begun: asyncio.Event) -> int | None:
    """What a socket that watches the video closes with."""
    async with socket(url, key) as ws:
        await ws.subscribe("1", EVENTS, id=video)
        await ws.next()
        begun.set()
        return await ws.closed()
