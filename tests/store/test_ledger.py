"""The ledger as both engines keep it: sums that follow the entries, and money that can not be spent twice."""

import asyncio

import pytest
from msgspec.structs import replace

from gateway.store.database import ConstraintViolation, StoreError, UniqueViolation
from gateway.store.ledger import SHARDS
from schema.ledger import FUNDING, MICROS_UNIT, Entry, EntryKind, Posting, Unbalanced
from tests.store.rows import NOW

AVAILABLE, HELD = "tenant:acme:available", "tenant:acme:held"
TOP_UP = EntryKind.TOP_UP


def an_entry(id: str, kind: EntryKind, amount: int, *, out_of: str, into: str) -> Entry:
    postings = (Posting(out_of, MICROS_UNIT, -amount), Posting(into, MICROS_UNIT, amount))
    return Entry(id=id, kind=kind, at=NOW, postings=postings, tenant="acme")


async def post(store, *entries: Entry) -> None:
    for entry in entries:
        await store.write(lambda tx, entry=entry: tx.ledger.post(entry, luck=0.5))


async def stands(store, account: str) -> int:
    sums: dict[tuple[str, str], int] = await store.read(lambda tx: tx.ledger.balances([account]))
    return sums.get((account, MICROS_UNIT), 0)


async def test_what_is_available_can_be_drawn_to_nothing_and_given_back(store):
    top_up = an_entry("led_1", EntryKind.TOP_UP, 100, out_of=FUNDING, into=AVAILABLE)
    hold = an_entry("led_2", EntryKind.HOLD, 100, out_of=AVAILABLE, into=HELD)
    release = an_entry("led_3", EntryKind.RELEASE, 30, out_of=HELD, into=AVAILABLE)

    await post(store, top_up, hold, release)

    assert (await stands(store, AVAILABLE), await stands(store, HELD)) == (30, 70)


@pytest.mark.parametrize("has", [0, 99])
async def test_what_is_available_never_falls_below_zero(store, has):
    if has:
        await post(store, an_entry("led_1", EntryKind.TOP_UP, has, out_of=FUNDING, into=AVAILABLE))

    with pytest.raises(ConstraintViolation):
        await post(store, an_entry("led_2", EntryKind.HOLD, 100, out_of=AVAILABLE, into=HELD))

    assert (await stands(store, AVAILABLE), await stands(store, HELD)) == (has, 0)


def topped_up(id: str, amount: int, **facts) -> Entry:
    return replace(an_entry(id, TOP_UP, amount, out_of=FUNDING, into=AVAILABLE), **facts)


async def ids_of(store) -> list[str]:
    return [entry.id for entry in await store.read(lambda tx: tx.ledger.page("", 100))]


async def test_an_entry_comes_back_as_it_was_booked(store):
    bare = Entry(
        id="led_1", kind=EntryKind.COST, at=NOW, postings=(Posting("a", "u", 2**53), Posting("b", "u", -(2**53)))
    )
    full = topped_up("led_2", 5, video="video_1", attempt="att_1", account="main", actor="🦊", note="'n'", once="key")

    await post(store, bare, full)

    assert await store.read(lambda tx: tx.ledger.page("", 10)) == [bare, full]
    assert await store.read(lambda tx: tx.ledger.once("key")) == full


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET note = 'mended'", "UPDATE entries SET postings = '[]'", "DELETE FROM entries"]
)
async def test_whoever_has_the_database_open_an_entry_stays_as_it_is(store, statement):
    entry = topped_up("led_1", 100)
    await post(store, entry)

    with pytest.raises(StoreError, match="never"):
        await store.database.write(lambda connection: connection.run(statement))

    assert await store.read(lambda tx: tx.ledger.page("", 10)) == [entry]


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(HELD, MICROS_UNIT, 1),),
        (Posting(HELD, MICROS_UNIT, 1), Posting(FUNDING, MICROS_UNIT, -2)),
        (Posting(HELD, MICROS_UNIT, 1), Posting(FUNDING, "credits:main", -1)),
    ],
    ids=["nothing", "one_side", "more_than_came", "another_unit"],
)
async def test_what_does_not_balance_is_refused_with_all_that_came_with_it(store, postings):
    async def work(tx):
        await tx.ledger.post(topped_up("led_1", 100), luck=0.5)
        await tx.ledger.post(replace(topped_up("led_2", 1), postings=postings), luck=0.5)

    with pytest.raises(Unbalanced):
        await store.write(work)

    assert await ids_of(store) == []
    assert await store.read(lambda tx: tx.ledger.balances()) == {}


