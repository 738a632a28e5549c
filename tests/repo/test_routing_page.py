"""docs/routing.md: every reason code with the parameters it really has, every strategy, every field of a remedy."""

import re
from pathlib import Path

import pytest

from gateway.policy.amending import AMENDS
from schema.quote import OUTRANKED, PASSING, STANDING, ReasonCode
from schema.video import RoutingWish, Strategy, VideoErrorCode
from tests.policy.reaching import reached
from tests.repo.sources import ROOT

PAGE = (Path(ROOT) / "docs" / "routing.md").read_text()


def rows(begin: str) -> dict[str, list[str]]:
    """The table that follows a heading or a sentence: first cell → all cells."""
    lines = iter(PAGE[PAGE.index(begin) + len(begin) :].splitlines())
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in _table(lines)]
    return {row[0]: row for row in cells[2:]}


def _table(lines):
    found = []
    for line in lines:
        if line.startswith("|"):
            found.append(line)
        elif found:
            break
    return found


def codes(begin: str) -> set[str]:
    return {first.strip("`") for first in rows(begin)}


def test_every_reason_code_stands_in_the_table_of_its_sort():
    assert codes("What was asked:") == set(ReasonCode) - PASSING - OUTRANKED
    assert codes("How the account is:") == PASSING
    assert codes("How an account that could compares") == OUTRANKED


def test_every_reason_says_what_to_do():
    for begin in ("What was asked:", "How the account is:", "How an account that could compares"):
        assert all(len(row) == 3 and all(row) for row in rows(begin).values())


@pytest.mark.parametrize("code", sorted(set(ReasonCode) - STANDING))
def test_every_parameter_of_a_reason_stands_beside_it(code):
    tables = ("What was asked:", "How the account is:", "How an account that could compares")
    row = next(found[f"`{code}`"] for begin in tables if f"`{code}`" in (found := rows(begin)))
    told = set(reached(code).params) - ({"than"} if code in OUTRANKED else set())

    assert told <= set(words(row[1])), row
    assert bool(told) == ("`" in row[1]), row


def test_every_strategy_every_wish_and_every_change_is_described():
    named = {name for begin in ("## Constraints", "## When nobody can") for row in rows(begin) for name in words(row)}

    assert {name for row in rows("## Strategies") for name in words(row)} == set(Strategy)
    elsewhere = {"max_cost_micros", "cancel_after_seconds", "quote_id", "reuse", "webhook_url"}
    assert set(RoutingWish.__struct_fields__) - elsewhere <= named
    assert set(AMENDS) <= named


def test_every_way_a_video_can_fail_is_named():
    assert set(words(PAGE[PAGE.index("## Why a video failed") :])) >= set(VideoErrorCode)


def words(text: str) -> list[str]:
    return re.findall(r"`([a-z_.]+)`", text)
