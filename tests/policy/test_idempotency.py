"""Idempotency keys: what is one, and which quotes count."""

import pytest

from gateway.policy.idempotency import idempotency_key


@pytest.mark.parametrize("key", ["k", "k" * 255, "!~", "a:b/c", '"', 'a"b"'])
def test_visible_text_is_a_key_wherever_it_stands(key):
    assert idempotency_key(key, header=True) == key
    assert idempotency_key(key, header=False) == key


@pytest.mark.parametrize("text", ["", "k" * 256, "a b", "a\tb", "ä", "a\x00", "k\n k"])
def test_anything_else_is_none(text):
    assert idempotency_key(text, header=True) is None
    assert idempotency_key(text, header=False) is None


@pytest.mark.parametrize(("text", "key"), [('"k"', "k"), (' "k" ', "k"), ('""k""', '"k"'), ('""', None), ('"k', '"k')])
def test_one_pair_of_a_header_s_quotes_does_not_count(text, key):
    assert idempotency_key(text, header=True) == key


def test_quotes_anywhere_else_are_part_of_the_key():
    assert idempotency_key('"k"', header=False) == '"k"'
