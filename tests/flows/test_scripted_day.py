"""A day of two hundred videos with every ending: the books are what was worked out by hand, and reconcile.

Three tenants: acme pays before (13.50), bluebird pays after, cedar pays after within 7.50 a day. Two accounts: a video
at veo-main costs 2 credits of 0.20, given back when it fails; at doitong-main 100 to 200 credits of 0.001 (high: 300 to
500), whatever becomes of it. So 0.40 is held for a video at veo-main, 0.20 at doitong-main, 0.50 for a high one.

What one video comes to:                                   its tenant pays   doitong-main   veo-main   how many
                                                           (thousandths)     (credits)      (credits)  acme blue cedar
 empty_veo      told to be empty, waits, is made                     400                         2       1    1    1
 empty_doitong  the same at the other, which says 150                150           150                   1    1    1
 reported       made, 150 credits reported                           150           150                  20   20   10
 listed         10 seconds, none reported: the price list            200           200                   5    5    2
 learned        none reported: what the others cost                  150           150                   5    5    2
 flat           none reported: 2 is 2                                400                         2       8    8    4
 given_back     fails, credits come back                               0                         0       4    4    2
 burnt          10 seconds, fails, and is billed                       0           200                   3    3    2
 refused        its content is rejected                                0                                 4    4    2
 dearer         busy at doitong-main, 0.20 more held, made           400                         2       3    3    2
 unsent         never left, sent again, made                         400                         2       3    3    2
 lost           outcome unknown, fails                                 0                 suspense 2      2    2    1
 replayed       outcome unknown, found under its key                 150           150                   3    3    2
 late_extra     lost at veo-main, made at doitong-main, both in      150           150           2       2    2    1
 canceled       before anybody had it                                  0                                 4    4    2
 canceled_made  canceled, and made all the same                      150           150                   2    2    1
 canceled_fail  canceled, and failed                                   0                         0       2    2    1
 canceled_lost  canceled while sent, outcome unknown                   0                 suspense 2      1    1    1
 late           10 seconds, its own deadline, made after             200           200                   2    2    1
 twice          one key, two jobs, both made and billed              150           300                   1    1    1
 above          high, 600 credits where 500 was the top              500           600                   1    1    1
 running        10 seconds, still being made              held       200           200                   1    1    0
 canceled_runs  canceled, still being made                held       200           200                   1    1    0
                                                                                                        79 + 79 + 42
acme and bluebird pay, each, in thousandths:
 400 + 150 + 20*150 + 5*200 + 5*150 + 8*400 + 3*400 + 3*400 + 3*150 + 2*150 + 2*150 + 2*200 + 150 + 500 = 13,000
 and 400 is held: acme has 13,500 - 13,000 - 400 = 100 left, too little for anything
cedar pays 400 + 150 + 10*150 + 2*200 + 2*150 + 4*400 + 2*400 + 2*400 + 2*150 + 150 + 150 + 200 + 150 + 500 = 7,400
 of 7,500: too little for anything
doitong-main bills, in credits, for all three:
 150 * (3 + 50 + 12 + 8 + 5 + 5) + 200 * (12 + 8 + 5 + 2 + 2) + 300*3 + 600*3 = 12,450 + 5,800 + 900 + 1,800 = 20,950
veo-main bills 2 * (3 + 20 + 8 + 8 + 5) = 88, and 2 * (5 + 3) = 16 stand in suspense
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.policy.reconciling import Code, Difference, Hint, Report
from gateway.services.audit import Audit
from gateway.services.videos import PageWish
from gateway.store.database import Connection, connect
from gateway.store.store import Store
from schema.errors import FailureKind, InsufficientFunds
from schema.incident import IncidentKind
from schema.ledger import MICROS_UNIT, credits_unit
from schema.money import Credits
from schema.video import OnUnknown, Quality, Strategy
from tests.flows.scripted import MIDNIGHT, Day, opened
from tests.store.postgres_server import PostgresServer

DAY = 24 * 3_600_000
PAGE = PageWish(limit=1)
BETWEEN = 420_000
"""A video every seven minutes: two hundred are a day, and no balance is told while another video is on its way."""

VEO, DOITONG = "veo-main", "doitong-main"
BOUGHT = {VEO: 1_000, DOITONG: 100_000}


async def empty_veo(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, only=(VEO,))
    await day.dry(await day.intend(video), BOUGHT[VEO])
    await day.make(*await day.run(video, 2))


async def empty_doitong(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, only=(DOITONG,))
    await day.dry(await day.intend(video), BOUGHT[DOITONG])
    await day.make(*await day.run(video, 150), 150)


async def reported(day: Day, tenant: str) -> None:
    await day.make(*await day.run(await day.ask(tenant), 150), 150)


async def listed(day: Day, tenant: str) -> None:
    await day.make(*await day.run(await day.ask(tenant, seconds=10, only=(DOITONG,)), 200))


async def learned(day: Day, tenant: str) -> None:
    await day.make(*await day.run(await day.ask(tenant), 150))


async def flat(day: Day, tenant: str) -> None:
    await day.make(*await day.run(await day.ask(tenant, only=(VEO,)), 2))


async def given_back(day: Day, tenant: str) -> None:
    await day.fail(*await day.run(await day.ask(tenant, only=(VEO,)), 2), refund=2)


async def burnt(day: Day, tenant: str) -> None:
    await day.fail(*await day.run(await day.ask(tenant, seconds=10, only=(DOITONG,)), 200))


async def refused(day: Day, tenant: str) -> None:
    await day.refuse(await day.intend(await day.ask(tenant, only=(VEO,))), FailureKind.CONTENT_REJECTED)


async def dearer(day: Day, tenant: str) -> None:
    video = await day.ask(tenant)
    await day.refuse(await day.intend(video), FailureKind.BUSY)
    attempt, ref = await day.run(video, 2)
    assert attempt.account == VEO
    await day.make(attempt, ref)


async def unsent(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, only=(VEO,))
    await day.refuse(await day.intend(video), FailureKind.UNREACHABLE)
    await day.make(*await day.run(video, 2))


async def lost(day: Day, tenant: str) -> None:
    await day.lose(await day.intend(await day.ask(tenant, only=(VEO,))))


async def replayed(day: Day, tenant: str) -> None:
    attempt = await day.intend(await day.ask(tenant))
    await day.lose(attempt)
    await day.make(attempt, await day.take(attempt, 150), 150)


async def late_extra(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, strategy=Strategy.ORDERED, on_unknown=OnUnknown.FAILOVER)
    first = await day.intend(video)
    assert first.account == VEO
    day.bills.append((VEO, first.id, 2))
    await day.lose(first)
    await day.make(*await day.run(video, 150), 150)
    await day.make(first, f"late-{first.id}")


async def canceled(day: Day, tenant: str) -> None:
    await day.cancel(await day.ask(tenant))


async def canceled_made(day: Day, tenant: str) -> None:
    video = await day.ask(tenant)
    taken = await day.run(video, 150)
    await day.cancel(video)
    await day.make(*taken, 150)


async def canceled_fail(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, only=(VEO,))
    taken = await day.run(video, 2)
    await day.cancel(video)
    await day.fail(*taken, refund=2)


async def canceled_lost(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, only=(VEO,))
    attempt = await day.intend(video)
    await day.cancel(video)
    await day.lose(attempt)


async def late(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, seconds=10, only=(DOITONG,), deadline_seconds=60)
    taken = await day.run(video, 200)
    day.clock.on(60)
    await day.expire(taken[0])
    await day.make(*taken, 200)


async def twice(day: Day, tenant: str) -> None:
    video = await day.ask(tenant)
    attempt, ref = await day.run(video, 150)
    again = await day.take(attempt, 0)
    second = await day.second(video)
    day.bills.append((DOITONG, second.id, 150))
    await day.make(attempt, ref, 150)
    await day.make(second, again, 150)


async def above(day: Day, tenant: str) -> None:
    await day.make(*await day.run(await day.ask(tenant, quality=Quality.HIGH), 600), 600)


async def running(day: Day, tenant: str) -> None:
    await day.run(await day.ask(tenant, seconds=10, only=(DOITONG,)), 200)


async def canceled_runs(day: Day, tenant: str) -> None:
    video = await day.ask(tenant, seconds=10, only=(DOITONG,))
    await day.run(video, 200)
    await day.cancel(video)


Ending = Callable[[Day, str], Awaitable[None]]
SCRIPT: tuple[tuple[Ending, int, int, int], ...] = (
    (empty_veo, 1, 0, 0),
    (empty_doitong, 1, 0, 0),
    (reported, 20, 20, 10),
    (listed, 5, 5, 2),
    (learned, 5, 5, 2),
    (flat, 8, 8, 4),
    (given_back, 4, 4, 2),
    (burnt, 3, 3, 2),
    (refused, 4, 4, 2),
    (dearer, 3, 3, 2),
    (unsent, 3, 3, 2),
    (empty_veo, 0, 1, 0),
    (empty_doitong, 0, 1, 0),
    (lost, 2, 2, 1),
    (replayed, 3, 3, 2),
    (late_extra, 2, 2, 1),
    (canceled, 4, 4, 2),
    (canceled_made, 2, 2, 1),
    (canceled_fail, 2, 2, 1),
    (canceled_lost, 1, 1, 1),
    (late, 2, 2, 1),
    (twice, 1, 1, 1),
    (above, 1, 1, 1),
    (empty_veo, 0, 0, 1),
    (empty_doitong, 0, 0, 1),
    (running, 1, 1, 0),
    (canceled_runs, 1, 1, 0),
)

MICROS = {
    "tenant:acme:available": 100_000,
    "tenant:acme:held": 400_000,
    "tenant:acme:spent": 13_000_000,
    "funding": -13_500_000,
    "tenant:bluebird:owed": -13_400_000,
    "tenant:bluebird:held": 400_000,
    "tenant:bluebird:spent": 13_000_000,
    "tenant:cedar:owed": -7_400_000,
    "tenant:cedar:spent": 7_400_000,
    "cost:doitong-main": 20_950_000,
    "provider:doitong-main": -20_950_000,
    "cost:veo-main": 17_600_000,  # 88 * 0.20
    "suspense:veo-main": 3_200_000,  # 16 * 0.20
    "provider:veo-main": -20_800_000,
}
CREDITS = {
    ("cost:doitong-main", DOITONG): 20_950,
    ("provider:doitong-main", DOITONG): -20_950,
    ("cost:veo-main", VEO): 88,
    ("suspense:veo-main", VEO): 16,
    ("provider:veo-main", VEO): -104,
}
BALANCES = {(account, MICROS_UNIT): amount for account, amount in MICROS.items()} | {
    (name, credits_unit(account)): amount for (name, account), amount in CREDITS.items()
}


def script() -> Iterator[tuple[Ending, str]]:
    for ending, *counts in SCRIPT:
        for tenant, count in zip(("acme", "bluebird", "cedar"), counts, strict=True):
            yield from [(ending, tenant)] * count


async def live(day: Day) -> dict[str, list[str]]:
    """Play the day: ending → the ids of its videos."""
    played: dict[str, list[str]] = {}
    for number, (ending, tenant) in enumerate(script()):
        day.clock.moment = MIDNIGHT + 300_000 + number * BETWEEN
        await ending(day, tenant)
        newest = (await day.gateway.videos.page(tenant, PAGE)).videos[0]
        played.setdefault(ending.__name__, []).append(newest.id)
    for tenant in ("acme", "cedar") * 5:
        day.clock.on(30)
        with pytest.raises(InsufficientFunds):
            await day.ask(tenant)
    return played


@pytest.fixture(params=["sqlite", "postgres"])
async def day(request, tmp_path) -> AsyncIterator[tuple[Day, dict[str, list[str]]]]:
    """The whole day, on both engines."""
    url = None
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = await server.create("scripted_day")
    async with opened(tmp_path, MIDNIGHT, url) as begun:
        yield begun, await live(begun)
    if url is not None:
        await server.drop("scripted_day")


def audit(day: Day) -> Audit:
    return Audit(store=day.gateway.store, tenants=day.gateway.tenants, clock=day.clock)


async def reconciled(day: Day) -> Report:
    return await day.gateway.reconciliation.run(MIDNIGHT, MIDNIGHT + DAY)


async def test_two_hundred_videos_leave_the_books_as_worked_out_by_hand(day):
    day, played = day
    assert sum(map(len, played.values())) == 200

    balances = await day.gateway.store.read(lambda tx: tx.ledger.balances())
    spending = await day.gateway.store.read(lambda tx: tx.spending.all())
    incidents = (await day.gateway.incidents.page(kind=None, after=None, limit=100)).incidents

    assert {key: amount for key, amount in balances.items() if amount} == BALANCES
    assert spending == [("cedar", "2026-10-01", 7_400_000)]
    assert (
        sorted(one.kind for one in incidents)
        == [IncidentKind.COST_ABOVE_QUOTE] * 3 + [IncidentKind.DUPLICATE_CHARGE] * 3
    )
    assert await audit(day).verify() == []
    assert (await reconciled(day)).differences == ()


# one day on SQLite, closed; then copies of it in which one thing is wrong


@pytest.fixture(scope="module")
def closed(tmp_path_factory) -> tuple[Path, Day, dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("day")

    async def play() -> tuple[Day, dict[str, list[str]]]:
        async with opened(folder, MIDNIGHT) as begun:
            return begun, await live(begun)

    return (folder, *asyncio.run(play()))


async def copied(closed_day: Path, folder: Path, *statements: str) -> None:
    """A copy of the database, changed behind the gateway's back."""
    shutil.copy(closed_day / "filmgate.db", folder / "filmgate.db")
    database = await connect(f"sqlite:///{folder}/filmgate.db")

    async def change(connection: Connection) -> int:
        return sum([await connection.run(statement) for statement in statements])

    assert not statements or await database.write(change) == 1
    await database.close()


