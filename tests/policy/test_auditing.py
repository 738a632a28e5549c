"""The rules of the books, one by one: what breaks them is named, what keeps them is not."""

import pytest

from gateway.policy.auditing import AHEAD, FindingCode, of_attempt, of_balances, of_entry, of_video
from gateway.policy.bookkeeping import settlement, transfer
from schema import ledger
from schema.clock import Millis
from schema.ids import Ids
from schema.ledger import FUNDING, MICROS_UNIT, Entry, EntryKind, Posting
from schema.lifecycle import AttemptState, VideoStatus
from schema.video import Video
from tests.store.rows import NOW, a_video, an_attempt

OWED, HELD = ledger.owed("acme"), ledger.held("acme")
ID, _ = Ids().entry(NOW)


def an_entry(kind: EntryKind, amount: int, *, out_of: str, into: str, at: Millis = NOW, id: str = ID) -> Entry:
    return Entry(id=id, kind=kind, at=at, postings=transfer(kind, amount, out_of=out_of, into=into).postings)


def hold(amount: int) -> Entry:
    return an_entry(EntryKind.HOLD, amount, out_of=OWED, into=HELD)


def settled(held: int, charge: int) -> list[Entry]:
    drafts = settlement("acme", OWED, held, charge)
    return [Entry(id=ID, kind=draft.kind, at=NOW, postings=draft.postings) for draft in drafts]


def ended(status: VideoStatus = VideoStatus.COMPLETED, **facts) -> Video:
    return a_video(status=status, substate=None, completed_at=NOW, **{"held": 0, "held_from": OWED, **facts})


def codes(video: Video, *entries: Entry, running: bool = False) -> list[FindingCode]:
    attempts = [an_attempt(state=AttemptState.RUNNING)] if running else []
    return [finding.code for finding in of_video(video, attempts, list(entries))]


@pytest.mark.parametrize(
    ("video", "entries"),
    [
        (a_video(), []),
        (a_video(held=100, held_from=OWED), [hold(100)]),
        (a_video(held=150, held_from=OWED), [hold(100), hold(50)]),
        (ended(charged=70), [hold(100), *settled(100, 70)]),
        (ended(charged=100), [hold(100), *settled(100, 100)]),
        (ended(charged=0), [hold(100), *settled(100, 0)]),
        (ended(VideoStatus.FAILED), [hold(100), *settled(100, 0)]),
    ],
)
def test_a_video_whose_money_adds_up_has_nothing_wrong(video, entries):
    assert codes(video, *entries) == []


@pytest.mark.parametrize(
    ("video", "entries", "wrong"),
    [
        (a_video(held=100, held_from=OWED), [], [FindingCode.HOLD_DIFFERS]),
        (a_video(), [hold(100)], [FindingCode.HOLD_DIFFERS]),
        (ended(VideoStatus.FAILED), [hold(100)], [FindingCode.HOLD_DIFFERS]),
        (ended(VideoStatus.FAILED, held=100), [hold(100)], [FindingCode.HELD_AFTER_END]),
        (ended(charged=60), [hold(100), *settled(100, 70)], [FindingCode.CHARGE_DIFFERS]),
        (ended(), [hold(100), *settled(100, 70)], [FindingCode.CHARGE_DIFFERS]),
        (ended(charged=70), [hold(100), *settled(100, 0)], [FindingCode.CHARGE_DIFFERS]),
        (ended(charged=90), [hold(90), *settled(50, 50), *settled(40, 40)], [FindingCode.CAPTURED_TWICE]),
        (
            ended(charged=120),
            [hold(100), *settled(120, 120)],
            [FindingCode.HOLD_DIFFERS, FindingCode.CAPTURED_ABOVE_HOLD],
        ),
    ],
)
def test_a_video_whose_money_does_not_is_told(video, entries, wrong):
    assert codes(video, *entries) == wrong


def test_a_canceled_video_may_hold_while_its_provider_goes_on_and_no_longer():
    canceled = ended(VideoStatus.CANCELED, held=100)

    assert codes(canceled, hold(100), running=True) == []
    assert codes(canceled, hold(100)) == [FindingCode.HELD_AFTER_END]


@pytest.mark.parametrize("at", [NOW - 1, NOW + 1])
def test_an_entry_was_made_when_its_id_says(at):
    entry = an_entry(EntryKind.HOLD, 1, out_of=OWED, into=HELD, at=at)

    assert [finding.code for finding in of_entry(entry, NOW + 5)] == [FindingCode.IMPLAUSIBLE_TIME]


@pytest.mark.parametrize(("ahead", "wrong"), [(AHEAD, []), (AHEAD + 1, [FindingCode.IMPLAUSIBLE_TIME])])
def test_an_entry_may_be_a_little_ahead_of_our_clock(ahead, wrong):
    entry = an_entry(EntryKind.HOLD, 1, out_of=OWED, into=HELD)

    assert [finding.code for finding in of_entry(entry, NOW - ahead)] == wrong


@pytest.mark.parametrize(
    "postings", [(), (Posting(HELD, MICROS_UNIT, 1),), (Posting(HELD, "a", 1), Posting(OWED, "b", -1))]
)
def test_an_entry_that_does_not_balance_is_told(postings):
    entry = Entry(id=ID, kind=EntryKind.HOLD, at=NOW, postings=postings)

    assert {finding.code for finding in of_entry(entry, NOW)} == {FindingCode.UNBALANCED}


def test_balances_that_are_not_the_sums_are_told_one_by_one():
    sums = {(HELD, MICROS_UNIT): 5, (OWED, MICROS_UNIT): -5, (FUNDING, MICROS_UNIT): 0}
    balances = {(HELD, MICROS_UNIT): 6, (OWED, MICROS_UNIT): -5, ("cost:main", "credits:main"): 2}

    found = [(finding.where["account"], finding.expected, finding.found) for finding in of_balances(sums, balances)]

    assert found == [("cost:main", 0, 2), (HELD, 5, 6)]


def test_only_what_is_available_must_not_be_below_zero():
    accounts = (ledger.available("acme"), OWED, FUNDING, ledger.billed("main"))
    sums = {(account, MICROS_UNIT): -1 for account in accounts}

    assert [(one.code, one.where["account"]) for one in of_balances(sums, sums)] == [
        (FindingCode.BELOW_ZERO, ledger.available("acme"))
    ]


def test_what_is_booked_for_an_attempt_is_compared_in_credits_and_in_money():
    attempt = an_attempt(state=AttemptState.RUNNING, expected=2, price=10)

    found = {(one.where["account"], one.where["unit"]): one.expected for one in of_attempt(attempt, [])}

    assert found == {
        ("cost:veo-main", "credits:veo-main"): 2,
        ("cost:veo-main", MICROS_UNIT): 20,
        ("provider:veo-main", "credits:veo-main"): -2,
        ("provider:veo-main", MICROS_UNIT): -20,
    }
