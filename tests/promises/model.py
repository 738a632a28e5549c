"""What must hold after every step, and what must hold once everything has come to rest (reliability, section 3)."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from gateway.services.audit import Audit
from gateway.services.watches import LATE_POLL, LATE_WATCH
from gateway.store.attempts import _COLUMNS as ATTEMPT_COLUMNS
from gateway.store.attempts import _attempt
from gateway.store.database import Connection
from gateway.store.events import Events
from gateway.store.videos import _COLUMNS as VIDEO_COLUMNS
from gateway.store.videos import _video
from schema.attempt import Attempt, Verdict
from schema.errors import FailureKind
from schema.event import TERMINAL
from schema.ledger import EntryKind, Posting
from schema.lifecycle import ATTEMPT_MOVES, ENDED, LIVE, AttemptState, VideoStatus
from schema.video import OnUnknown, Video
from tests.promises.upstream import DOITONG, VEO, Job
from tests.promises.world import TENANTS, World

PRICES = {VEO: 200_000, DOITONG: 1_000}
OF = {tenant.id: tenant for tenant in TENANTS}

_postings = msgspec.json.Decoder(tuple[Posting, ...]).decode


@dataclass
class Money:
    """What the entries about one video say of its tenant's money."""

    held: int = 0
    captured: int = 0
    captures: int = 0
    released: int = 0

    @property
    def open(self) -> int:
        return self.held - self.captured - self.released


@dataclass
class Booked:
    """What the entries about one attempt say that its account bills."""

    cost: int = 0
    suspense: int = 0


@dataclass
class History:
    """What one life of the database has shown so far. A restore begins another."""

    seen: int = 0
    version: tuple[object, int] | None = None
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    money: defaultdict[str, Money] = field(default_factory=lambda: defaultdict(Money))
    booked: defaultdict[str, Booked] = field(default_factory=lambda: defaultdict(Booked))
    videos: dict[str, Video] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)


