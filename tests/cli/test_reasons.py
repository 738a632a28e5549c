"""A decision's codes in words: every code has some, with every figure in a unit that people read."""

import pytest

from gateway.cli.reasons import WORDS, reason_words, remedy_words
from gateway.cli.wire import Change, Reason, Remedy
from schema.quote import ReasonCode


def test_every_code_has_words_and_no_other_has():
    assert set(WORDS) == set(ReasonCode)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            Reason("over_max_cost", {"cost_micros": 200_000, "max_cost_micros": 150_000}),
            "may cost 0.20, more than 0.15 (over_max_cost)",
        ),
        (
            Reason("too_slow", {"fastest_ms": 40_500, "left_ms": 30_000}),
            "takes 40.5 s at best, and 30 s are left (too_slow)",
        ),
        (
            Reason("less_reliable", {"than": "a", "failures_ppm": 100_000, "than_failures_ppm": 12_500}),
            "fails more often than a: 10.0 %, not 1.2 % (less_reliable)",
        ),
        (
            Reason("lower_score", {"than": "a", "score_ppm": -18_200_000, "than_score_ppm": -17_900_000}),
            "scores less than a: -18.200, not -17.900 (lower_score)",
        ),
        (
            Reason("waits_for_better", {"account": "a"}, 1_767_225_600_000),
            "has room, but a is better and worth waiting for, until 2026-01-01 00:00:00Z (waits_for_better)",
        ),
        (Reason("circuit_open", {"failures": 5}), "failed 5 times running, and is left alone (circuit_open)"),
        (
            Reason("out_of_credits", {"left": 250, "needed": 500}),
            "has 250 credits left, and may need 500 (out_of_credits)",
        ),
        (Reason("dearer", {"than": "a"}), "is dearer than a, as far as we know (dearer)"),
        (Reason("price_unknown"), "has no price (price_unknown)"),
    ],
)
def test_a_reason_is_said_with_its_facts_and_its_code(reason, words):
    assert reason_words(reason) == words


def test_a_code_from_a_newer_gateway_is_shown_with_its_facts():
    assert reason_words(Reason("cursed", {"by_micros": 200_000, "who": "them"})) == "by_micros 0.20, who them (cursed)"
    assert reason_words(Reason("cursed")) == "cursed"
    assert reason_words(Reason("over_max_cost", {"asked": 1})) == "asked 1 (over_max_cost)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("seconds", 10, "caller"), "with --seconds 10"),
        (Change("seconds", None, "caller"), "without --seconds"),
        (Change("gateway.max_cost", "0.20", "caller"), "with --max-cost 0.20"),
        (Change("prompt", 100, "caller"), "with a prompt of 100 characters at most"),
        (Change("tenant.routing", "a", "tenant"), "when your tenant's routing allows a"),
        (Change("tenant.routing.max_cost", "0.20", "tenant"), "when your tenant changes tenant.routing.max_cost: 0.20"),
        (
            Change("accounts.price_per_credit", None, "operator"),
            "when the operator changes accounts.price_per_credit: set",
        ),
        (Change("cursed", "less", "caller"), "when the caller changes cursed: less"),
    ],
)
def test_a_remedy_is_said_as_what_to_type_or_whom_to_ask(change, words):
    assert list(remedy_words(Remedy("a", (change,)))) == ["a could make it:", f"  {words}"]
