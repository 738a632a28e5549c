"""Videos' files: shared, expired, deleted, swept, linked, and never one too few; on both databases."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.probe import Point
from gateway.wiring import Seams
from schema.clock import Millis, SystemClock
from schema.tenant import Retention
from tests.flows.engine import until
from tests.rest.answers import problem
from tests.support.certificates import certificates
from tests.support.running import FAST, Running, Setup, configured, running

WISH = {"prompt": "a paper boat [sim:instant]"}
REUSE = {"reuse": {"within_seconds": 3600}}
DAY = 86_400_000


class Later:
    """The machine's clock, and as much later as a test says."""

    def __init__(self) -> None:
        self.by: Millis = 0

    def now(self) -> Millis:
        return SystemClock().now() + self.by


class Crash(Exception):
    """Work ends here, as a process would."""


class Here:
    def __init__(self, pair: Running, folder: Path, clock: Later, crash: set[Point]) -> None:
        self.pair = pair
        self.assets = folder / "assets"
        self.clock = clock
        self.crash = crash

    async def made(self, **wish: Any) -> dict[str, Any]:
        created = await self.pair.create(**{**WISH, **wish})
        return await self.pair.finished(created["id"])

    async def content(self, id: str, **headers: str) -> httpx.Response:
        return await self.pair.client.get(f"/v1/videos/{id}/content", headers=headers)

    async def delete(self, id: str) -> httpx.Response:
        return await self.pair.client.delete(f"/v1/videos/{id}")

    def files(self) -> list[Path]:
        return [path for path in self.assets.rglob("*") if path.is_file()]

    async def swept(self) -> None:
        await self.pair.gateway.sweeping.sweep()

    async def keep(self, days: int) -> None:
        """From now on acme's files are kept so long."""
        setups = tuple(
            replace(setup, tenant=replace(setup.tenant, retention=Retention(days=days)))
            if setup.tenant.id == "acme"
            else setup
            for setup in self.pair.gateway.settings.tenants
        )
        await configured(self.pair.gateway, tenants=setups)


@pytest.fixture
async def here(tmp_path: Path, database_url: str | None) -> AsyncIterator[Here]:
    clock, crash = Later(), set[Point]()

    def probe(point: Point) -> None:
        if point in crash:
            crash.remove(point)
            raise Crash

    seams = Seams(verify=certificates(), clock=clock, probe=probe)
    timing = replace(FAST, sweep_seconds=3600)  # only the test sweeps
    async with running(Setup(folder=tmp_path, database_url=database_url, timing=timing, seams=seams)) as pair:
        yield Here(pair, tmp_path, clock, crash)


async def test_an_equal_wish_has_the_same_file_for_nothing_and_one_s_end_is_not_the_other_s(here: Here):
    first = await here.made(metadata={"n": "1"})
    before = (await here.pair.client.get("/v1/balance")).json()
    quote = (await here.pair.client.post("/v1/quotes", json={**WISH, "gateway": REUSE})).json()

    second = await here.pair.create(**WISH, metadata={"n": "2"}, gateway=REUSE)

    cost = second["gateway"]["cost"]
    assert (second["status"], second["gateway"]["reused_from"]) == ("completed", first["id"])
    assert (cost["quoted_micros"], cost["held_micros"], cost["charged_micros"]) == (0, 0, None)
    assert (quote["reused_from"], quote["high_micros"], quote["id"]) == (first["id"], 0, None)
    assert (await here.pair.client.get("/v1/balance")).json() == before
    assert (await here.pair.client.get("/v1/ledger")).json()["data"][0]["video_id"] == first["id"]
    receipt = (await here.pair.client.get(f"/v1/videos/{second['id']}/receipt")).json()
    assert (receipt["reused_from"], receipt["money"]["entries"], receipt["attempts"]) == (first["id"], [], [])
    events = await here.pair.gateway.store.read(lambda tx: tx.events.after("acme", second["id"], 0))
    assert [event.type for event in events] == ["video.queued", "video.completed"]
    whole = (await here.content(first["id"])).content
    assert len(here.files()) == 1

    assert (await here.delete(first["id"])).json() == {"id": first["id"], "object": "video.deleted", "deleted": True}
    await here.swept()

    assert (await here.content(second["id"])).content == whole
    assert (await here.delete(second["id"])).status_code == 200
    await here.swept()
    assert here.files() == []


