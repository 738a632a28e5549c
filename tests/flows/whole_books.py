"""Are the books whole? By the gateway's own audit, by hand beside it, and against what the upstream says it billed."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from gateway.config.load import load
from gateway.config.settings import Settings
from gateway.footing import footing
from gateway.services.audit import Audit
from gateway.store.database import connect
from gateway.store.store import Store, Transaction
from schema import ledger
from schema.attempt import Attempt
from schema.clock import SystemClock
from schema.ledger import MICROS_UNIT, Entry, EntryKind
from schema.lifecycle import AttemptState
from schema.video import Video
from tests.flows.processes import Place

ALL = 100_000
ACME = "acme"


@dataclass(frozen=True)
class Books:
    """Everything that is about money in a database, of one moment."""

    entries: list[Entry]
    balances: dict[tuple[str, str], int]
    videos: list[Video]
    attempts: list[Attempt]

    def sum_of(self, account: str, unit: str = MICROS_UNIT) -> int:
        """What an account of the ledger stands at."""
        return self.balances.get((account, unit), 0)

    def credits(self, attempt: Attempt, name: str) -> int:
        """What is booked for an attempt as its account's ``cost`` or ``suspense``, by its entries alone."""
        postings = [one for entry in self.entries if entry.attempt == attempt.id for one in entry.postings]
        unit = ledger.credits_unit(attempt.account)
        return sum(one.amount for one in postings if (one.account, one.unit) == (f"{name}:{attempt.account}", unit))

    def moved(self, video: str) -> dict[str, int]:
        """What its tenant sees of it: how much was held, captured and released in all, micros."""
        seen = [entry for entry in self.entries if entry.video == video and entry.kind in ledger.TENANTS_KINDS]
        moved: Counter[str] = Counter()
        for kind in (EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE):
            moved[kind] += sum(max(one.amount for one in entry.postings) for entry in seen if entry.kind is kind)
        return moved


async def books_of(store: Store) -> Books:
    async def look(tx: Transaction) -> Books:
        videos = await tx.videos.page(ACME, after=None, before=None, limit=ALL, newest_first=False, status=None)
        return Books(
            entries=await tx.ledger.page("", ALL),
            balances=await tx.ledger.balances(),
            videos=videos,
            attempts=await tx.attempts.of_videos([video.id for video in videos]),
        )

    return await store.read(look, snapshot=True)


async def audited(store: Store, settings: Settings) -> Books:
    """The books, in which the gateway's own audit finds nothing wrong."""
    ground = await footing(settings, store)
    await ground.keeper.refresh()
    assert await Audit(store=store, tenants=ground.tenants, clock=SystemClock()).verify() == []
    return await books_of(store)


async def left_behind(place: Place) -> Books:
    """The same of a server that has stopped."""
    settings = load(place.config, {})
    database = await connect(settings.database.url)
    try:
        return await audited(Store(database), settings)
    finally:
        await database.close()


def assert_settled(books: Books) -> None:
    """Every hold is resolved once, for exactly what was charged, and every entry is in the sums."""
    for video in books.videos:
        moved = books.moved(video.id)
        assert moved[EntryKind.HOLD] == moved[EntryKind.CAPTURE] + moved[EntryKind.RELEASE], video
        assert (moved[EntryKind.CAPTURE], video.held or 0) == (video.charged or 0, 0), video
    sums: Counter[tuple[str, str]] = Counter()
    for entry in books.entries:
        for one in entry.postings:
            sums[one.account, one.unit] += one.amount
    assert {key: amount for key, amount in sums.items() if amount} == {
        key: amount for key, amount in books.balances.items() if amount
    }
    assert books.sum_of(ledger.held(ACME)) == 0
    assert books.sum_of(ledger.spent(ACME)) == sum(video.charged or 0 for video in books.videos)


def assert_as_billed(books: Books, truth: dict[str, Any]) -> None:
    """What the upstreams billed is booked: as cost where we know their job, else it is within what is in suspense."""
    net = {job["id"]: job["billed"] - job["refunded"] for job in truth["jobs"]}
    wishes = {job["id"]: (job["prompt"], job["provider"]) for job in truth["jobs"]}
    asked = {video.id: video.spec.prompt for video in books.videos}
    lost: dict[tuple[str, str], list[Attempt]] = {}
    for attempt in books.attempts:
        cost, suspense = books.credits(attempt, "cost"), books.credits(attempt, "suspense")
        if attempt.state is AttemptState.UNKNOWN:
            assert (cost, suspense) == (0, attempt.credits_high), attempt
            lost.setdefault((asked[attempt.video], attempt.provider), []).append(attempt)
        else:
            assert (cost, suspense) == (0 if attempt.ref is None else net.pop(attempt.ref), 0), attempt
    for id, billed in net.items():
        assert lost.get(wishes[id]), f"{id} was billed, and nothing stands for it: {wishes[id]}"
        assert billed <= lost[wishes[id]].pop().credits_high, id
