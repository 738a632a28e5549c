"""Videos as both engines keep them: unique keys, pages in both directions, and no change on top of a stale one."""

import asyncio

import msgspec
import pytest

from gateway.store.database import ConstraintViolation
from schema.errors import IllegalMove
from schema.lifecycle import Substate, VideoStatus
from schema.video import Adjustment, AspectRatio, Asset, Quality, RoutingWish, Strategy, VideoError, VideoSpec
from tests.store.rows import NOW, a_video, keep

FULL = a_video(
    "video_full",
    spec=VideoSpec(
        prompt="a fox 🦊 'quoted' \x00 and ?",
        model="veo-3",
        aspect_ratio=AspectRatio.TALL,
        seconds=8,
        quality=Quality.HIGH,
        image_url="https://a.example/b",
    ),
    routing=RoutingWish(only=("a", "b"), strategy=Strategy.ORDERED, max_cost_micros=10**15),
    metadata={"order": "17", "emoji": "🦊"},
    key="once",
    status=VideoStatus.COMPLETED,
    substate=None,
    progress=100,
    version=2**53,
    started_at=NOW + 1,
    completed_at=NOW + 2,
    expires_at=NOW + 3,
    account="veo-main",
    provider="veo3o1",
    adjustments=(Adjustment("seconds", "60", "10"),),
    quoted_low=1,
    quoted_high=2**62,
    charged=3,
    credits=4,
    asset=Asset(key="k", size=2**40, sha256="0" * 64, media_type="video/mp4"),
)


@pytest.mark.parametrize("video", [a_video(), FULL], ids=["least", "full"])
async def test_a_video_comes_back_as_it_was_kept(store, video):
    assert await store.write(lambda tx: tx.videos.add(video, b'{"at": 1}'))

    assert await store.read(lambda tx: tx.videos.get("acme", video.id)) == video
    assert await store.read(lambda tx: tx.videos.peek(video.id)) == video
    assert await store.write(lambda tx: tx.videos.lock(video.id)) == video
    assert await store.read(lambda tx: tx.videos.decision("acme", video.id)) == b'{"at": 1}'


async def test_a_video_is_another_tenant_s_secret(store):
    await keep(store, a_video(key="k"))

    assert await store.read(lambda tx: tx.videos.get("globex", "video_1")) is None
    assert await store.read(lambda tx: tx.videos.by_key("globex", "k")) is None
    assert await store.read(lambda tx: tx.videos.decision("globex", "video_1")) is None
    assert await pages(store, tenant="globex") == []


async def test_a_video_nobody_made_is_not_there(store):
    assert await store.read(lambda tx: tx.videos.get("acme", "video_0")) is None
    assert await store.read(lambda tx: tx.videos.peek("video_0")) is None
    assert await store.write(lambda tx: tx.videos.lock("video_0")) is None


async def test_an_idempotency_key_is_used_once_per_tenant(store):
    await keep(store, a_video("video_1", key="k"))

    assert not await store.write(lambda tx: tx.videos.add(a_video("video_2", key="k"), b"{}"))
    assert await store.write(lambda tx: tx.videos.add(a_video("video_3", key="k", tenant="globex"), b"{}"))

    first = await store.read(lambda tx: tx.videos.by_key("acme", "k"))
    theirs = await store.read(lambda tx: tx.videos.by_key("globex", "k"))
    assert (first.id, theirs.id) == ("video_1", "video_3")
    assert await store.read(lambda tx: tx.videos.peek("video_2")) is None


async def test_videos_without_a_key_never_collide(store):
    await keep(store, a_video("video_1"), a_video("video_2"))

    assert await pages(store) == ["video_2", "video_1"]


async def test_of_racing_twins_one_is_kept_and_all_the_others_find_it(store):
    async def create(n):
        video = a_video(f"video_{n:02}", key="k")

        async def add(tx):
            return video.id if await tx.videos.add(video, b"{}") else (await tx.videos.by_key("acme", "k")).id

        return await store.write(add)

    found = await asyncio.gather(*map(create, range(20)))

    assert len(set(found)) == 1
    assert await pages(store) == [found[0]]