class Promises:
    """Watches a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history = History()
        self.acknowledged: set[str] = set()
        self.quoted: dict[str, int] = {}
        self.intended: dict[str, set[str]] = defaultdict(set)
        self.policies: dict[str, OnUnknown] = {}
        self.sanctioned: Counter[str] = Counter()
        self.restored = 0
        self._names: dict[str, str] = {}
        self._sends_seen = 0
        self._jobs_seen = 0

    # after every step

    async def check(self) -> None:
        """Everything that must hold at any time."""
        if self.world.dead:
            return
        await self.world.gateway.store.database.read(self._look)
        self._check_sends()
        self._check_jobs()
        self._check_kept()

    def forget(self) -> None:
        """The database is another one from now on: an older one."""
        self.history = History()
        self.restored += 1

    async def _look(self, connection: Connection) -> None:
        row = await connection.one("PRAGMA data_version")
        version = (self.world.folder, int(row[0]) if row else 0)
        if version == self.history.version:
            return
        self.history.version = version
        videos = [_video(row) for row in await connection.all(f"SELECT {VIDEO_COLUMNS} FROM videos")]
        attempts = [_attempt(row) for row in await connection.all(f"SELECT {ATTEMPT_COLUMNS} FROM attempts")]
        await self._read_entries(connection)
        await self._check_balances(connection)
        await self._check_spending(connection, videos)
        self._check_attempts(attempts)
        self._check_videos({video.id: video for video in videos})

    async def _read_entries(self, connection: Connection) -> None:
        row = await connection.one("SELECT count(*), coalesce(max(rowid), 0) FROM entries")
        assert row is not None
        assert row[0] == row[1] or self.restored, "an entry was removed"
        assert row[1] >= self.history.seen, "entries were removed"
        rows = await connection.all(
            "SELECT rowid, kind, video, attempt, postings FROM entries WHERE rowid > ? ORDER BY rowid",
            self.history.seen,
        )
        for rowid, kind, video, attempt, postings in rows:
            self.history.seen = int(rowid)
            self._book(EntryKind(kind), video, attempt, _postings(postings))

    def _book(self, kind: EntryKind, video: str | None, attempt: str | None, postings: tuple[Posting, ...]) -> None:
        units: Counter[str] = Counter()
        for posting in postings:
            units[posting.unit] += posting.amount
            self.history.sums[posting.account, posting.unit] += posting.amount
        assert not any(units.values()), f"L1: an entry is not balanced: {postings}"
        assert postings, "L1: an entry without postings"
        if kind in (EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE):
            assert video is not None
            self._book_video(kind, video, max(posting.amount for posting in postings))
        elif attempt is not None:
            for posting in postings:
                if posting.unit != "micros" and posting.account.startswith("cost:"):
                    self.history.booked[attempt].cost += posting.amount
                elif posting.unit != "micros" and posting.account.startswith("suspense:"):
                    self.history.booked[attempt].suspense += posting.amount

    def _book_video(self, kind: EntryKind, video: str, amount: int) -> None:
        money = self.history.money[video]
        if kind is EntryKind.HOLD:
            assert not money.captured + money.released, f"L3: {video} holds money again after it was resolved"
            money.held += amount
        elif kind is EntryKind.CAPTURE:
            money.captured += amount
            money.captures += 1
        else:
            money.released += amount
        assert money.captures <= 1, f"L3: {video} was charged twice"
        assert money.open >= 0, f"L3: more of {video}'s hold was resolved than there was: {money}"

    async def _check_balances(self, connection: Connection) -> None:
        rows = await connection.all("SELECT account, unit, sum(amount) FROM balances GROUP BY account, unit")
        balances = {(account, unit): amount for account, unit, amount in rows if amount}
        assert balances == {name: amount for name, amount in self.history.sums.items() if amount}, "L1: sums"
        for (account, _), amount in balances.items():
            whose = account.partition(":")[0]
            assert amount >= 0 or whose in ("funding", "provider") or account.endswith(":owed"), f"L4: {account}"

    async def _check_spending(self, connection: Connection, videos: list[Video]) -> None:
        """What is counted towards a budget is what its videos hold and have cost, and never more than the budget."""
        spent: Counter[tuple[str, str]] = Counter()
        for video in videos:
            for period in _periods(video):
                spent[video.tenant, period] += (video.held or 0) + (video.charged or 0)
        for (tenant, period), amount in spent.items():
            funding = OF[tenant].funding
            limit = funding.per_month if len(period) == len("2026-11") else funding.per_day
            assert limit is None or amount <= limit, f"{tenant} is over its budget for {period}: {amount}"
        for tenant, period, amount in await connection.all("SELECT tenant, period, amount FROM spending"):
            assert amount == spent[tenant, period], f"{tenant} has spent {spent} in {period}, and {amount} is counted"

    def _check_attempts(self, attempts: list[Attempt]) -> None:
        live = Counter(attempt.video for attempt in attempts if attempt.state in LIVE)
        assert all(count == 1 for count in live.values()), f"two attempts of one video live: {live}"
        for attempt in attempts:
            self.intended[f"{attempt.video} {attempt.account}"].add(attempt.id)
            before = self.history.attempts.get(attempt.id)
            if before is not None and before != attempt:
                assert attempt.state in _reachable(before.state), f"{before.state} → {attempt.state}"
                assert before.ref in (None, attempt.ref) or _unbound(attempt), f"{attempt.id} changed its ref"
                assert before.body_sha256 == attempt.body_sha256
            booked = self.history.booked[attempt.id]
            assert booked == _expected(attempt), f"{attempt} is booked as {booked}"
            self.history.attempts[attempt.id] = attempt

    def _check_videos(self, videos: dict[str, Video]) -> None:
        assert self.history.videos.keys() <= videos.keys(), "a video was removed"
        assert self.acknowledged <= videos.keys(), "J1: a video that was acknowledged is gone"
        wishes = Counter(video.spec.prompt for video in videos.values())
        assert all(count == 1 for count in wishes.values()), f"J4: two videos of one wish: {wishes}"
        held: Counter[str] = Counter()
        for video in videos.values():
            before = self.history.videos.get(video.id)
            if before is not None:
                self._check_change(before, video)
            money = self.history.money[video.id]
            held[video.tenant] += video.held or 0
            assert money.open == (video.held or 0), f"{video.id} holds {video.held}, and its entries say {money}"
            assert money.captured == (video.charged or 0), f"{video.id}: {video.charged} charged, {money}"
            assert (video.charged or 0) <= self.quoted.get(video.spec.prompt, money.held), f"{video.id}: above quote"
            self.policies[video.id] = _policy(video)
        for tenant in OF:
            assert held[tenant] == self.history.sums[f"tenant:{tenant}:held", "micros"], f"L2: {tenant}"
        self.history.videos = videos

    def _check_cancel(self, before: Video, after: Video) -> None:
        """What is held for a video that was given up waits for what its provider does; then what was made is paid."""
        if not after.given_up or not before.held or after.held:
            return
        attempts = [one for one in self.history.attempts.values() if one.video == after.id]
        assert not any(one.state in LIVE for one in attempts), f"{after.id} was settled while an upstream is at it"
        made = any(one.state is AttemptState.SUCCEEDED for one in attempts)
        assert bool(after.charged) is made, f"{after.id} was canceled and charged {after.charged}: {attempts}"

    def _check_change(self, before: Video, after: Video) -> None:
        self._check_cancel(before, after)
        assert after == before or after.version > before.version, f"J2: {after.id} changed without a version"
        assert after.progress >= before.progress, f"J2: progress of {after.id} fell"
        assert before.status not in ENDED or before.status is after.status, f"J2: {after.id} ended twice"
        assert before.asset in (None, after.asset), f"{after.id} changed its file"
        if before.status in ENDED and not before.held:
            same = ("charged", "held", "error", "progress", "completed_at")
            assert all(getattr(before, name) == getattr(after, name) for name in same), f"{after.id} changed its end"

    def _check_sends(self) -> None:
        """M3: bytes that may have left go out again only under a key, and are the same."""
        sends = self.world.upstreams.sends
        if len(sends) == self._sends_seen:
            return
        self._sends_seen = len(sends)
        bodies: dict[str, tuple[str, bytes]] = {}
        unkeyed: Counter[tuple[str, str]] = Counter()
        for send in sends:
            if send.key is None:
                unkeyed[send.prompt, send.account] += 1
            else:
                kept = bodies.setdefault(send.key, (send.account, send.body))
                assert kept == (send.account, send.body), f"M3: {send.key} was sent with other bytes"
        for (prompt, account), count in unkeyed.items():
            known = self.intended.get(f"{self._video_of(prompt)} {account}", set())
            assert count <= len(known), f"M3: {prompt} was sent {count} times to {account}, for {len(known)} intents"

    def _check_jobs(self) -> None:
        """M1: one paid submission of a video is taken on, and one more for each consent there is."""
        jobs = self.world.upstreams.jobs
        if len(jobs) == self._jobs_seen:
            return
        self._jobs_seen = len(jobs)
        paid: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for job in jobs:  # one key, two jobs: the upstream broke its promise, we kept ours
            paid[job.prompt].add((job.account, job.key or job.ref))
        for prompt, ones in paid.items():
            video = self._video_of(prompt)
            policy = self.policies.get(video, OnUnknown.FAIL)
            extra = 1 if policy in (OnUnknown.RETRY, OnUnknown.FAILOVER) else 0
            allowed = 1 + extra + self.sanctioned[video] * (1 + extra)
            assert len(ones) <= allowed, f"M1: {video} ({policy}) was paid for {len(ones)} times: {ones}"
            most = Counter(account for account, _ in ones).most_common(1)[0][1]
            same = 1 + (extra if policy is OnUnknown.RETRY else 0) + self.sanctioned[video] * (1 + extra)
            assert most <= same, f"M1: {video} ({policy}) was paid for {most} times at one provider: {ones}"

    def _check_kept(self) -> None:
        """An answer that was kept on the disk is known, whatever happened to the process that heard it."""
        upstreams = self.world.upstreams
        if self.world.actors or self.restored or not upstreams.honours_keys:
            return
        bound = {(one.account, one.ref) for one in self.history.attempts.values()}
        for job in upstreams.jobs:
            assert not job.kept or (job.account, job.ref) in bound, f"an answer was forgotten: {job}"

    def _video_of(self, prompt: str) -> str:
        if prompt not in self._names:
            self._names |= {video.spec.prompt: video.id for video in self.history.videos.values()}
        return self._names.get(prompt, "")

    # once everything has come to rest

    async def check_rest(self) -> None:
        """Everything has ended, and the money agrees with what the upstreams know."""
        videos, attempts = self.history.videos, list(self.history.attempts.values())
        for video in videos.values():
            assert video.ended, f"J1: {video.id} never ended: {video}"
            assert not video.held, f"L2: {video.id} still holds {video.held}: {video}"
            self._check_charge(video, [one for one in attempts if one.video == video.id])
            await self._check_events(video)
        assert not [one for one in attempts if one.state in LIVE], "an attempt still lives"
        for one in attempts:
            watched_until = videos[one.video].deadline_at + LATE_WATCH
            found = one.state is AttemptState.UNKNOWN and one.ref is not None
            assert not found or self.world.healed_at > watched_until - LATE_POLL, f"nobody watched {one}"
        left = await self.world.gateway.store.read(lambda tx: tx.tasks.next_due())
        assert left is None, "there is still something to do"
        self._check_truth(attempts)
        gateway = self.world.gateway
        findings = await Audit(store=gateway.store, tenants=gateway.tenants, clock=self.world.clock).verify()
        assert not findings, f"the audit found {findings}"

    def _check_charge(self, video: Video, attempts: list[Attempt]) -> None:
        charged, held = video.charged or 0, self.history.money[video.id].held
        if video.status is VideoStatus.COMPLETED:
            assert video.asset is not None
            made = next(one for one in attempts if one.id in video.asset.key)
            assert charged == min(_price(made), held), f"{video} was charged {charged}: {made}"
            assert self.world.file_exists(video.asset.key), f"{video.id} has no file"
        elif video.given_up:
            costs = [_price(one) for one in attempts if one.state is AttemptState.SUCCEEDED]
            assert not charged or charged in {min(cost, held) for cost in costs}, f"{video.id} cost {charged}"
        else:
            assert not charged, f"{video.id} failed and cost {charged}"

    async def _check_events(self, video: Video) -> None:
        async def read(connection: Connection) -> list[tuple[int, str, int, str]]:
            events = await Events(connection).after(video.tenant, video.id, 0)
            return [(event.seq, event.type, event.data["progress"], event.data["status"]) for event in events]

        told = await self.world.gateway.store.database.read(read)
        assert [seq for seq, *_ in told] == sorted({seq for seq, *_ in told}), f"J2: events of {video.id}: {told}"
        assert [one[2] for one in told] == sorted(one[2] for one in told), f"J2: progress told of {video.id}: {told}"
        ends = [status for _, type_, _, status in told if type_ in TERMINAL]
        assert ends == [video.status], f"J2: {video.id} is {video.status}, and was told {ends}"

    def _check_truth(self, attempts: list[Attempt]) -> None:
        """M2 and L5: each job is an attempt's, and is booked at what it was billed at."""
        bound = {(one.account, one.ref): one for one in attempts if one.ref is not None}
        spare = Counter((one.video, one.account) for one in attempts if _nobody_knows(one))
        for job in self.world.upstreams.jobs:
            attempt = bound.get((job.account, job.ref))
            if attempt is not None:
                self._check_job(job, attempt)
                continue
            where = (self._video_of(job.prompt), job.account)
            twin = job.key is not None and not self.world.upstreams.honours_keys
            assert spare[where] > 0 or self.restored or twin, f"M2: nobody knows of {job}: {attempts}"
            spare[where] -= 1
        for key, attempt in bound.items():
            assert self.world.upstreams.job(*key) is not None, f"{attempt} is of no job"

    def _check_job(self, job: Job, attempt: Attempt) -> None:
        booked = self.history.booked[attempt.id]
        if attempt.state is AttemptState.UNKNOWN:
            assert not booked.cost
            assert booked.suspense >= min(job.net, job.highest), f"L5: {job} {attempt}"
        elif job.account == DOITONG and job.said is None:
            assert booked == Booked(cost=attempt.expected or 0), f"L5: {job} {attempt} {booked}"
        else:
            assert booked == Booked(cost=job.net), f"L5: {job} is booked as {booked}: {attempt}"


