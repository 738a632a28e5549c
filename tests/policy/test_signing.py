"""Callback tokens nobody can forge, and fingerprints that depend on the wish alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.signing import attempt_of, callback_token, fingerprint, key_hash
from schema.account import Secret
from schema.video import RoutingWish, checked_routing, checked_spec

KEY = Secret("k" * 32)
OTHER = Secret("o" * 32)
ATTEMPT = "att_01kbzzzzzzzzzzzzzzzzzzzzzz"
TOKEN = callback_token(KEY, ATTEMPT)

attempts = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=40)


@given(attempts)
def test_a_token_names_its_attempt_to_whoever_made_it(attempt):
    assert attempt_of(KEY, callback_token(KEY, attempt)) == attempt


def test_the_same_attempt_has_the_same_token_after_a_restart():
    assert callback_token(Secret("k" * 32), ATTEMPT) == TOKEN


def test_a_token_is_safe_in_a_path_and_carries_128_bits_nobody_can_guess():
    attempt, _, mac = TOKEN.partition(".")

    assert attempt == ATTEMPT
    assert len(mac) == 32
    assert set(mac) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="a-dot"),
        pytest.param(ATTEMPT, id="no-signature"),
        pytest.param(ATTEMPT + ".", id="empty-signature"),
        pytest.param(TOKEN[:-1], id="cut-short"),
        pytest.param(TOKEN + "0", id="grown"),
        pytest.param(TOKEN + ".", id="a-dot-behind"),
        pytest.param(TOKEN.upper(), id="upper-case"),
        pytest.param("att_other." + TOKEN.partition(".")[2], id="another-attempt"),
        pytest.param(callback_token(OTHER, ATTEMPT), id="another-key"),
        pytest.param(ATTEMPT + "." + "é" * 32, id="not-ascii"),
        pytest.param(" " + TOKEN, id="a-space-before"),
        pytest.param(TOKEN + "\n", id="a-line-end-behind"),
    ],
)
def test_a_forged_token_names_nobody(forged):
    assert attempt_of(KEY, forged) is None


@given(token=st.text(max_size=120))
def test_no_text_that_we_did_not_make_names_an_attempt(token):
    found = attempt_of(KEY, token)

    assert found is None or callback_token(KEY, found) == token


@given(position=st.integers(0, len(TOKEN) - 1), character=st.characters(exclude_categories=["Cs"]))
def test_one_changed_character_breaks_a_token(position, character):
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]

    assert attempt_of(KEY, changed) == (ATTEMPT if changed == TOKEN else None)


def test_an_api_key_is_remembered_by_a_keyed_hash():
    assert key_hash(KEY, "fg_live_1") == key_hash(KEY, "fg_live_1")
    assert len({key_hash(KEY, "fg_live_1"), key_hash(KEY, "fg_live_2"), key_hash(OTHER, "fg_live_1")}) == 3
    assert b"fg_live_1" not in key_hash(KEY, "fg_live_1")


SPEC = {"prompt": "a fox", "seconds": 8, "aspect_ratio": "9:16"}
ROUTING = {"only": ["a", "b"], "max_cost_micros": 5}
METADATA = {"a": "1", "b": "2"}


def print_of(spec=SPEC, routing=ROUTING, metadata=METADATA) -> str:
    return fingerprint(checked_spec(spec), checked_routing(routing), metadata)


@given(
    spec=st.permutations(list(SPEC.items())),
    routing=st.permutations(list(ROUTING.items())),
    metadata=st.permutations(list(METADATA.items())),
)
def test_equal_wishes_have_equal_fingerprints_in_whatever_order_their_fields_came(spec, routing, metadata):
    assert print_of(dict(spec), dict(routing), dict(metadata)) == print_of()


def test_a_default_that_is_written_out_is_no_other_wish():
    plain, spelled = {"prompt": "a fox"}, {"prompt": "a fox", "model": "auto", "seconds": None}

    assert print_of(plain, {}, {}) == print_of(spelled, {"only": [], "strategy": None}, {})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"spec": {**SPEC, "prompt": "a fox "}}, id="another-prompt"),
        pytest.param({"spec": {**SPEC, "seconds": 7}}, id="another-duration"),
        pytest.param({"spec": {**SPEC, "quality": "standard"}}, id="a-quality"),
        pytest.param({"routing": {**ROUTING, "only": ["b", "a"]}}, id="another-order-of-accounts"),
        pytest.param({"routing": {**ROUTING, "max_cost_micros": 0}}, id="another-cap"),
        pytest.param({"routing": {}}, id="no-routing"),
        pytest.param({"metadata": {"a": "1"}}, id="less-metadata"),
        pytest.param({"metadata": {"a": "2", "b": "1"}}, id="swapped-metadata"),
    ],
)
def test_another_wish_has_another_fingerprint(other):
    assert print_of(**other) != print_of()


@given(
    one=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    other=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_fingerprints_agree_exactly_when_the_metadata_do(one, other):
    spec = checked_spec({"prompt": "a fox"})

    assert (fingerprint(spec, RoutingWish(), one) == fingerprint(spec, RoutingWish(), other)) == (one == other)
