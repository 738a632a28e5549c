"""Videos and attempts to keep: whole by default, each field open to change."""

from typing import Any

from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.video import RoutingWish, Video, VideoSpec

NOW = 1_700_000_000_000


def a_video(id: str = "video_1", **facts: Any) -> Video:
    """A queued video of the tenant ``acme``."""
    whole: dict[str, Any] = {
        "tenant": "acme",
        "spec": VideoSpec(prompt="a fox"),
        "routing": RoutingWish(),
        "metadata": {},
        "key": None,
        "fingerprint": "f",
        "status": VideoStatus.QUEUED,
        "substate": Substate.WAITING_CAPACITY,
        "progress": 0,
        "version": 1,
        "created_at": NOW,
        "deadline_at": NOW + 7_200_000,
    }
    return Video(id=id, **{**whole, **facts})


def an_attempt(id: str = "att_1", **facts: Any) -> Attempt:
    """The first attempt of ``video_1``, being sent to ``veo-main``."""
    whole: dict[str, Any] = {
        "video": "video_1",
        "tenant": "acme",
        "n": 1,
        "account": "veo-main",
        "provider": "veo3o1",
        "state": AttemptState.SUBMITTING,
        "verdict": None,
        "key": id,
        "body_sha256": "0" * 64,
        "credential_version": 1,
        "keyed": False,
        "callback": False,
        "started_at": NOW,
        "credits_low": 2,
        "credits_high": 2,
    }
    return Attempt(id=id, **{**whole, **facts})


async def keep(store: Store, *rows: Video | Attempt) -> None:
    """Keep them all, in this order."""

    async def add(tx: Transaction) -> None:
        for row in rows:
            if isinstance(row, Video):
                assert await tx.videos.add(row, b"{}")
            else:
                await tx.attempts.add(row)

    await store.write(add)
