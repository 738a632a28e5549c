"""Three tenants of one gateway: acme, who has everything, other, who has a little, and bare, who has nothing.

Acme plants words of its own in all it asks for. What it is ever told is what nobody else may be told.
"""

import asyncio
import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport
from msgspec.structs import replace

from gateway.config.settings import KeySetup, TenantSetup
from gateway.ports import listen
from gateway.sandbox.server import serve
from gateway.serving import serving
from gateway.wiring import Gateway, Seams, gateway
from schema.account import Secret
from schema.tenant import Funding, FundingMode, Scope, Tenant
from tests.flows.engine import until
from tests.graphql.asking import post
from tests.support.certificates import certificates
from tests.support.pictures import png
from tests.support.receiving import endpoint
from tests.support.running import ACME_KEY, ADMIN_KEY, FAST, Setup, sandbox_accounts, settings_for

CANARY = "wagtail-of-acme"
"""Stands in every word that acme gives: prompts, metadata, keys, notes."""

KEYS = {"acme": ACME_KEY, "other": "fg_test_other_9876543210zyxwvutsrqp", "bare": "fg_test_bare_0123456789abcdefghijkl"}
_ALL = frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.TENANT_ADMIN})
_ID = re.compile(r"(?:video|batch|att|evt|led|res|inc|img|whe|msg)_[0-9a-hjkmnp-tv-z]{26}(?:\.\d+)?")
_CURSOR = re.compile(r'"(?:cursor|startCursor|endCursor)":"([\w-]+)"')
_WISHES = {
    "completed": "[sim:instant] a boat",
    "failed": "[sim:fail] a boat",
    "unknown": "[sim:drop-after-accept] a boat",
    "running": "[sim:stuck] a boat",
    "late": "[sim:slow] a boat",
}
"""What becomes of acme's videos; the late one is canceled, and its file comes all the same."""
_LEDGER = "{ ledger(first: 50) { pageInfo { startCursor endCursor } edges { cursor node { id } } } }"
_VIDEOS = "{ videos(first: 50) { edges { cursor node { id attempts { id } extraOutputs { attempt } } } } }"
_IMAGES = "{ images { edges { cursor node { id } } } }"
_EVENTS = "subscription ($id: ID!) { videoEvents(id: $id, afterSeq: 0) { id seq } }"


@dataclass
class Town:
    """A gateway, a door to it for each tenant, and acme's things."""

    gateway: Gateway
    url: str
    doors: dict[str, httpx.AsyncClient]
    videos: dict[str, str] = field(default_factory=dict)
    endpoint: str = ""
    told: str = ""

    @property
    def ids(self) -> list[str]:
        """Every id that acme was told, of any kind, and every cursor."""
        return sorted({*_ID.findall(self.told), *_CURSOR.findall(self.told)})

    def some(self, of_a_kind: int) -> list[str]:
        """Acme's name, some videos or all, and so many of every other kind of id."""
        kinds: dict[str, list[str]] = {}
        for id in self.ids:
            kinds.setdefault(_kind(id), []).append(id)
        chosen = [id for kind, ids in kinds.items() if kind != "video" for id in ids[:of_a_kind]]
        fates = self.videos if of_a_kind > 1 else ("completed", "running", "late")
        return ["acme", *(self.videos[fate] for fate in fates), *chosen]

    async def wish(self, door: str, prompt: str, key: str | None = None, **more: Any) -> dict[str, Any]:
        headers = {} if key is None else {"idempotency-key": key}
        body = {"prompt": prompt, **more}
        answer = await self.doors[door].post("/v1/videos", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        video: dict[str, Any] = answer.json()
        return video


@asynccontextmanager
async def town(folder: Path, database_url: str | None) -> AsyncIterator[Town]:
    """All three of them, at rest: what can end has ended."""
    funding = Funding(mode=FundingMode.PREPAID, opening=10**9, per_day=10**10, per_month=10**10)
    timing = replace(FAST, video_deadline_seconds=3_600)
    setup = Setup(folder=folder, database_url=database_url, funding=funding, timing=timing)
    async with serve(setup.sandbox) as sandbox, AsyncExitStack() as stack:
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        accounts = sandbox_accounts(sandbox, setup)
        made = settings_for(setup, accounts, sandbox_url=sandbox.url, public_url=url)
        settings = replace(made, tenants=tuple(_tenant(id, funding) for id in KEYS))
        built = await stack.enter_async_context(gateway(settings, Seams(verify=certificates())))
        await stack.enter_async_context(serving(built, listener=listener))
        doors = {id: await stack.enter_async_context(_door(url, key)) for id, key in KEYS.items()}
        here = Town(gateway=built, url=url, doors=doors)
        await _settle(here)
        yield here


def _kind(id: str) -> str:
    """What an id names; of a cursor, with ``v1:`` before it."""
    return (id if "_" in id else urlsafe_b64decode(id + "==").decode()).partition("_")[0]


def _tenant(id: str, funding: Funding) -> TenantSetup:
    keys = tuple(KeySetup(secret=Secret(key), scopes=_ALL) for key in (KEYS[id], *([ADMIN_KEY] * (id == "acme"))))
    return TenantSetup(tenant=Tenant(id=id, name=id, funding=funding, test=True), keys=keys)


def _door(url: str, key: str) -> httpx.AsyncClient:
    headers, quick = {"authorization": f"Bearer {key}"}, AiohttpTransport()  # a crawl asks thousands of times
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False, transport=quick)


