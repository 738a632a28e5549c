"""Finished videos as our own files: copied before the provider's link dies, then served by us alone."""

from typing import Any

import structlog

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.config.settings import Timing
from gateway.fetcher import Fetched, Fetcher, FetchFailed, NoRoom
from gateway.policy import backoff
from gateway.policy.sniffing import EXTENSIONS
from gateway.probe import Point, Probe
from gateway.services.accounts import Accounts
from gateway.services.limits import Limits
from gateway.services.prospects import FILE_LOST, prospect, substate_of
from gateway.services.quarantine import Quarantine
from gateway.services.records import Records
from gateway.services.sweeping import expiry
from gateway.services.tenants import Tenants
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from gateway.upstream import Upstream
from providers.base import Phase
from schema.attempt import Attempt
from schema.clock import Clock, Millis, millis
from schema.errors import ProviderFailure
from schema.event import EventType
from schema.lifecycle import AttemptState, VideoMove
from schema.luck import Luck
from schema.output import ExtraOutput
from schema.video import Asset, Video, VideoErrorCode

log = structlog.get_logger()

FRESH = 60_000
"""How long a provider's link is used without asking for another (milliseconds, as all of these)."""

SHORTEST_PAUSE, LONGEST_PAUSE = 1_000, 60_000
PATIENCE = 24 * 3_600_000
"""While our own storage fails: how long to wait before the next try, and how long to try."""


