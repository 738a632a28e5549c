"""The journal: an answer is on disk before anybody hears of it."""

import resource
import signal
from pathlib import Path

import pytest

from gateway.journal import KEPT_BODY, Heard, Journal, put_away, read
from gateway.policy.verdict import Outcome
from providers.base import Accepted
from schema.attempt import Reason, Verdict
from schema.errors import FailureKind

TAKEN = Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref="r-1", credits=100))
LOST = Outcome(verdict=Verdict.UNKNOWN, reason=Reason(FailureKind.LOST, "no answer"))


async def test_an_answer_is_on_disk_when_keep_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=TAKEN, status=200, body=b'{"id": "r-1"}'))

    found, unreadable = read(tmp_path / "one.jsonl")
    assert found == [Heard(attempt="att_1", at=7, outcome=TAKEN, status=200, body=b'{"id": "r-1"}')]
    assert unreadable == 0
    journal.close()


async def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    mine, other = Journal(tmp_path, "mine"), Journal(tmp_path, "other")

    assert mine.orphans() == []
    mine.close()
    other.close()


async def test_the_journal_of_a_dead_process_is_found(tmp_path: Path) -> None:
    dead = Journal(tmp_path, "dead")
    await dead.keep(Heard(attempt="att_1", at=7, outcome=LOST))
    dead.close()  # its lock is gone, as if it had been killed before the record

    mine = Journal(tmp_path, "mine")

    assert mine.orphans() == [tmp_path / "dead.jsonl"]
    mine.close()


async def test_a_journal_whose_answers_were_all_recorded_is_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=TAKEN))
    journal.recorded()

    journal.close()

    assert list(tmp_path.iterdir()) == []


async def test_a_line_cut_short_by_a_crash_is_not_an_answer(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=TAKEN))
    await journal.keep(Heard(attempt="att_2", at=8, outcome=TAKEN))
    journal.close()
    path = tmp_path / "one.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    assert [heard.attempt for heard in read(path)[0]] == ["att_1"]


async def test_a_huge_answer_is_kept_by_its_beginning(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=LOST, body=b"x" * (KEPT_BODY + 1)))
    journal.close()

    assert len(read(tmp_path / "one.jsonl")[0][0].body) == KEPT_BODY


async def test_a_line_that_nobody_can_read_does_not_hide_the_others_and_is_kept_for_an_operator(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=TAKEN))
    journal.close()
    path = tmp_path / "one.jsonl"
    path.write_bytes(b'{"attempt": "att_0", "outco\n' + path.read_bytes())

    found, unreadable = read(path)
    put_away(path, unreadable=unreadable)

    assert ([heard.attempt for heard in found], unreadable) == (["att_1"], 1)
    assert [left.name for left in tmp_path.iterdir()] == ["one.unreadable"]


async def test_an_answer_that_the_disk_takes_only_in_part_leaves_no_torn_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    await journal.keep(Heard(attempt="att_1", at=7, outcome=TAKEN))
    before = (tmp_path / "one.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 20, hard))  # as a disk that is full 20 bytes further on
    try:
        with pytest.raises(OSError, match="too large"):
            await journal.keep(Heard(attempt="att_2", at=8, outcome=TAKEN))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    await journal.keep(Heard(attempt="att_3", at=9, outcome=TAKEN))

    assert [heard.attempt for heard in read(tmp_path / "one.jsonl")[0]] == ["att_1", "att_3"]
    journal.close()
