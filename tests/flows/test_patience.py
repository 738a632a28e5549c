"""How long a video waits for a better account: not at all, a while and then elsewhere, or a while and no more."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.server import serve
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from schema.account import Limits, Secret
from schema.video import Video
from tests.flows.engine import Engine, an_account, settings, until, working


@dataclass
class Two:
    """A cheap account that makes one video at a time, and is at one for ever; and a dear one with room."""

    engine: Engine

    async def accept(self, prompt: str = "a kite", **routing: Any) -> Video:
        return await self.engine.accept(prompt, routing=routing)

    async def ended(self, video: Video) -> Video:
        return await self.engine.ended(video.id)

    async def waits(self, video: Video) -> None:
        async def does() -> bool:
            return await self.engine.gateway.store.read(lambda tx: tx.queue.place("acme", video.id)) is not None

        await until(does)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    upstreams = SandboxSettings(
        speed=400,
        accounts=(
            AccountSettings(name="c", provider="veo3o1", key="c", credits=10**6),
            AccountSettings(name="d", provider="veo3o1", key="d", credits=10**6, concurrent=0),
        ),
    )
    async with serve(upstreams) as sandbox:
        cheap = an_account("cheap", "veo3o1", sandbox.veo3o1_url, credential=Secret("c"), limits=Limits(concurrent=1))
        dear = an_account("dear", "veo3o1", sandbox.veo3o1_url, credential=Secret("d"), price_per_credit=9_000)
        async with working(settings(tmp_path, cheap, dear)) as engine:
            busy = await engine.accept("for ever [sim:stuck]", routing={"only": ["cheap"]})

            async def begun() -> bool:
                return bool(await engine.attempts(busy.id))

            await until(begun)
            yield Two(engine)


async def test_without_patience_a_video_goes_to_the_best_account_that_has_room(two: Two):
    video = await two.ended(await two.accept())

    assert (video.status, video.account) == ("completed", "dear")


async def test_a_patient_video_waits_for_the_better_account_and_then_goes_elsewhere(two: Two):
    accepted = await two.accept(max_wait_seconds=1)
    await two.waits(accepted)

    video = await two.ended(accepted)

    (attempt,) = await two.engine.attempts(video.id)
    assert (video.status, video.account) == ("completed", "dear")
    assert attempt.started_at - video.created_at >= 1_000


async def test_a_video_that_would_rather_fail_than_cost_more_does(two: Two):
    video = await two.ended(await two.accept(max_wait_seconds=1, on_max_wait="fail"))

    assert video.error is not None
    assert (video.status, video.error.code) == ("failed", "wait_exceeded")
    assert await two.engine.attempts(video.id) == []


async def test_no_patience_at_all_is_none(two: Two):
    video = await two.ended(await two.accept(max_wait_seconds=0))

    assert (video.status, video.account) == ("completed", "dear")


async def test_one_that_may_go_nowhere_else_waits_on_however_impatient(two: Two):
    accepted = await two.accept(max_wait_seconds=0, only=["cheap"])

    await two.waits(accepted)

    assert not (await two.engine.video(accepted.id)).ended
