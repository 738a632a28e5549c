"""Adding a provider touches its own package alone: one that only these tests know runs the whole flow."""

import asyncio
import json
from typing import Any

import pytest

from gateway.config.load import load
from gateway.policy.signing import callback_token
from gateway.sandbox.mp4 import clip
from gateway.wiring import Seams
from providers.base import Hook
from providers.registry import KINDS
from schema.account import Account, Limits, Secret
from schema.errors import Unauthenticated
from schema.event import EventType
from schema.lifecycle import AttemptState, VideoStatus
from schema.video import OnUnknown
from tests.flows.engine import Engine, settings, until, working
from tests.flows.hostile import Peer, hostile, reset_after_the_body
from tests.flows.papercut import PAPERCUT, Options, telling
from tests.support.certificates import certificates
from tests.support.running import ACME_KEY, SECRET_KEY

SEAMS = Seams(kinds=(*KINDS, PAPERCUT), verify=certificates())


def at(id: str, url: str, **changes: Any) -> Account:
    return Account(
        id=id,
        provider="papercut",
        base_url=url,
        credential=Secret("scissors"),
        price_per_credit=1_000,
        limits=Limits(concurrent=100),
        webhook_secrets=(Secret("a word"),),
        options=Options(**changes),
        sandbox=True,
    )


async def heard(engine: Engine, attempt: str, word: str = "a word", **news: Any) -> None:
    """The upstream calls back about an attempt."""
    hook = Hook(headers=(("x-paper-word", word),), body=json.dumps(news).encode())
    await engine.gateway.hooks.hear("papercut", callback_token(engine.gateway.ground.root, attempt), hook)


async def test_a_provider_nobody_in_the_gateway_knows_makes_a_video(tmp_path):
    states = iter([{"state": "folding", "percent": 20}, {"state": "folding", "percent": 70}])
    async with (
        hostile(telling(lambda: next(states, {"state": "folded"}))) as upstream,
        working(settings(tmp_path, at("desk", upstream.url, paper="blue")), SEAMS) as engine,
    ):
        accepted = await engine.accept("a paper boat", model="paper-1", aspect_ratio="9:16")
        video = await engine.ended(accepted.id)
        told = [event.type for event in await engine.events(video.id)]

    [paid] = upstream.paid
    wish = json.loads(paid.body)
    assert (video.status, video.provider, video.account) == (VideoStatus.COMPLETED, "papercut", "desk")
    assert (wish["text"], wish["paper"], wish["shape"]) == ("a paper boat", "blue", "portrait")
    assert paid.headers["x-paper-key"] == "scissors"
    assert told.count(EventType.PROGRESS) == 2
    assert video.charged == 3_000
    assert video.asset is not None
    assert (tmp_path / "assets" / video.asset.key).stat().st_size == video.asset.size


async def test_its_losses_its_hooks_and_its_failures_mean_what_everybody_s_mean(tmp_path):
    async with (
        hostile(telling(lambda: {"state": "folding"}), reset_after_the_body) as upstream,
        working(settings(tmp_path, at("desk", upstream.url)), SEAMS) as engine,
    ):
        accepted = await engine.accept(routing={"on_unknown": OnUnknown.WAIT})
        await until(lambda: reached(engine, accepted.id, AttemptState.UNKNOWN))
        [attempt] = await engine.attempts(accepted.id)
        with pytest.raises(Unauthenticated):
            await heard(engine, attempt.id, word="another word", clip="c-1", state="torn")
        await heard(engine, attempt.id, clip="c-1", state="folding", percent=50)
        running = await engine.video(accepted.id)
        await heard(engine, attempt.id, clip="c-1", state="torn")
        video = await engine.video(accepted.id)

    assert (running.status, running.progress) == (VideoStatus.IN_PROGRESS, 50)
    assert video.error is not None
    assert video.error.code == "generation_failed"
    assert len(upstream.paid) == 1


async def test_a_video_that_was_made_is_not_failed_by_the_second_one_paid_for(tmp_path):
    link_works = asyncio.Event()
    tear = asyncio.Event()

    async def the_file(peer: Peer) -> None:
        await peer.request()
        await link_works.wait()
        await peer.answer(clip("16:9", 1, 0), Content_Type="video/mp4")

    async with (
        hostile(telling(lambda: {"state": "folding"}), reset_after_the_body, the_file) as first,
        hostile(telling(lambda: {"state": "torn" if tear.is_set() else "folding"})) as second,
        working(settings(tmp_path, at("a-first", first.url), at("b-second", second.url)), SEAMS) as engine,
    ):
        accepted = await engine.accept(routing={"on_unknown": OnUnknown.FAILOVER})
        await until(lambda: reached(engine, accepted.id, AttemptState.UNKNOWN, AttemptState.RUNNING))
        lost_one, _ = await engine.attempts(accepted.id)
        await heard(engine, lost_one.id, clip="c-1", state="folded", file=f"{first.url}/c-1.mp4")
        tear.set()
        await until(lambda: reached(engine, accepted.id, AttemptState.SUCCEEDED, AttemptState.FAILED))
        link_works.set()
        video = await engine.ended(accepted.id)

    assert video.status is VideoStatus.COMPLETED
    assert video.account == "a-first"


async def reached(engine: Engine, video: str, *states: AttemptState) -> bool:
    return tuple(attempt.state for attempt in await engine.attempts(video)) == states


async def test_its_bugs_cost_nobody_a_second_video(tmp_path):
    async with (
        hostile(telling(lambda: {"state": "folded"})) as upstream,
        working(settings(tmp_path, at("desk", upstream.url, careless=True)), SEAMS) as engine,
    ):
        accepted = await engine.accept()
        video = await engine.ended(accepted.id)
        [attempt] = await engine.attempts(accepted.id)

    assert video.error is not None
    assert video.error.code == "submission_outcome_unknown"
    assert attempt.state is AttemptState.UNKNOWN
    assert len(upstream.paid) == 1


async def test_it_is_configured_like_every_other(tmp_path):
    file = tmp_path / "filmgate.toml"
    file.write_text(f"""
        [secrets]
        key = {{ env = "KEY" }}
        [[accounts]]
        id = "desk"
        provider = "papercut"
        credential = {{ env = "SCISSORS" }}
        price_per_credit = "0.001"
        options = {{ paper = "blue" }}
        [[tenants]]
        id = "acme"
        test = true
        keys = ["{ACME_KEY}"]
    """)

    [account] = load(file, {"KEY": SECRET_KEY.reveal(), "SCISSORS": "snip"}, SEAMS.kinds).accounts

    assert account.base_url == "https://papercut.test"
    assert account.options == Options(paper="blue")
    assert account.limits == Limits(concurrent=2)