async def test_what_must_be_booked_once_is_booked_once(store):
    await post(store, topped_up("led_1", 100, once="opening:acme"))

    with pytest.raises(UniqueViolation):
        await post(store, topped_up("led_2", 100, once="opening:acme"))

    assert (await ids_of(store), await stands(store, AVAILABLE)) == (["led_1"], 100)


async def hold_if_there_is_enough(store, id: str, amount: int) -> bool:
    """What a create does: look at what is left, which nobody else can change meanwhile, and draw on it."""

    async def work(tx) -> bool:
        if await tx.ledger.available(AVAILABLE) < amount:
            return False
        await tx.ledger.post(an_entry(id, EntryKind.HOLD, amount, out_of=AVAILABLE, into=HELD), luck=0.5)
        return True

    held: bool = await store.write(work)
    return held


async def test_of_many_at_once_only_as_many_are_held_as_there_is_money_for(store):
    await post(store, topped_up("led_0", 1_050))

    held = await asyncio.gather(*(hold_if_there_is_enough(store, f"led_{n:03}", 100) for n in range(1, 41)))

    assert held.count(True) == 10
    assert (await stands(store, AVAILABLE), await stands(store, HELD)) == (50, 1_000)


async def test_even_without_a_look_many_at_once_can_not_draw_more_than_there_is(store):
    await post(store, topped_up("led_0", 1_050))
    holds = [an_entry(f"led_{n:03}", EntryKind.HOLD, 100, out_of=AVAILABLE, into=HELD) for n in range(1, 41)]

    done = await asyncio.gather(*(post(store, hold) for hold in holds), return_exceptions=True)

    refused = [one for one in done if one is not None]
    assert {type(one) for one in refused} == {ConstraintViolation}
    assert len(refused) == 30
    assert (await stands(store, AVAILABLE), await stands(store, HELD)) == (50, 1_000)


async def test_a_balance_is_spread_over_shards_and_is_their_sum(store):
    await post(store, topped_up("led_0", 10_000))

    for n in range(40):
        hold = an_entry(f"led_{n + 1:03}", EntryKind.HOLD, n + 1, out_of=AVAILABLE, into=HELD)
        await store.write(lambda tx, hold=hold, n=n: tx.ledger.post(hold, luck=(n % SHARDS) / SHARDS))

    question = "SELECT account, count(*) FROM balances GROUP BY account ORDER BY account"
    rows = await store.database.read(lambda connection: connection.all(question))
    assert dict(map(tuple, rows)) == {FUNDING: 1, AVAILABLE: 1, HELD: SHARDS}
    assert (await stands(store, AVAILABLE), await stands(store, HELD)) == (10_000 - 820, 820)


async def test_transactions_that_book_the_same_accounts_the_other_way_round_do_not_block_each_other(store):
    pairs = [("a", "b"), ("b", "a")] * 20
    entries = [an_entry(f"led_{n:03}", EntryKind.COST, 1, out_of=out, into=into) for n, (out, into) in enumerate(pairs)]

    await asyncio.gather(*(post(store, entry) for entry in entries))

    assert (await stands(store, "a"), await stands(store, "b"), len(await ids_of(store))) == (0, 0, 40)


async def test_entries_of_several_videos_are_read_in_one_go(store):
    await post(store, *(topped_up(f"led_{n}", 1, video=f"video_{n % 3}") for n in range(6)))

    found = await store.read(lambda tx: tx.ledger.of_videos(["video_2", "video_0"]))

    assert [entry.id for entry in found] == ["led_0", "led_2", "led_3", "led_5"]
    assert await store.read(lambda tx: tx.ledger.of_videos([])) == []


async def test_an_account_s_entries_are_those_of_a_span_without_its_end(store):
    await post(store, *(topped_up(f"led_{n}", 1, account="main", at=NOW + n) for n in range(4)))
    await post(store, topped_up("led_9", 1, account="other", at=NOW + 1))

    found = await store.read(lambda tx: tx.ledger.of_account("main", NOW + 1, NOW + 3))

    assert [entry.id for entry in found] == ["led_1", "led_2"]
