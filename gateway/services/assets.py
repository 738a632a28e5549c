"""Finished videos as our own files: copied before the provider's link dies, then served by us alone."""

import structlog

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.config.settings import Timing
from gateway.fetcher import Fetched, Fetcher, FetchFailed
from gateway.policy import backoff
from gateway.services.accounts import Accounts
from gateway.services.records import Records
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from gateway.upstream import Upstream
from providers.base import Phase
from schema.attempt import Attempt
from schema.clock import Clock
from schema.errors import ProviderFailure
from schema.event import EventType
from schema.lifecycle import AttemptState, VideoMove
from schema.luck import Luck
from schema.money import Micros
from schema.video import Asset, Video, VideoErrorCode

log = structlog.get_logger()


class Assets:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        records: Records,
        upstream: Upstream,
        fetcher: Fetcher,
        assets: AssetStore,
        clock: Clock,
        luck: Luck,
        timing: Timing,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._records = records
        self._upstream = upstream
        self._fetcher = fetcher
        self._assets = assets
        self._clock = clock
        self._luck = luck
        self._timing = timing

    async def handle(self, task: Task) -> None:
        """Copy one video's file here; a failed download is retried and never makes a second video."""
        video, attempts = await self._store.read(lambda tx: _known(tx, task.subject))
        made = next((one for one in attempts if one.state is AttemptState.SUCCEEDED and one.video_url), None)
        if video is None or video.ended or made is None:
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        try:
            fetched = await self._fetch(task, video, made)
            await self._keep(task, video, made, fetched)
        except FetchFailed as failure:
            log.warning("asset.fetch_failed", video=video.id, tries=task.errors + 1, error=str(failure))
            await self._failed(task, video, tries=self._timing.asset_tries)
        except AssetStoreFailed as failure:  # ours to mend: tried as long as the video may wait
            log.error("asset.store_failed", video=video.id, error=str(failure))  # noqa: TRY400 - it names the cause
            await self._failed(task, video, tries=None)

    async def _fetch(self, task: Task, video: Video, made: Attempt) -> Fetched:
        configured = self._accounts.get(made.account)
        hosts = () if configured is None else configured[1].capabilities.video_hosts
        url = (await self._fresh_link(made) if task.errors else None) or made.video_url or ""
        return await self._fetcher.fetch(url, name=f"{video.id}.{task.epoch}", hosts=hosts)

    async def _fresh_link(self, made: Attempt) -> str | None:
        """Links die: ask the provider for a new one, if it can be asked."""
        configured = self._accounts.get(made.account)
        if configured is None or configured[1].polls is None or made.ref is None:
            return None
        account, provider = configured
        try:
            update = await self._upstream.ask(configured[1].polls.poll(made.ref), account, provider.adapter)
        except ProviderFailure as failure:
            log.info("asset.no_fresh_link", attempt=made.id, kind=failure.kind)
            return None
        return update.video_url if update.phase is Phase.SUCCEEDED else None

    async def _keep(self, task: Task, video: Video, made: Attempt, fetched: Fetched) -> None:
        """Publish the file, then say so: a completed video always has its bytes."""
        key = f"{video.tenant}/{video.id}/{fetched.sha256[:16]}.mp4"
        try:
            await self._assets.put(key, fetched.path)
        finally:
            fetched.path.unlink(missing_ok=True)
        asset = Asset(key=key, size=fetched.size, sha256=fetched.sha256, media_type=fetched.media_type)
        now = self._clock.now()

        async def complete(tx: Transaction) -> bool:
            locked = await tx.videos.lock(video.id)
            await tx.tasks.finish(task)
            if locked is None or locked.ended:
                return locked is not None and locked.asset == asset
            await self._records.video(
                tx,
                locked,
                now,
                move=VideoMove.COMPLETE,
                tell=EventType.COMPLETED,
                progress=100,
                asset=asset,
                credits=made.credits,
                charged=self._charge(locked, made),
            )

            return True

        if await self._store.write(complete):
            log.info("video.completed", video=video.id, account=made.account, bytes=asset.size)
        else:  # it ended meanwhile, so nobody would ever ask for the file
            await self._assets.delete(key)

    def _charge(self, video: Video, made: Attempt) -> Micros | None:
        """By the reported cost, else the estimate; never above what was quoted."""
        configured = self._accounts.get(made.account)
        if configured is None or configured[0].price_per_credit is None or video.quoted_high is None:
            return None
        credits = configured[1].rates.estimate(video.spec) if made.credits is None else made.credits
        return min(credits * configured[0].price_per_credit, video.quoted_high)

    async def _failed(self, task: Task, video: Video, *, tries: int | None) -> None:
        """Try again, at most so often in all and never beyond the video's deadline."""
        now = self._clock.now()
        delay = backoff.retry(task.errors, first=1, longest=60, luck=self._luck())

        async def again(tx: Transaction) -> None:
            locked = await tx.videos.lock(video.id)
            left = tries is None or task.errors + 1 < tries
            if left and locked is not None and now < locked.deadline_at:
                due = min(now + delay, locked.deadline_at)
                await tx.tasks.snooze(task, due, errors=task.errors + 1)
                return
            await tx.tasks.finish(task)
            if locked is not None and not locked.ended:
                message = "The provider made the video, but its file could not be copied here."
                await self._records.fail(tx, locked, now, VideoErrorCode.ASSET_LOST, message)

        await self._store.write(again)


async def _known(tx: Transaction, video: str) -> tuple[Video | None, list[Attempt]]:
    return await tx.videos.peek(video), await tx.attempts.of_video(video)