class Assets:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        tenants: Tenants,
        records: Records,
        quarantine: Quarantine,
        upstream: Upstream,
        limits: Limits,
        fetcher: Fetcher,
        assets: AssetStore,
        clock: Clock,
        luck: Luck,
        timing: Timing,
        probe: Probe,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._tenants = tenants
        self._records = records
        self._quarantine = quarantine
        self._upstream = upstream
        self._limits = limits
        self._fetcher = fetcher
        self._assets = assets
        self._clock = clock
        self._luck = luck
        self._timing = timing
        self._probe = probe

    async def handle(self, task: Task) -> None:
        """Copy one attempt's file here; a failed download is retried and never makes a second video."""
        made = await self._store.read(lambda tx: tx.attempts.get(task.subject))
        if made is None or made.state is not AttemptState.SUCCEEDED or made.video_url is None:
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        try:
            fetched = await self._fetch(task, made)
            await self._keep(task, made, fetched)
        except FetchFailed as failure:
            log.warning("asset.fetch_failed", attempt=made.id, tries=task.errors + 1, error=str(failure))
            await self._failed(task, made)
        except (AssetStoreFailed, NoRoom) as failure:  # ours to mend, and none of the provider's tries
            log.error("asset.store_failed", attempt=made.id, error=str(failure))  # noqa: TRY400 - it names the cause
            await self._not_stored(task, made)

    async def _fetch(self, task: Task, made: Attempt) -> Fetched:
        configured = self._accounts.once(made.account)
        hosts = () if configured is None else configured[1].capabilities.video_hosts
        stale = task.errors > 0 or self._age(made) > FRESH
        url = (await self._fresh_link(made) if stale else None) or made.video_url or ""
        types = ("video/mp4",) if configured is None else configured[1].capabilities.video_types
        return await self._fetcher.fetch(url, name=f"{made.id}.{task.epoch}", hosts=hosts, types=types)

    def _age(self, made: Attempt) -> Millis:
        return self._clock.now() - (made.ended_at or made.started_at)

    async def _fresh_link(self, made: Attempt) -> str | None:
        """Links die: ask the provider for a new one, if it can be asked."""
        configured = self._accounts.once(made.account)
        if configured is None or configured[1].polls is None or made.ref is None:
            return None
        account, provider = self._accounts.as_sent(configured[0], made.credential_version), configured[1]
        if await self._limits.take_for_poll(account) is not None:
            return None
        try:
            asked = await self._upstream.ask(configured[1].polls.poll(made.ref), account, provider.adapter)
        except ProviderFailure as failure:
            log.info("asset.no_fresh_link", attempt=made.id, kind=failure.kind)
            return None
        return asked.result.video_url if asked.result.phase is Phase.SUCCEEDED else None

    async def _keep(self, task: Task, made: Attempt, fetched: Fetched) -> None:
        """Publish the file, then say so: a completed video always has its bytes."""
        name = f"{made.id}.{task.epoch}.{fetched.sha256[:16]}.{EXTENSIONS[fetched.media_type]}"
        key = f"{made.tenant}/{made.video}/{name}"
        await self._publish(made, key, fetched)
        asset = Asset(key=key, size=fetched.size, sha256=fetched.sha256, media_type=fetched.media_type)
        now = self._clock.now()

        async def complete(tx: Transaction) -> Video | None:
            locked = await tx.videos.lock(made.video)
            await tx.tasks.finish(task)
            if locked is not None and locked.deleted_at is not None:
                return None
            if not await tx.files.take(made.tenant, key):
                raise AssetStoreFailed("it took so long to publish the file that it was swept away")
            if locked is None or locked.ended:
                return None if locked is None else await self._add_output(tx, locked, made, asset, now)
            return await self._records.video(
                tx,
                locked,
                now,
                move=VideoMove.COMPLETE,
                tell=EventType.COMPLETED,
                progress=100,
                account=made.account,
                provider=made.provider,
                asset=asset,
                expires_at=self._expiry(made.tenant, now),
                made=await tx.attempts.get(made.id),  # what it cost may have been told meanwhile
            )

        self._probe(Point.BEFORE_SETTLE)
        kept = await self._store.write(complete)
        self._probe(Point.SETTLED)
        if kept is not None:  # else the video itself is gone, and the file is swept away
            name = "video.completed" if kept.asset == asset else "video.extra_output"
            log.info(name, video=kept.id, attempt=made.id, account=made.account, bytes=asset.size)

    async def _publish(self, made: Attempt, key: str, fetched: Fetched) -> None:
        """Write down that the file is published, and do it: what is written down and nobody's is swept away."""
        due = self._clock.now() + millis(self._timing.orphan_seconds)
        try:
            await self._store.write(lambda tx: tx.files.announce(key, made.tenant, due))
            self._probe(Point.BEFORE_PUBLISH)
            await self._assets.put(key, fetched.path)
        finally:
            fetched.path.unlink(missing_ok=True)

    def _expiry(self, tenant: str, now: Millis) -> Millis | None:
        """When a file that came now goes again."""
        whose = self._tenants.once(tenant)
        return None if whose is None else expiry(now, whose.retention.days)

    async def _add_output(self, tx: Transaction, video: Video, made: Attempt, asset: Asset, now: Millis) -> Video:
        """The video has ended: it stays as it is, and has one file more."""
        if not await tx.outputs.add(
            ExtraOutput(made.id, asset, now, self._expiry(video.tenant, now)), tenant=video.tenant, video=video.id
        ):
            return video
        return await self._tell_late(tx, video, made, now, size=asset.size, sha256=asset.sha256)

    async def _tell_late(self, tx: Transaction, video: Video, made: Attempt, now: Millis, **facts: Any) -> Video:
        about = {"output": {"attempt": made.id, **facts}}
        return await self._records.video(tx, video, now, tell=EventType.LATE_OUTPUT, about=about)

    async def _failed(self, task: Task, made: Attempt) -> None:
        """Try again, so often in all."""
        pause = backoff.retry(task.errors, first=1, longest=60, luck=self._luck())
        errors = task.errors + 1
        await self._again(task, made, pause if errors < self._timing.asset_tries else None, errors)

    async def _not_stored(self, task: Task, made: Attempt) -> None:
        """Try again for a day, seldom once it has lasted: the link may be asked for anew."""
        age = self._age(made)
        pause = round(backoff.spread(min(max(age, SHORTEST_PAUSE), LONGEST_PAUSE), self._luck()))
        await self._again(task, made, pause if age < PATIENCE else None, task.errors)

    async def _again(self, task: Task, made: Attempt, pause: Millis | None, errors: int) -> None:
        """Put the task off, or give the file up; the video ends in time whichever it is; in quarantine not (0008)."""
        now = self._clock.now()
        ends = await self._quarantine.is_off()

        async def again(tx: Transaction) -> None:
            video = await tx.videos.lock(made.video)
            if video is None or pause is None:
                await tx.tasks.finish(task)
            else:
                await tx.tasks.snooze(task, _bounded(now + pause, video, now), errors=errors)
            if video is not None and not video.ended and ends and now >= video.deadline_at:
                await self._records.fail(tx, video, now, VideoErrorCode.ASSET_LOST, FILE_LOST)
            elif video is not None and pause is None:
                await self._lost(tx, video, made, now)

        await self._store.write(again)
        if pause is None:
            log.error("asset.lost", video=made.video, attempt=made.id, account=made.account)

    async def _lost(self, tx: Transaction, video: Video, made: Attempt, now: Millis) -> None:
        """The file can not be had: the video fails, unless it has ended or another attempt may still give it."""
        if video.ended:
            await self._tell_late(tx, video, made, now, lost=True)
            return
        other = await prospect(tx, made)
        if other is None:
            await self._records.fail(tx, video, now, VideoErrorCode.ASSET_LOST, FILE_LOST)
            return
        await self._records.video(
            tx, video, now, substate=substate_of(other), account=other.account, provider=other.provider
        )


def _bounded(due: Millis, video: Video, now: Millis) -> Millis:
    """No later than the video's deadline, while that is to come; a file that is late has none."""
    return due if video.ended or now >= video.deadline_at else min(due, video.deadline_at)
