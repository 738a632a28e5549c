"""Are the books whole? Every rule of the ledger, checked on a database as it is; servers may run meanwhile."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import msgspec

from gateway.policy import auditing, bookkeeping
from gateway.policy.auditing import Finding, FindingCode, Sums
from gateway.services.budgets import id_span
from gateway.services.tenants import Tenants
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis
from schema.ledger import Entry
from schema.tenant import UNLIMITED, Tenant

AT_ONCE = 500
"""Rows that are in memory at a time."""

T = TypeVar("T")


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """How much was looked at, and what is wrong with it."""

    entries: int
    accounts: int
    videos: int
    findings: list[Finding]


class Audit:
    def __init__(self, *, store: Store, tenants: Tenants, clock: Clock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock

    async def verify(self) -> list[Finding]:
        """Everything that is wrong with the books; nothing when they balance."""
        return (await self.run()).findings

    async def run(self) -> Audited:
        """The same, and how much was looked at."""
        now = self._clock.now()
        entries, sums, findings = await self._store.read(lambda tx: _entries(tx, now), snapshot=True)
        videos, last = 0, ""
        while True:
            ids, found = await self._store.read(partial(_videos, after=last), snapshot=True)
            if not ids:
                break
            findings += found
            videos, last = videos + len(ids), ids[-1]
        findings += await self._store.read(self._budgets, snapshot=True)
        accounts = len({account for account, _ in sums})
        return Audited(entries=entries, accounts=accounts, videos=videos, findings=findings)

    async def _budgets(self, tx: Transaction) -> list[Finding]:
        """What counts towards a budget that there is; what was counted for one that is gone says nothing."""
        found: list[Finding] = []
        for tenant, period, counted in await tx.spending.all():
            if not _counts(self._tenants.get(tenant), period):
                continue
            first, last = id_span(period)
            committed = await tx.spending.committed(tenant, first=first, last=last)
            if committed != counted:
                code = FindingCode.SPENDING_DIFFERS
                found.append(auditing.finding(code, expected=committed, found=counted, tenant=tenant, period=period))
        return found


def _counts(tenant: Tenant | None, period: str) -> bool:
    funding = UNLIMITED if tenant is None else tenant.funding
    begin, _ = bookkeeping.span(period)
    return period in {name for name, _ in bookkeeping.periods(funding, begin)}


async def _entries(tx: Transaction, now: Millis) -> tuple[int, Sums, list[Finding]]:
    """Every entry by itself, and all of them together: of one moment, or the balances would not fit."""
    count, sums, findings, after = 0, Sums(), list[Finding](), ""
    while page := await tx.ledger.page(after, AT_ONCE):
        auditing.add_up(sums, page)
        for entry in page:
            findings += auditing.of_entry(entry, now)
        findings += await _strays(tx, page)
        count, after = count + len(page), page[-1].id
    return count, sums, findings + auditing.of_balances(sums, await tx.ledger.balances())


async def _strays(tx: Transaction, page: list[Entry]) -> list[Finding]:
    """Entries about videos and attempts that are not there."""
    videos = await tx.videos.known(sorted({entry.video for entry in page if entry.video is not None}))
    ids = sorted({entry.attempt for entry in page if entry.attempt is not None})
    attempts = {attempt.id for attempt in await tx.attempts.named(ids)}
    found: list[Finding] = []
    for entry in page:
        if entry.video is not None and entry.video not in videos:
            code = FindingCode.NO_SUCH_VIDEO
            found.append(auditing.finding(code, expected=entry.video, found=None, entry=entry.id))
        if entry.attempt is not None and entry.attempt not in attempts:
            code = FindingCode.NO_SUCH_ATTEMPT
            found.append(auditing.finding(code, expected=entry.attempt, found=None, entry=entry.id))
    return found


async def _videos(tx: Transaction, *, after: str) -> tuple[list[str], list[Finding]]:
    """Some videos with all that belongs to them, of one moment: which, and what is wrong."""
    videos = await tx.videos.after(after, AT_ONCE)
    ids = [video.id for video in videos]
    attempts = _by(await tx.attempts.of_videos(ids), lambda attempt: attempt.video)
    entries = await tx.ledger.of_videos(ids)
    of_video, of_attempt = _by(entries, lambda entry: entry.video), _by(entries, lambda entry: entry.attempt)
    found: list[Finding] = []
    for video in videos:
        own = attempts.get(video.id, [])
        found += auditing.of_video(video, own, of_video.get(video.id, []))
        for attempt in own:
            found += auditing.of_attempt(attempt, of_attempt.get(attempt.id, []))
    return ids, found


def _by(rows: Iterable[T], key: Callable[[T], str | None]) -> dict[str | None, list[T]]:
    """The rows in groups that keep their order."""
    groups: dict[str | None, list[T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
