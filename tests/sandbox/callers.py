"""Callers of the sandbox: plain HTTP, as an upstream's customer would write it, and a webhook receiver."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

import httpx

from gateway.sandbox.server import Sandbox
from schema.clock import Millis

GENERATE = (
    "mutation Generate($input: GenerateInput!) "
    "{ generate(input: $input) { id status type provider url metadata creditCost createdAt } }"
)
GENERATION = "query($id: ID!) { generation(id: $id) { id status url metadata creditCost createdAt error } }"
START: Millis = 1_790_000_000_000
PATIENCE = 60.0


async def until(is_so: Callable[[], bool]) -> None:
    """Let the others work until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - what is watched has no event, and needs none outside tests
            await asyncio.sleep(0)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> Millis:
        return self.time


class Veo:
    def __init__(self, client: httpx.AsyncClient, sandbox: Sandbox, key: str = "sandbox-veo3o1-key") -> None:
        self._client, self._url = client, sandbox.veo3o1_url
        self._headers = {"Authorization": f"Bearer {key}"}

    async def generate(self, prompt: str = "a fox", **more: Any) -> httpx.Response:
        body = {"generationType": "text_to_video", "prompt": prompt, **more}
        return await self.post(body)

    async def post(self, body: Any) -> httpx.Response:
        return await self._client.post(f"{self._url}/generate-video", json=body, headers=self._headers)

    async def uuid(self, prompt: str = "a fox", **more: Any) -> str:
        answer = (await self.generate(prompt, **more)).json()
        assert answer["code"] == 0, answer
        uuid: str = answer["data"]["uuid"]
        return uuid

    async def status(self, uuid: str) -> httpx.Response:
        return await self._client.get(f"{self._url}/video-status/{uuid}", headers=self._headers)

    async def data(self, uuid: str) -> dict[str, Any]:
        data: dict[str, Any] = (await self.status(uuid)).json()["data"]
        return data

    async def upload(self, content: bytes, field: str = "file") -> httpx.Response:
        files = {field: ("picture.bin", content, "application/octet-stream")}
        return await self._client.post(f"{self._url}/upload-video-image", files=files, headers=self._headers)


class Doitong:
    def __init__(self, client: httpx.AsyncClient, sandbox: Sandbox, key: str = "sandbox-doitong-key") -> None:
        self._client, self._url, self._key = client, sandbox.doitong_url, key

    async def generate(self, prompt: str = "a lake", *, key: str | None = None, **options: Any) -> httpx.Response:
        wish = {"type": "VIDEO", "provider": "veo3", "input": {"text": prompt}, "options": options}
        return await self.ask(GENERATE, {"input": wish}, key=key)

    async def id(self, prompt: str = "a lake", *, key: str | None = None, **options: Any) -> str:
        answer = (await self.generate(prompt, key=key, **options)).json()
        assert "errors" not in answer, answer
        job_id: str = answer["data"]["generate"]["id"]
        return job_id

    async def generation(self, job_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.ask(GENERATION, {"id": job_id})).json()["data"]["generation"]
        return shown

    async def ask(self, query: str, variables: Any = None, *, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}"} | ({"Idempotency-Key": key} if key else {})
        body = {"query": query, "variables": variables}
        return await self._client.post(f"{self._url}/graphql", json=body, headers=headers)

    async def rest(self, prompt: str = "a lake", *, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {"X-API-Key": self._key} | ({"Idempotency-Key": key} if key else {})
        body = {"service": "veo3", "prompt": prompt, **more}
        return await self._client.post(f"{self._url}/v1/text_to_video", json=body, headers=headers)

    async def rest_video(self, job_id: str) -> httpx.Response:
        return await self._client.get(f"{self._url}/v1/videos/{job_id}", headers={"X-API-Key": self._key})


class Desk:
    """The sandbox's own routes."""

    def __init__(self, client: httpx.AsyncClient, sandbox: Sandbox) -> None:
        self._client, self._url = client, sandbox.url

    async def truth(self) -> dict[str, Any]:
        books: dict[str, Any] = (await self._client.get(f"{self._url}/truth")).json()
        return books

    async def account(self, name: str) -> dict[str, Any]:
        accounts: list[dict[str, Any]] = (await self.truth())["accounts"]
        return next(account for account in accounts if account["name"] == name)

    async def control(self, **knobs: Any) -> httpx.Response:
        return await self._client.post(f"{self._url}/control", json=knobs)

    async def reset(self) -> None:
        (await self._client.post(f"{self._url}/truth/reset")).raise_for_status()


class Hook:
    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers, self.body = headers, body
        self.json: dict[str, Any] = json.loads(body)


class Receiver:
    """Listens for webhooks, keeps them in the order they come, and answers as it is told, 200 when it is not."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self._hooks: asyncio.Queue[Hook] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def is_quiet(self) -> bool:
        return self._hooks.empty()

    async def next(self) -> Hook:
        async with asyncio.timeout(PATIENCE):
            return await self._hooks.get()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        hook = Hook(headers, await reader.readexactly(int(headers["content-length"])))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        self._hooks.put_nowait(hook)