@pytest.mark.parametrize(
    ("wish", "bound"),
    [
        pytest.param({"prompt": "another boat [sim:instant]"}, {}, id="another wish"),
        pytest.param({"seconds": 5, "model": "doitong/veo3"}, {}, id="another model"),
        pytest.param({}, {"exclude": ["veo3o1", "doitong-main"]}, id="made by who is excluded"),
        pytest.param({}, {"reuse": None}, id="not asked for"),
    ],
)
async def test_only_what_is_equal_and_allowed_is_used_again(
    tmp_path: Path, wish: dict[str, Any], bound: dict[str, Any]
):
    async with running(Setup(folder=tmp_path)) as pair:
        source = await pair.create(**WISH)
        await pair.finished(source["id"])

        answer = await pair.client.post("/v1/videos", json={**WISH, **wish, "gateway": {**REUSE, **bound}})

        assert answer.status_code in {202, 422}
        assert answer.json().get("gateway", {}).get("reused_from") is None


async def test_nobody_has_another_tenant_s_file_nor_a_failed_one_nor_one_that_was_deleted(here: Here):
    first = await here.made()
    other = await here.pair.other.post("/v1/videos", json={**WISH, "gateway": REUSE})
    failed = await here.made(prompt="a storm [sim:fail]")
    again = await here.pair.create("a storm [sim:fail]", gateway=REUSE)

    assert failed["status"] == "failed"
    assert other.json()["gateway"]["reused_from"] is again["gateway"]["reused_from"] is None
    await here.delete(first["id"])
    fresh = await here.pair.create(**WISH, gateway=REUSE)
    assert fresh["gateway"]["reused_from"] is None


async def test_an_idempotency_key_wins_and_ends_with_its_video(here: Here):
    await here.made()
    key, wish = {"idempotency-key": "k1"}, {**WISH, "gateway": REUSE}

    first = await here.pair.client.post("/v1/videos", json=wish, headers=key)
    again = await here.pair.client.post("/v1/videos", json=wish, headers=key)

    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    await here.delete(first.json()["id"])
    problem(await here.pair.client.post("/v1/videos", json=wish, headers=key), 422, "idempotency_key_reused")


async def test_a_file_goes_when_its_time_has_come_and_its_video_stays(here: Here):
    kept = await here.made(prompt="kept for ever [sim:instant]")
    await here.keep(30)
    video = await here.made()

    assert kept["expires_at"] is None
    assert video["expires_at"] == video["completed_at"] + 30 * 86_400
    here.clock.by = 31 * DAY
    problem(await here.content(video["id"]), 410, "gone")  # whether or not anybody has swept
    await here.swept()

    assert len(here.files()) == 1
    problem(await here.content(video["id"]), 410, "gone")
    assert (await here.content(kept["id"])).status_code == 200
    assert (await here.pair.client.get(f"/v1/videos/{video['id']}")).json()["status"] == "completed"
    assert (await here.pair.create(**WISH, gateway=REUSE))["gateway"]["reused_from"] is None


