"""What we say to PostgreSQL and what it says to us, as text."""

import json

import pytest

from gateway.store.notify import payloads
from gateway.store.postgres import changed, dollars


def test_announcements_are_cut_below_what_notify_can_carry():
    topics = [f"video_{number:026}" for number in range(2_000)]

    sent = list(payloads("sender", topics))

    assert all(len(payload.encode()) < 8_000 for payload in sent)
    assert [topic for payload in sent for topic in json.loads(payload)[1:]] == topics
    assert all(json.loads(payload)[0] == "sender" for payload in sent)
    assert list(payloads("sender", [])) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT ? WHERE x = ?", "SELECT $1 WHERE x = $2"),
        ("SELECT '?', 'it''s ?', ?", "SELECT '?', 'it''s ?', $1"),
        ('SELECT "a?b", ? -- why?\n, ?', 'SELECT "a?b", $1 -- why?\n, $2'),
        ("SELECT /* ? */ ? /*skip locked*/", "SELECT /* ? */ $1 FOR UPDATE SKIP LOCKED"),
        ("SELECT x FROM y WHERE z = ? /*for update*/", "SELECT x FROM y WHERE z = $1 FOR UPDATE"),
    ],
)
def test_our_sql_is_spelled_for_postgresql(ours, theirs):
    assert dollars(ours) == theirs


@pytest.mark.parametrize(
    ("tag", "rows"),
    [("INSERT 0 3", 3), ("UPDATE 0", 0), ("DELETE 12", 12), ("SELECT 4", 0), ("CREATE TABLE", 0), ("SET", 0)],
)
def test_a_command_tag_says_how_many_rows_it_changed(tag, rows):
    assert changed(tag) == rows
