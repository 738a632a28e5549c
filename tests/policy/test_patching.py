"""A policy's changes: what is left out stays, null is the default, and every mistake is named with its cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.patching import checked_names, patched
from schema.errors import FieldError, InvalidRequest
from schema.policy import MAX_RULES, WrittenRouting
from schema.tenant import RoutingPolicy, Rule, Weights, When
from schema.video import AspectRatio, Strategy

KNOWN = ("doitong", "doitong-main", "veo-main", "veo3o1")
POLICY = RoutingPolicy(
    strategy=Strategy.BALANCED,
    weights=Weights(price=0.7, speed=0.2, reliability=0.1),
    order=("veo-main",),
    per_video=500_000,
    rules=(Rule(when=When(aspect_ratio=AspectRatio.TALL), prefer=("veo-main",), per_video=400_000),),
)
NAMES = ["strategy", "weights", "order", "rules", "when", "price", "min_seconds", "max_cost", "prefer", "other"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inside, max_size=4),
    max_leaves=12,
)


def refused(changes, policy: RoutingPolicy = POLICY) -> dict[str, str]:
    """Field → what is said of it."""
    with pytest.raises(InvalidRequest) as error:
        patched(policy, changes, KNOWN)
    return {one.field: one.detail for one in error.value.errors}


def test_what_is_not_said_stays():
    assert patched(POLICY, {}, KNOWN) == POLICY
    assert patched(POLICY, {"strategy": "fastest"}, KNOWN).weights == POLICY.weights


def test_null_gives_a_field_its_default():
    after = patched(POLICY, {"strategy": None, "max_cost": None, "order": None, "weights": {"price": None}}, KNOWN)

    assert after == RoutingPolicy(weights=Weights(price=0.5, speed=0.2, reliability=0.1), rules=POLICY.rules)


def test_a_list_is_replaced_whole_and_nulls_in_a_rule_are_left_out():
    rule = {"when": {"image": True, "model": None}, "prefer": None, "strategy": "reliable", "max_cost": "0.3"}

    after = patched(POLICY, {"rules": [rule]}, KNOWN)

    assert after.rules == (Rule(when=When(image=True), strategy=Strategy.RELIABLE, per_video=300_000),)


def test_every_mistake_is_named_at_once():
    changes = {
        "strategy": "fasted",
        "order": ["veo-main", 3],
        "only": ["veo-mian"],
        "max_cost": 0.5,
        "cheapest": True,
        "weights": {"price": -1, "sped": 1},
        "rules": [{"when": {"seconds": 5, "min_seconds": 0}, "prefer": "veo-main"}, 7],
    }

    said = refused(changes)

    assert set(said) == {
        "routing.strategy",
        "routing.order[1]",
        "routing.only[0]",
        "routing.max_cost",
        "routing.cheapest",
        "routing.weights.price",
        "routing.weights.sped",
        "routing.rules[0].when.seconds",
        "routing.rules[0].when.min_seconds",
        "routing.rules[0].prefer",
        "routing.rules[1]",
    }
    assert said["routing.strategy"] == "must be one of cheapest, fastest, reliable, balanced, ordered"
    assert said["routing.only[0]"] == (
        "'veo-mian' is not a known account or provider; did you mean 'veo-main'? "
        "there are: doitong, doitong-main, veo-main, veo3o1"
    )
    assert said["routing.max_cost"] == 'must be an amount as text, such as "0.50"'


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([], "routing"),
        (None, "routing"),
        ({"weights": 3}, "routing.weights"),
        ({"weights": {"price": 0, "speed": 0, "reliability": 0}}, "routing.weights"),
        ({"weights": {"price": 1e9}}, "routing.weights.price"),
        ({"rules": {}}, "routing.rules"),
        ({"rules": [{}] * (MAX_RULES + 1)}, "routing.rules"),
        ({"rules": [{"when": {"min_seconds": 9, "max_seconds": 5}}]}, "routing.rules[0].when.min_seconds"),
        ({"max_cost": "1e3"}, "routing.max_cost"),
        ({"max_cost": "1000000001"}, "routing.max_cost"),
        ({"max_wait_seconds": 86_401}, "routing.max_wait_seconds"),
        ({"order": [""]}, "routing.order[0]"),
    ],
)
def test_what_can_not_be_is_refused(changes, field):
    assert list(refused(changes)) == [field]


def test_names_the_policy_has_already_may_stay_when_their_account_is_gone():
    before = RoutingPolicy(order=("gone", "veo-main"))

    assert patched(before, {"strategy": "ordered"}, KNOWN).order == ("gone", "veo-main")
    assert patched(before, {"rules": [{"exclude": ["gone"]}]}, KNOWN).rules[0].exclude == ("gone",)
    assert list(refused({"exclude": ["gone"]})) == ["routing.exclude[0]"]


def test_an_old_policy_comes_back_only_while_those_it_names_are_known():
    checked_names(POLICY, RoutingPolicy(), KNOWN)
    checked_names(RoutingPolicy(only=("gone",)), RoutingPolicy(order=("gone",)), KNOWN)

    with pytest.raises(InvalidRequest) as error:
        checked_names(RoutingPolicy(only=("gone",)), POLICY, KNOWN)

    assert error.value.errors[0].field == "routing.only[0]"


def test_nesting_without_end_is_refused_like_anything_else():
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"weights": [deep]}

    assert list(refused(deep)) == ["routing.weights"]


def test_a_policy_is_written_and_read_back_without_loss():
    assert WrittenRouting.of(POLICY).policy() == POLICY


@given(JSON)
def test_whatever_is_sent_is_refused_by_field_or_makes_a_policy_that_can_be_written(changes):
    errors: tuple[FieldError, ...] = ()
    after = POLICY
    try:
        after = patched(POLICY, changes, KNOWN)
    except InvalidRequest as error:
        errors = error.errors

    assert all(one.field.startswith("routing") for one in errors)
    assert WrittenRouting.of(after).policy() == after
