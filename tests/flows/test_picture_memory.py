"""The largest picture there may be passes through a gateway without filling it."""

import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox.server import serve
from gateway.sandbox.settings import SandboxSettings
from schema.image import LARGEST_IMAGE, MEGABYTE
from tests.support.figures import told
from tests.support.pictures import png
from tests.support.running import ACME_KEY, SPEED

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's own figures")

MOST = 32 * MEGABYTE
FRAME = 200
"""Bytes of a picture beside its noise, and some."""


@asynccontextmanager
async def gateway_process(folder: Path, origin: str) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    words = (sys.executable, "-m", "tests.flows.picture_server", str(folder), origin)
    process = await create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[2])
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        headers = {"authorization": f"Bearer {ACME_KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            yield process.pid, client
    finally:
        process.stdin.close()
        await process.wait()


def figure(pid: int, name: str) -> int:
    """A process' memory in bytes: ``VmRSS`` now, ``VmHWM`` the most there was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


async def made(client: httpx.AsyncClient, **reference: str) -> dict[str, Any]:
    wish = {"prompt": f"[sim:instant] {reference}", "input_reference": reference}
    created = await client.post("/v1/videos", json=wish, headers={"prefer": "wait=60"})
    assert created.status_code == 202, created.text
    video: dict[str, Any] = created.json()
    assert video["status"] == "completed", video
    return video


async def test_a_large_picture_passes_through_in_small_pieces(tmp_path: Path):
    picture = tmp_path / "large.png"
    picture.write_bytes(png(64, 36, more=LARGEST_IMAGE - FRAME))
    sandbox = SandboxSettings(speed=SPEED, upload_limit_bytes=LARGEST_IMAGE)
    async with serve(sandbox) as upstream, gateway_process(tmp_path, upstream.url) as (pid, client):
        small = (await client.post("/v1/images", files={"file": png(8, 8)})).json()
        await made(client, image_id=small["id"])
        before = figure(pid, "VmRSS")
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the most there was

        with picture.open("rb") as file:
            kept = (await client.post("/v1/images", files={"file": file})).json()
        after_in = figure(pid, "VmHWM") - before
        await made(client, image_id=kept["id"])
        arrived = max(len(image.data) for image in upstream.world.images.values())
        grown = figure(pid, "VmHWM") - before

    assert LARGEST_IMAGE - FRAME < picture.stat().st_size == kept["bytes"] == arrived
    told(f"{kept['bytes']:,} bytes: +{after_in / MEGABYTE:.1f} MiB on the way in, +{grown / MEGABYTE:.1f} MiB in all")
    assert grown < MOST
