"""Requests whose bodies are still on their way when the key they came with is revoked: nothing is done by them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.app import build_app
from gateway.services.hands import Hand
from gateway.services.keys import Made
from gateway.wiring import Gateway, Seams, gateway
from schema.api_key import KeyWish
from schema.tenant import Scope
from tests.flows.engine import settings
from tests.flows.holding import bearer
from tests.support.certificates import certificates

OPERATOR = Hand(actor="house …1234", scopes=frozenset({Scope.OPERATOR}))
SCOPES = frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.TENANT_ADMIN, Scope.OPERATOR})
JSON, FORM = "application/json", "multipart/form-data; boundary=x"
CREATE = 'mutation { createVideo(input: {prompt: "a boat"}) { __typename } }'
PROMPT = b'--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na boat\r\n--x--\r\n'


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(settings(tmp_path), Seams(verify=certificates())) as made:
        yield made


async def made(built: Gateway) -> Made:
    acme = built.tenants.get("acme")
    assert acme is not None
    return await built.keys.create(acme, KeyWish(scopes=SCOPES), by=OPERATOR)


async def sent(built: Gateway, key: Made, path: str, kind: str, body: bytes, between: Callable[[], Awaitable[object]]):
    """The answer to a request that has only half arrived when something happens."""

    async def halves() -> AsyncIterator[bytes]:
        yield body[:3]
        await between()  # the first half was asked for, so the key was looked at
        yield body[3:]

    app: Any = build_app(built)  # two libraries write one protocol's types differently
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        headers = bearer(key.text.reveal(), **{"content-type": kind, "if-match": '"1"'})
        return await client.post(path, content=halves(), headers=headers)


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/v1/keys", JSON, b'{"scopes": ["videos:read"]}'),
        ("/v1/accounts", JSON, b'{"id": "mine", "provider": "veo3o1", "credential": "a-key"}'),
        ("/v1/admin/tenants", JSON, b'{"id": "late"}'),
        ("/v1/videos", JSON, b'{"prompt": "a boat"}'),
        ("/v1/videos", FORM, PROMPT),
        ("/v1/video_batches", JSON, b'{"videos": [{"prompt": "a boat"}]}'),
        ("/graphql", JSON, msgspec.json.encode({"query": CREATE})),
    ],
)
async def test_a_key_that_is_revoked_while_its_request_arrives_does_nothing_by_it(built, path, kind, body):
    key = await made(built)
    before = built.ground.keeper.directory

    async def revoke() -> None:
        await built.keys.revoke("acme", key.key.id, by=OPERATOR)

    response = await sent(built, key, path, kind, body, revoke)

    after = built.ground.keeper.directory
    assert response.status_code == 401, response.text
    assert "was revoked" in response.text
    made_since = {stored.key.id for stored in after.keys} - {stored.key.id for stored in before.keys}
    assert made_since == set()
    assert (after.tenants, after.accounts) == (before.tenants, before.accounts)


async def test_a_request_that_arrives_in_pieces_is_done_while_its_key_works(built):
    body = b'{"scopes": ["videos:read"]}'
    response = await sent(built, await made(built), "/v1/keys", JSON, body, lambda: asyncio.sleep(0))

    assert response.status_code == 201, response.text