async def found_in(folder: Path) -> Report:
    """What reconciliation finds in a copy, three days later."""
    async with opened(folder, MIDNIGHT + 3 * DAY) as later:
        return await reconciled(later)


async def attempts_of(folder: Path, video: str) -> list[str]:
    database = await connect(f"sqlite:///{folder}/filmgate.db")
    attempts = await Store(database).read(lambda tx: tx.attempts.of_video(video))
    await database.close()
    return [attempt.id for attempt in attempts]


def between_last_balances(day: Day, account: str, emptied: list[str]) -> list[str]:
    """The attempts an account billed after it told its last balance but one, and before it told the last."""
    numbers = [
        number for number, (name, _, _) in enumerate(day.bills) if name == account and day.bills[number][1] in emptied
    ]
    return sorted({id for name, id, _ in day.bills[numbers[-2] : numbers[-1]] if name == account})


def test_what_the_providers_billed_is_what_is_booked(closed):
    _, day, _ = closed

    billed = dict.fromkeys((VEO, DOITONG), 0)
    for account, _attempt, credits in day.bills:
        billed[account] += credits

    assert billed == {account: CREDITS[f"cost:{account}", account] for account in (VEO, DOITONG)}


async def test_a_clean_day_reconciles_and_lists_the_lost_submits_apart(closed, tmp_path):
    folder, _, played = closed
    await copied(folder, tmp_path)

    report = await found_in(tmp_path)

    assert (report.accounts, report.unexplained, report.differences) == ((DOITONG, VEO), 0, ())
    assert {(one.video, one.credits, one.hint) for one in report.open_suspense} == {
        (video, 2, Hint.LIKELY_NOT_BILLED) for video in played["lost"] + played["canceled_lost"]
    }


