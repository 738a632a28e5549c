"""Secrets are planted everywhere one can stand, and looked for wherever they could come out: none is found in clear."""

import asyncio
import hashlib
import hmac
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import httpx
import pytest

from tests.flows.engine import until
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, speaking
from tests.support.figures import told
from tests.support.nursery import ROOT

PLANTED = {
    "MASTER_KEY": "PLANTEDmaster7hQ2vXz9LmWp4RtKcJy8",
    "FORMER_MASTER": "PLANTEDformer3kS8bNw6DfGj1VxMqZa5",
    "VEO_CREDENTIAL": "PLANTED-veo-credential-5b1f",
    "DOITONG_CREDENTIAL": "PLANTED-doitong-credential-9c2e",
    "HOOK_SECRET": "PLANTED-hook-secret-77aa",
    "ACME_KEY": "fg_test_PLANTED_acme_Xy7Qw2Lm9Rt4",
    "ADMIN_KEY": "fg_test_PLANTED_admin_Pz3Kd8Vn5Hs1",
    "OPERATOR_KEY": "fg_test_PLANTED_house_Tb6Yc0Jr2Wf8",
}
OWN_CREDENTIAL, OWN_HOOK_SECRET = "PLANTED-own-credential-d41d", "PLANTED-own-hook-secret-e8f9"
NEXT_CREDENTIAL = "PLANTED-next-credential-aa07"
GUESSED = "fg_live_PLANTEDguessedguessedguessedguessed0"
"""A key that is none, sent all the same: it may be somebody's elsewhere."""


@dataclass
class Heard:
    """What came out: every answer, except that the one which gives a secret away once may hold it."""

    answers: list[bytes] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    async def hook(self, response: httpx.Response) -> None:
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.multi_items())
        self.answers.append(head.encode() + b"\n\n" + await response.aread())

    def once(self, response: httpx.Response, name: str) -> str:
        """The secret an answer gives away, which from now on may stand nowhere."""
        assert response.status_code < 300, response.text
        secret: str = response.json()[name]
        self.answers.pop()
        self.given.append(secret)
        return secret


def _toml(place: Place, upstreams: Upstreams, database: str) -> str:
    def key(name: str, *scopes: str) -> str:
        return f'{{ env = "{name}", scopes = {json.dumps(scopes)} }}'

    return f"""
[server]
listen = "{place.url.removeprefix("http://")}"
public_url = "{place.url}"
[database]
url = {{ env = "DATABASE" }}
[secrets]
key = {{ env = "MASTER_KEY" }}
previous = [{{ env = "FORMER_MASTER" }}]
[assets]
url = "file://{place.folder}/assets"
[egress]
allow = ["{upstreams.url}"]
[worker]
poll_seconds = 0.1
[observability]
log_level = "debug"
[timing]
poll_min_seconds = 0.1
poll_max_seconds = 0.4
submit_deadline_seconds = 5
[[accounts]]
id = "veo"
provider = "veo3o1"
base_url = "{upstreams.veo3o1_url}"
credential = {{ env = "VEO_CREDENTIAL" }}
price_per_credit = "0.20"
limits = {{ per_minute = 600 }}
sandbox = true
[[accounts]]
id = "doitong"
provider = "doitong"
base_url = "{upstreams.doitong_url}"
credential = {{ env = "DOITONG_CREDENTIAL" }}
webhook_secrets = [{{ env = "HOOK_SECRET" }}]
price_per_credit = "0.001"
sandbox = true
[[tenants]]
id = "acme"
test = true
keys = [
  {key("ACME_KEY", "videos:read", "videos:write")},
  {key("ADMIN_KEY", "videos:read", "videos:write", "tenant:admin")},
]
[[tenants]]
id = "house"
test = true
keys = [{key("OPERATOR_KEY", "operator")}]
"""


def _upstream_accounts() -> list[dict[str, Any]]:
    veo = {"name": "veo3o1", "provider": "veo3o1", "key": PLANTED["VEO_CREDENTIAL"], "credits": 10_000}
    doitong = {"name": "doitong", "provider": "doitong", "key": PLANTED["DOITONG_CREDENTIAL"], "credits": 1_000_000}
    return [veo, {**doitong, "webhook_secret": PLANTED["HOOK_SECRET"]}]


