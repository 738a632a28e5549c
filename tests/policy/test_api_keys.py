"""Keys as texts: every mistyped character is told, and nobody guesses one."""

import math
import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.api_keys import LIVE, TEST, make_key, mistyped, wrong_mode
from tests.repo.sources import ROOT

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAGE = (Path(ROOT) / "docs" / "keys.md").read_text()


def block(language: str) -> str:
    """The one such block of docs/keys.md."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found).strip()


SCANNED = re.compile(block("regex"))


@pytest.mark.parametrize("test", [True, False])
def test_a_key_says_what_it_is_and_scanners_find_it(test: bool):
    key = make_key(test=test, entropy=os.urandom)

    assert key.startswith(TEST if test else LIVE)
    assert not mistyped(key)
    assert wrong_mode(key, test=not test)
    assert not wrong_mode(key, test=test)
    assert SCANNED.search(f'FILMGATE_KEY="{key}"\n')


def test_the_checksum_is_as_the_page_says():
    told: dict[str, Any] = {}
    exec(block("python"), told)  # noqa: S102  # our own page

    for _ in range(50):
        key = make_key(test=False, entropy=os.urandom)
        assert told["genuine"](key)
        assert not told["genuine"](key[:-1] + ("0" if key[-1] != "0" else "1"))


@pytest.mark.parametrize("test", [True, False])
def test_every_single_character_that_is_changed_is_told(test: bool):
    for _ in range(5):
        key = make_key(test=test, entropy=os.urandom)
        for position in range(len(LIVE), len(key)):
            for other in ALPHABET:
                typed = key[:position] + other + key[position + 1 :]
                assert mistyped(typed) is (other != key[position]), typed


def test_a_key_of_the_other_mode_by_its_beginning_alone_is_mistyped():
    key = make_key(test=True, entropy=os.urandom)

    assert mistyped(LIVE + key.removeprefix(TEST))


def test_neighbours_that_change_places_are_told():
    for _ in range(50):
        key = make_key(test=False, entropy=os.urandom)
        for position in range(len(LIVE), len(key) - 1):
            one, two = key[position], key[position + 1]
            if one != two:
                assert mistyped(key[:position] + two + one + key[position + 2 :])


@pytest.mark.parametrize(
    "text", ["", "x", "sk_live_123", "fg_live_", "fg_test_acme_0123456789abcdefghijkl", "fg_live_é"]
)
def test_what_is_no_key_of_ours_is_not_judged_by_its_checksum(text: str):
    """Keys of a file may be any text; whether somebody has it is looked up."""
    assert not mistyped(text)


def test_a_key_holds_more_than_160_bits_of_chance():
    """Each of its characters takes every value, as often as any other, and they hang on all the chance there is."""
    random = 30
    assert random * math.log2(len(ALPHABET)) >= 160

    numbers = count()
    asked: list[int] = []

    def entropy(length: int) -> bytes:
        asked.append(length)
        return next(numbers).to_bytes(length, "big")

    made = {make_key(test=False, entropy=entropy)[len(LIVE) : len(LIVE) + random] for _ in range(62 * 62)}
    assert len(made) == 62 * 62
    assert min(asked) * 8 >= random * math.log2(len(ALPHABET)) + 64, "a remainder would favour some"

    seen = [make_key(test=False, entropy=os.urandom)[len(LIVE) :] for _ in range(4_000)]
    for position in range(random):
        assert {key[position] for key in seen} == set(ALPHABET)
    assert len(set(seen)) == len(seen)