async def test_a_deleted_video_is_found_no_more_but_its_receipt_is(here: Here):
    running_ = await here.pair.create("[sim:stuck]")
    video = await here.made()
    ledger = (await here.pair.client.get("/v1/ledger")).json()["data"]
    link = (await here.pair.client.post(f"/v1/videos/{video['id']}/links", json={})).json()

    problem(await here.delete(running_["id"]), 409, "not_ready")
    problem(await here.pair.other.delete(f"/v1/videos/{video['id']}"), 404, "not_found")
    first, second = await here.delete(video["id"]), await here.delete(video["id"])

    assert first.status_code == second.status_code == 200
    path = f"/v1/videos/{video['id']}"
    for gone in (path, f"{path}/content", f"{path}/route", link["url"]):
        problem(await here.pair.client.get(gone), 404, "not_found")
    problem(await here.pair.client.post(f"{path}/cancel"), 404, "not_found")
    listed = (await here.pair.client.get("/v1/videos")).json()["data"]
    assert [one["id"] for one in listed] == [running_["id"]]
    assert (await here.pair.client.get(f"{path}/receipt")).json()["video"] == video["id"]
    assert [one for one in (await here.pair.client.get("/v1/ledger")).json()["data"] if one in ledger] == ledger


async def test_a_link_needs_no_key_and_ends(here: Here):
    video = await here.made()
    whole = (await here.content(video["id"])).content
    made = await here.pair.client.post(f"/v1/videos/{video['id']}/links", json={"expires_in_seconds": 60})
    url = made.json()["url"]

    async with httpx.AsyncClient(trust_env=False) as nobody:
        answer, head = await nobody.get(url), await nobody.head(url)
        part = await nobody.get(url, headers={"range": "bytes=4-7"})

        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        assert (answer.status_code, answer.content) == (200, whole)
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert (head.content, head.headers["content-length"]) == (b"", str(len(whole)))
        assert answer.headers["content-disposition"].startswith("inline; ")
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"].startswith("private")
        for at in (0, len(url) // 2, -1):
            token = url.rpartition("/")[2]
            forged = token[:at] + ("A" if token[at] != "A" else "B") + (token[at + 1 :] if at != -1 else "")
            problem(await nobody.get(f"{here.pair.url}/content/{forged}"), 404, "not_found")
        problem(await nobody.get(f"{url}AA"), 404, "not_found")
        here.clock.by = 61_000
        problem(await nobody.get(url), 410, "gone")


async def test_what_was_published_and_never_committed_is_swept_and_nothing_else(here: Here):
    here.crash.add(Point.BEFORE_SETTLE)
    video = await here.made()

    assert (video["status"], len(here.files())) == ("completed", 2)
    await here.swept()
    assert len(here.files()) == 2  # it may be somebody's who is slow

    here.clock.by = DAY + 60_000
    await here.swept()

    assert len(here.files()) == 1
    whole = await here.content(video["id"])
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'


async def test_pictures_lie_beside_the_film_and_go_with_it(here: Here):
    video = await here.made()
    url = f"/v1/videos/{video['id']}/content"

    for number, variant in enumerate(("thumbnail", "spritesheet"), start=2):
        asked = f"{url}?variant={variant}"
        first, again = await asyncio.gather(here.pair.client.get(asked), here.pair.client.get(asked))

        assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
        assert first.content == again.content
        assert (first.content[:2], len(here.files())) == (b"\xff\xd8", number)
        link = (await here.pair.client.post(f"/v1/videos/{video['id']}/links", json={"variant": variant})).json()
        assert (await here.pair.client.get(link["url"])).content == first.content
    await here.delete(video["id"])
    await here.swept()
    assert here.files() == []


async def test_what_a_killed_download_left_is_gone_at_the_next_start(tmp_path: Path):
    left = tmp_path / "filmgate-data" / "incoming" / "att_1.3.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    async with running(Setup(folder=tmp_path)):
        assert not left.exists()


async def test_the_worker_sweeps_by_itself(tmp_path: Path):
    timing = replace(FAST, sweep_seconds=0.05)
    async with running(Setup(folder=tmp_path, timing=timing)) as pair:
        created = await pair.create(**WISH)
        await pair.finished(created["id"])
        await pair.client.delete(f"/v1/videos/{created['id']}")

        async def gone() -> bool:
            return not any(files for _, _, files in os.walk(tmp_path / "assets"))  # folders go while it looks

        await until(gone)