# pages

IDS = [f"video_{n}" for n in range(1, 8)]


async def pages(store, *, tenant="acme", after=None, before=None, limit=100, newest_first=True, status=None):
    found = await store.read(
        lambda tx: tx.videos.page(
            tenant, after=after, before=before, limit=limit, newest_first=newest_first, status=status
        )
    )
    return [video.id for video in found]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        pytest.param({}, "7654321", id="newest-first"),
        pytest.param({"limit": 3}, "765", id="the-first-page"),
        pytest.param({"limit": 3, "after": "5"}, "432", id="the-next"),
        pytest.param({"limit": 3, "after": "2"}, "1", id="the-last"),
        pytest.param({"limit": 3, "after": "1"}, "", id="beyond-the-last"),
        pytest.param({"limit": 3, "before": "4"}, "765", id="back-to-the-first"),
        pytest.param({"limit": 2, "before": "4"}, "65", id="back-by-the-nearest"),
        pytest.param({"before": "7"}, "", id="before-the-first"),
        pytest.param({"newest_first": False, "limit": 3}, "123", id="oldest-first"),
        pytest.param({"newest_first": False, "limit": 3, "after": "3"}, "456", id="oldest-first-the-next"),
        pytest.param({"newest_first": False, "limit": 2, "before": "4"}, "23", id="oldest-first-back"),
        pytest.param({"newest_first": False, "before": "1"}, "", id="oldest-first-before-the-first"),
        pytest.param({"after": "45"}, "4321", id="a-cursor-that-is-no-video-any-more"),
        pytest.param({"status": "failed"}, "642", id="of-one-status"),
        pytest.param({"status": "failed", "after": "6", "limit": 1}, "4", id="of-one-status-the-next"),
        pytest.param({"status": "canceled"}, "", id="of-a-status-nobody-has"),
    ],
)
async def test_pages_walk_in_both_directions_and_both_orders(store, wish, expected):
    even = {"status": VideoStatus.FAILED, "substate": None, "completed_at": NOW}
    await keep(store, *(a_video(id, **(even if n % 2 else {})) for n, id in enumerate(IDS)))
    await keep(store, a_video("video_9", tenant="globex"))
    cursors = {name: f"video_{wish[name]}" for name in ("after", "before") if name in wish}

    assert await pages(store, **{**wish, **cursors}) == [f"video_{n}" for n in expected]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_page_by_page_there_and_back_shows_every_video_once(store, newest_first, limit):
    await keep(store, *map(a_video, IDS))
    whole = IDS[::-1] if newest_first else IDS

    there, cursor = [], None
    while page := await pages(store, after=cursor, limit=limit, newest_first=newest_first):
        there += page
        cursor = page[-1]
    back, cursor = [whole[-1]], whole[-1]
    while page := await pages(store, before=cursor, limit=limit, newest_first=newest_first):
        back = page + back
        cursor = page[0]

    assert there == back == whole


# changes

CHANGED = msgspec.structs.replace(
    FULL,
    id="video_1",
    spec=a_video().spec,
    routing=RoutingWish(),
    metadata={},
    key=None,
    version=2,
)


async def test_a_change_is_kept_whole(store):
    await keep(store, a_video())

    await store.write(lambda tx: tx.videos.update(CHANGED, was=1))

    assert await store.read(lambda tx: tx.videos.peek("video_1")) == CHANGED


async def test_a_failure_is_kept_with_its_code_and_words(store):
    await keep(store, a_video())
    failed = a_video(
        version=2, status=VideoStatus.FAILED, substate=None, completed_at=NOW, error=VideoError("no_route", "Nobody.")
    )

    await store.write(lambda tx: tx.videos.update(failed, was=1))

    assert await store.read(lambda tx: tx.videos.peek("video_1")) == failed


async def test_a_change_may_bring_a_new_decision_or_leave_the_old(store):
    await keep(store, a_video())

    await store.write(lambda tx: tx.videos.update(a_video(version=2), was=1))
    kept = await store.read(lambda tx: tx.videos.decision("acme", "video_1"))
    await store.write(lambda tx: tx.videos.update(a_video(version=3), was=2, decision=b'{"at": 2}'))
    changed = await store.read(lambda tx: tx.videos.decision("acme", "video_1"))

    assert (kept, changed) == (b"{}", b'{"at": 2}')