async def test_a_balance_that_fell_too_far_is_found(closed, tmp_path):
    folder, day, played = closed
    last = f"(SELECT max(at) FROM sightings WHERE account = '{DOITONG}')"
    await copied(
        folder, tmp_path, f"UPDATE sightings SET credits = credits - 2 WHERE account = '{DOITONG}' AND at = {last}"
    )
    emptied = [(await attempts_of(tmp_path, video))[-1] for video in played["empty_doitong"]]

    (difference,) = (await found_in(tmp_path)).differences

    assert (difference.code, difference.account, difference.day) == (Code.BALANCE_FELL, DOITONG, "2026-10-01")
    assert (difference.expected - difference.found, difference.micros, difference.hint) == (2, 2_000, None)
    assert list(difference.attempts) == between_last_balances(day, DOITONG, emptied)


async def test_a_balance_that_fell_by_what_a_lost_submit_costs_is_explained(closed, tmp_path):
    folder, _, played = closed
    last = f"(SELECT max(at) FROM sightings WHERE account = '{VEO}')"
    await copied(
        folder, tmp_path, f"UPDATE sightings SET credits = credits - 16 WHERE account = '{VEO}' AND at = {last}"
    )
    suspects = [(await attempts_of(tmp_path, video))[0] for video in played["lost"] + played["canceled_lost"]]

    report = await found_in(tmp_path)

    (difference,) = report.differences
    assert (report.unexplained, difference.hint) == (0, Hint.LIKELY_BILLED)
    assert list(difference.explained_by) == sorted(suspects)
    assert {one.hint for one in report.open_suspense} == {Hint.LIKELY_BILLED}