@pytest.fixture
async def served(tmp_path: Path, database_url: str | None) -> AsyncIterator[tuple[Server, str]]:
    """``filmgate serve`` itself, at log level debug, and its database's address."""
    database = database_url or f"sqlite:///{tmp_path}/filmgate.db"
    async with sandbox_process(tmp_path, speed=200, accounts=_upstream_accounts()) as upstreams:
        place = Place(tmp_path / "server", address())
        place.config.write_text(_toml(place, upstreams, database))
        async with _serve(place, database) as server:
            yield server, database


@asynccontextmanager
async def _serve(place: Place, database: str) -> AsyncIterator[Server]:
    with (place.folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.cli", "serve", "-c", str(place.config)),
            cwd=place.folder,
            env={"PYTHONPATH": str(ROOT), "DATABASE": database, **PLANTED},
            stdout=log,
            stderr=log,
        )
    async with speaking(place, process) as server:
        yield server


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_no_planted_secret_is_found_in_the_database_the_log_or_any_answer(served):
    server, database = served
    heard = Heard()
    async with httpx.AsyncClient(
        base_url=server.place.url, timeout=30, trust_env=False, event_hooks={"response": [heard.hook]}
    ) as client:
        await _use(client, heard, server)
        videos = (await client.get("/v1/videos", headers=bearer(PLANTED["ACME_KEY"]))).json()["data"]
        assert {video["status"] for video in videos} == {"completed", "failed"}
    assert await server.terminated() == 0

    log = (server.place.folder / "log").read_bytes()
    kept = await _kept(server.place.folder.parent, database)
    files = b"".join(path.read_bytes() for path in server.place.folder.rglob("*") if path.is_file())
    sources = {"the database": kept, "the log": log, "its files": files, "answers": b"\n".join(heard.answers)}
    secrets = [*PLANTED.values(), OWN_CREDENTIAL, OWN_HOOK_SECRET, NEXT_CREDENTIAL, GUESSED, *heard.given]
    sizes = ", ".join(f"{len(bytes_):,} bytes of {name}" for name, bytes_ in sources.items())
    told(f"{len(secrets)} secrets looked for in {sizes}")

    found = [(name, secret) for name, bytes_ in sources.items() for secret in secrets if secret.encode() in bytes_]
    assert found == []
    assert b'"configuration.reloaded"' in log
    assert len(heard.given) >= 4
    assert b"a film for the search" in kept  # what is looked through is what was written