async def _settle(here: Town) -> None:
    """Acme has an endpoint where nobody answers. Other asks for a video; then acme for some of every fate, alone and
    together, and it changes its policy.
    """
    here.endpoint, _ = await endpoint(here.gateway, f"http://127.0.0.1:1/{CANARY}")
    own = await here.wish("other", "[sim:instant] a barge")
    await here.gateway.events.wait("other", own["id"], 30)
    about = {"metadata": {"film": CANARY}}
    for fate, prompt in _WISHES.items():
        only = {"gateway": {"only": ["veo-main"]}} if fate == "unknown" else {}
        video = await here.wish("acme", f"{prompt} {CANARY}", f"{CANARY}-{fate}", **about, **only)
        here.videos[fate] = video["id"]
    wishes = [{"prompt": f"[sim:instant] {CANARY} {n}", **about} for n in range(2)]
    batch = await here.doors["acme"].post(
        "/v1/video_batches", json={"videos": wishes}, headers={"idempotency-key": f"{CANARY}-batch"}
    )
    assert batch.status_code == 202, batch.text
    here.videos["of a batch"] = batch.json()["videos"][0]["id"]
    picture = await here.doors["acme"].post("/v1/images", files={"file": png(64, 36)})
    assert picture.status_code == 201, picture.text
    changed = await here.doors["acme"].patch(
        "/v1/tenant", json={"routing": {"max_wait_seconds": 1234}, "note": CANARY}, headers={"if-match": '"1"'}
    )
    assert changed.status_code == 200, changed.text
    await _endpoint(here)
    await _cancel(here)
    for fate in ("completed", "failed", "unknown", "of a batch"):
        await here.gateway.events.wait("acme", here.videos[fate], 30)
    here.told = await _all_told(here, batch.text)


async def _endpoint(here: Town) -> None:
    hook = {"url": "https://8.8.8.8/hooks", "name": CANARY, "event_types": ["credits.low"]}
    made = await here.doors["acme"].post("/v1/webhook_endpoints", json=hook)
    secret = await here.doors["acme"].post("/v1/webhook_secret/rotate")
    assert (made.status_code, secret.status_code) == (201, 200), made.text


async def _cancel(here: Town) -> None:
    async def begun() -> bool:
        videos = [await here.gateway.videos.get("acme", here.videos[fate]) for fate in ("late", "running")]
        return all(video.started_at is not None for video in videos)

    async def came() -> bool:
        return (await here.gateway.videos.seen("acme", here.videos["late"])).outputs != []

    await until(begun)
    answer = await here.doors["acme"].post(f"/v1/videos/{here.videos['late']}/cancel")
    assert answer.status_code == 200, answer.text
    await until(came, 30)


async def _all_told(here: Town, batch: str) -> str:
    """All that acme can read of its own, by every route and both doors."""
    acme, ids = here.doors["acme"], list(here.videos.values())
    paths = [
        "/v1/videos?limit=100",
        "/v1/images",
        "/v1/webhook_endpoints",
        "/v1/ledger?limit=100",
        "/v1/tenant",
        "/v1/tenant/policies",
        "/v1/balance",
    ]
    paths += [f"/v1/videos/{id}{what}" for id in ids for what in ("", "/route", "/receipt")]
    paths.append(f"/v1/webhook_endpoints/{here.endpoint}/deliveries?limit=100")
    answers = [await acme.get(path) for path in paths]
    answers += [await post(acme, query) for query in (_LEDGER, _VIDEOS, _IMAGES)]
    streams = await asyncio.gather(*(_streamed(acme, id) for id in ids if id != here.videos["running"]))
    return "\n".join([batch, *(answer.text for answer in answers), *streams])


async def _streamed(acme: httpx.AsyncClient, id: str) -> str:
    return (await post(acme, _EVENTS, {"accept": "text/event-stream"}, id=id)).text