@pytest.mark.parametrize(
    ("version", "was"),
    [
        pytest.param(4, 2, id="somebody-was-first"),
        pytest.param(5, 4, id="from-the-future"),
        pytest.param(3, 3, id="the-version-does-not-grow"),
        pytest.param(2, 3, id="the-version-falls"),
    ],
)
async def test_a_change_on_top_of_a_stale_version_is_illegal_and_changes_nothing(store, version, was):
    await keep(store, a_video(version=3))

    with pytest.raises(IllegalMove):
        await store.write(lambda tx: tx.videos.update(a_video(version=version, progress=50), was=was))

    assert await store.read(lambda tx: tx.videos.peek("video_1")) == a_video(version=3)


async def test_a_change_to_a_video_that_is_not_there_is_illegal(store):
    with pytest.raises(IllegalMove):
        await store.write(lambda tx: tx.videos.update(a_video(version=2), was=1))


async def test_of_many_changes_on_top_of_one_version_exactly_one_is_kept(store):
    await keep(store, a_video())

    async def change(progress):
        await store.write(lambda tx: tx.videos.update(a_video(version=2, progress=progress), was=1))
        return progress

    outcomes = await asyncio.gather(*map(change, range(1, 11)), return_exceptions=True)

    (kept,) = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert sum(isinstance(outcome, IllegalMove) for outcome in outcomes) == 9
    assert (await store.read(lambda tx: tx.videos.peek("video_1"))).progress == kept


async def test_who_locks_a_video_first_sees_every_change_before_his(store):
    await keep(store, a_video())

    async def grow(tx):
        video = await tx.videos.lock("video_1")
        grown = msgspec.structs.replace(video, version=video.version + 1, progress=video.progress + 1)
        await tx.videos.update(grown, was=video.version)

    await asyncio.gather(*(store.write(grow) for _ in range(20)))

    video = await store.read(lambda tx: tx.videos.peek("video_1"))
    assert (video.version, video.progress) == (21, 20)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"status": VideoStatus.COMPLETED, "completed_at": NOW}, id="completed-without-a-file"),
        pytest.param({"status": VideoStatus.FAILED}, id="ended-without-a-time"),
        pytest.param({"completed_at": NOW}, id="a-time-without-an-end"),
        pytest.param({"progress": 101}, id="more-than-all"),
        pytest.param({"progress": -1}, id="less-than-nothing"),
    ],
)
async def test_a_video_that_can_not_be_is_not_kept(store, broken):
    await keep(store, a_video())

    with pytest.raises(ConstraintViolation):
        await store.write(lambda tx: tx.videos.update(a_video(version=2, **broken), was=1))
    with pytest.raises(ConstraintViolation):
        await store.write(lambda tx: tx.videos.add(a_video("video_2", **broken), b"{}"))

    assert await pages(store) == ["video_1"]


async def test_every_status_and_every_substate_can_be_kept(store):
    asset = FULL.asset
    for n, status in enumerate(VideoStatus):
        end = (
            {"completed_at": NOW, "asset": asset} if status not in (VideoStatus.QUEUED, VideoStatus.IN_PROGRESS) else {}
        )
        await keep(store, a_video(f"video_{n}", status=status, substate=None, **end))
    for substate in Substate:
        await keep(store, a_video(f"video_{substate}", substate=substate))

    assert len(await pages(store)) == len(VideoStatus) + len(Substate)


async def test_the_queue_is_counted_by_tenant(store):
    running = {"status": VideoStatus.IN_PROGRESS, "substate": Substate.RUNNING}
    await keep(store, a_video("video_1"), a_video("video_2"), a_video("video_3", **running))
    await keep(store, a_video("video_4", tenant="globex"), a_video("video_5", tenant="initech", **running))

    assert await store.read(lambda tx: tx.videos.queued()) == {"acme": 2, "globex": 1}