async def _use(client: httpx.AsyncClient, heard: Heard, server: Server) -> None:
    """Everything that takes a secret, or could echo one."""
    acme, admin, operator = (bearer(PLANTED[name]) for name in ("ACME_KEY", "ADMIN_KEY", "OPERATOR_KEY"))
    for prompt, account in (("a film for the search", "veo"), ("another", "doitong"), ("[sim:fail]", "veo")):
        wish = {"prompt": prompt, "gateway": {"only": [account]}}
        made = await client.post("/v1/videos", json=wish, headers={**acme, "prefer": "wait=30"})
        assert made.status_code in (200, 202), made.text
        video = made.json()["id"]
        await server.ended(video, PLANTED["ACME_KEY"])
        for part in ("", "/route", "/content", "/receipt"):
            await client.get(f"/v1/videos/{video}{part}", headers=acme)

    # keys and tokens, made and misused
    key = heard.once(await client.post("/v1/keys", json={"name": "leak test"}, headers=admin), "key")
    await client.get("/v1/videos", headers=bearer(key))
    token = heard.once(
        await client.post(
            "/v1/client_tokens", json={"scopes": ["videos:read", "videos:write"], "creates": 1}, headers=bearer(key)
        ),
        "token",
    )
    await client.get("/v1/videos", headers=bearer(token))
    await client.get("/v1/keys", headers=bearer(token))
    await client.get(f"/v1/videos/{video}/content", params={"token": token})
    create = (
        "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeySuccess { key } } }"
    )
    asked = await client.post("/graphql", json={"query": create, "variables": {"input": {"name": "x"}}}, headers=admin)
    heard.answers.pop()
    heard.given.append(asked.json()["data"]["createApiKey"]["key"])
    listed = (await client.get("/v1/keys", headers=admin)).json()["data"]
    rotated = await client.post(f"/v1/keys/{listed[0]['id']}/rotate", json={}, headers=admin)
    heard.once(rotated, "key")
    await client.delete(f"/v1/keys/{listed[-1]['id']}", headers=admin)

    # secrets that sign webhooks, made and rotated; nothing is ever told to that address
    hook = {"url": "https://8.8.8.8/hooks", "event_types": ["credits.low"]}
    made = await client.post("/v1/webhook_endpoints", json=hook, headers=admin)
    endpoint = made.json()["id"]
    heard.once(made, "signing_secret")
    keep = {"keep_old_secret_active_for_24_hours": True}
    for path in (f"/v1/webhook_endpoints/{endpoint}/rotate_secret", "/v1/webhook_secret/rotate"):
        heard.once(await client.post(path, json=keep, headers=admin), "signing_secret")
    for path in ("/v1/webhook_endpoints", f"/v1/webhook_endpoints/{endpoint}", "/v1/webhook_secret"):
        await client.get(path, headers=admin)

    # an own account, given, tested, changed
    own = {"id": "own", "provider": "doitong", "base_url": (await _base_url(client, operator)), "sandbox": True}
    secrets = {"credential": OWN_CREDENTIAL, "webhook_secrets": [OWN_HOOK_SECRET]}
    made = await client.post("/v1/accounts", json={**own, **secrets}, headers=admin)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    await client.post(f"/v1/accounts/{id}/test", headers=admin)
    await client.post(f"/v1/accounts/{id}/credential", json={"credential": NEXT_CREDENTIAL}, headers=admin)
    await client.post(f"/v1/accounts/{id}/credential", json={"credential": [NEXT_CREDENTIAL]}, headers=admin)
    await client.post("/v1/accounts", json={**own, **secrets, "plam": 1}, headers=admin)
    await client.post("/v1/accounts", content=json.dumps({**own, **secrets})[:-1], headers=admin)
    for path in ("/v1/accounts", "/v1/tenant", "/v1/keys", "/v1/providers", "/v1/audit", "/v1/client_tokens"):
        await client.get(path, headers=admin)
    for path in ("accounts", "tenants", "audit", "audit/export", "secrets", "configuration", "incidents"):
        await client.get(f"/v1/admin/{path}", headers=operator)
    await client.post("/v1/admin/secrets/rekey", json={"note": "leak test"}, headers=operator)

    # secrets where they do not belong
    for headers in (bearer(GUESSED), {"authorization": f"Basic {GUESSED}"}, {"authorization": GUESSED}):
        await client.get("/v1/videos", headers=headers)
    await client.get(f"/v1/videos/{GUESSED}", headers=acme)
    await client.get("/v1/videos", params={"after": GUESSED, "api_key": GUESSED}, headers=acme)
    await client.post("/graphql", json={"query": "{ viewer { tenant { id } } }"}, headers=bearer(GUESSED))
    body = json.dumps({"id": "nobody", "status": "completed"}).encode()
    signature = hmac.new(PLANTED["HOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    for sent in (signature, "00", PLANTED["HOOK_SECRET"]):
        await client.post("/hooks/doitong/nobody", content=body, headers={"x-doitong-signature": f"sha256={sent}"})
    await _read_again(client, operator, server)


async def _read_again(client: httpx.AsyncClient, operator: dict[str, str], server: Server) -> None:
    """The file, as it is, by a SIGHUP; until the server says that it was."""

    log = server.place.folder / "log"

    async def was_read() -> bool:
        await client.get("/v1/admin/configuration", headers=operator)
        return b"configuration.reloaded" in log.read_bytes()

    server.process.send_signal(signal.SIGHUP)
    await until(was_read, 60)


async def _base_url(client: httpx.AsyncClient, operator: dict[str, str]) -> str:
    setups = (await client.get("/v1/admin/accounts/setups", headers=operator)).json()["data"]
    return str(next(one["base_url"] for one in setups if one["provider"] == "doitong"))


async def _kept(folder: Path, url: str) -> bytes:
    """Everything the database holds: its files where it is one, and every row as text."""
    if url.startswith("sqlite"):
        files = b"".join(path.read_bytes() for path in folder.glob("filmgate.db*"))
        connection = apsw.Connection(url.removeprefix("sqlite:///"))
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = [list(connection.execute(f'SELECT * FROM "{name}"')) for name in names]
        return files + repr(rows).encode()
    session = await asyncpg.connect(url)
    try:
        tables = await session.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return repr([await session.fetch(f'SELECT * FROM "{name}"') for (name,) in tables]).encode()
    finally:
        await session.close()