async def test_a_reported_cost_that_is_not_booked_is_found(closed, tmp_path):
    folder, _, played = closed
    (attempt,) = await attempts_of(folder, played["reported"][7])
    await copied(folder, tmp_path, f"UPDATE attempts SET credits = 151 WHERE id = '{attempt}'")

    report = await found_in(tmp_path)

    assert report.differences == (a_difference(Code.REPORTED_NOT_BOOKED, attempt, expected=151, found=150),)


async def test_a_made_video_whose_cost_was_never_booked_is_found(closed, tmp_path):
    folder, _, played = closed
    (attempt,) = await attempts_of(folder, played["learned"][3])
    remove = f"DELETE FROM entries WHERE attempt = '{attempt}' AND kind = 'cost'"
    await copied(folder, tmp_path, "DROP TRIGGER entries_not_removed", remove)

    report = await found_in(tmp_path)

    assert report.differences == (a_difference(Code.UNBOOKED, attempt, expected=150, found=0),)


def a_difference(code: Code, attempt: str, *, expected: Credits, found: Credits) -> Difference:
    return Difference(
        code=code,
        account=DOITONG,
        day="2026-10-01",
        expected=expected,
        found=found,
        micros=abs(expected - found) * 1_000,
        attempts=(attempt,),
    )


async def test_a_video_on_its_way_while_a_balance_is_told_is_no_difference(tmp_path):
    """The provider had billed it when it told its balance, and we had not heard of it."""
    async with opened(tmp_path, MIDNIGHT) as day:
        await empty_veo(day, "bluebird")
        day.clock.on(600)
        other = await day.ask("bluebird", only=(VEO,))
        sent, refused = await day.intend(await day.ask("bluebird", only=(VEO,))), await day.intend(other)
        day.bills.append((VEO, sent.id, 2))
        await day.dry(refused, BOUGHT[VEO])
        day.clock.on(7_000)
        await day.make(sent, await day.take(sent, 0))

        assert (await reconciled(day)).differences == ()
