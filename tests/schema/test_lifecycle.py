"""The two tables of moves: whole, closed, and the only way from one state to another."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import IllegalMove
from schema.lifecycle import (
    ATTEMPT_MOVES,
    ENDED,
    LIVE,
    OPEN,
    VIDEO_MOVES,
    AttemptMove,
    AttemptState,
    VideoMove,
    VideoStatus,
    move_attempt,
    move_video,
)

VIDEO = pytest.param(VIDEO_MOVES, VideoStatus, VideoMove, move_video, VideoStatus.QUEUED, id="video")
ATTEMPT = pytest.param(ATTEMPT_MOVES, AttemptState, AttemptMove, move_attempt, AttemptState.PLANNED, id="attempt")
both = pytest.mark.parametrize(("table", "states", "moves", "move", "first"), [VIDEO, ATTEMPT])


def reachable(table: dict[Any, dict[Any, Any]], first: Any) -> set[Any]:
    found, fresh = {first}, {first}
    while fresh:
        fresh = {successor for state in fresh for successor in table[state].values()} - found
        found |= fresh
    return found


@both
def test_every_state_has_its_row_and_can_be_reached_from_the_first(table, states, moves, move, first):
    assert set(table) == set(states)
    assert reachable(table, first) == set(states)


@both
def test_every_move_is_of_use_somewhere(table, states, moves, move, first):
    assert {made for row in table.values() for made in row} == set(moves)


@both
def test_from_every_state_an_end_can_be_reached(table, states, moves, move, first):
    ends = {state for state, row in table.items() if not row}

    assert all(reachable(table, state) & ends for state in states)


@both
def test_what_the_table_has_moves_and_what_it_has_not_is_illegal(table, states, moves, move, first):
    for state in states:
        for wanted in moves:
            if wanted in table[state]:
                assert move(state, wanted) is table[state][wanted]
            else:
                with pytest.raises(IllegalMove, match=f"{state} has no move {wanted}"):
                    move(state, wanted)


@both
@given(data=st.data())
def test_a_random_walk_never_leaves_the_table_and_never_leaves_an_end(table, states, moves, move, first, data):
    state = first
    for wanted in data.draw(st.lists(st.sampled_from(moves), max_size=30)):
        before = state
        try:
            state = move(state, wanted)
        except IllegalMove:
            assert wanted not in table[before]
        else:
            assert table[before], f"{before} is an end"
        assert state in table


def test_a_video_ends_completed_failed_or_canceled_and_nowhere_else():
    assert {VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.CANCELED} == ENDED
    assert all(not VIDEO_MOVES[status] for status in ENDED)


def test_a_started_video_never_waits_in_the_queue_again():
    assert VideoStatus.QUEUED not in reachable(VIDEO_MOVES, VIDEO_MOVES[VideoStatus.QUEUED][VideoMove.START])


def test_an_attempt_that_was_sent_is_never_sent_again_by_the_life_cycle():
    sending = [state for state, row in ATTEMPT_MOVES.items() if AttemptMove.SEND in row]

    assert sending == [AttemptState.PLANNED]
    assert AttemptState.PLANNED not in reachable(ATTEMPT_MOVES, AttemptState.SUBMITTING)


def test_an_unknown_attempt_can_still_turn_out_either_way_but_is_not_live():
    assert set(ATTEMPT_MOVES[AttemptState.UNKNOWN].values()) == {
        AttemptState.RUNNING,
        AttemptState.SUCCEEDED,
        AttemptState.FAILED,
    }
    assert AttemptState.UNKNOWN in OPEN - LIVE


def test_open_attempts_are_those_that_have_not_ended():
    assert {state for state, row in ATTEMPT_MOVES.items() if row} == OPEN