def _periods(video: Video) -> tuple[str, str]:
    day = datetime.fromtimestamp(video.created_at / 1000, UTC)
    return day.strftime("%Y-%m"), day.strftime("%Y-%m-%d")


def _nobody_knows(attempt: Attempt) -> bool:
    return attempt.state is AttemptState.UNKNOWN and attempt.ref is None


def _policy(video: Video) -> OnUnknown:
    return video.routing.on_unknown or OF[video.tenant].routing.on_unknown


def _unbound(attempt: Attempt) -> bool:
    """The provider did not know the ref that an operator gave it, so it is unknown again."""
    lost = attempt.state is AttemptState.UNKNOWN and attempt.ref is None
    return lost and attempt.reason is not None and attempt.reason.code is FailureKind.NOT_FOUND


def _price(attempt: Attempt) -> int:
    """What the video an attempt made costs its tenant: its cost, at most the top that was quoted."""
    return min(_cost(attempt), attempt.credits_high) * PRICES[attempt.account]


def _cost(attempt: Attempt) -> int:
    """What an attempt that made a video costs, in credits."""
    return attempt.credits if attempt.credits is not None else attempt.expected or 0


def _expected(attempt: Attempt) -> Booked:
    """How an attempt must be booked, said once more in other words."""
    if attempt.state is AttemptState.UNKNOWN:
        return Booked(suspense=max(attempt.credits_high, attempt.credits or 0))
    if attempt.state in (AttemptState.RUNNING, AttemptState.SUCCEEDED):
        return Booked(cost=_cost(attempt))
    if attempt.state is not AttemptState.FAILED:
        return Booked()
    if attempt.verdict is not Verdict.ACCEPTED:
        return Booked(cost=attempt.credits or 0)
    return Booked(cost=0 if attempt.account == VEO else _cost(attempt))


def _reachable(state: AttemptState) -> set[AttemptState]:
    """Every state an attempt may be in, some moves later."""
    found, new = {state}, {state}
    while new:
        new = {after for one in new for after in ATTEMPT_MOVES[one].values()} - found
        found |= new
    return found
