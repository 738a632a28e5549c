"""Amounts are exact integers: what can not be one is refused, never rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.money import MAX_MICROS, CreditRange, MicrosRange, format_micros, parse_micros


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        pytest.param("0", 0, id="nothing"),
        pytest.param("-0", 0, id="minus-nothing-is-nothing"),
        pytest.param("0.20", 200_000, id="cents"),
        pytest.param(".5", 500_000, id="without-a-leading-nought"),
        pytest.param("1.", 1_000_000, id="without-decimals"),
        pytest.param("0.000001", 1, id="the-smallest"),
        pytest.param("0.10000000", 100_000, id="noughts-behind-do-not-count"),
        pytest.param("1e3", 1_000_000_000, id="exponent"),
        pytest.param("1000000000", MAX_MICROS, id="the-largest"),
        pytest.param("1000000000.000000", MAX_MICROS, id="the-largest-in-full"),
    ],
)
def test_a_decimal_number_is_an_amount(text, micros):
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "decimal number", id="empty"),
        pytest.param("free", "decimal number", id="word"),
        pytest.param("0,20", "decimal number", id="comma"),
        pytest.param("$1", "decimal number", id="currency-sign"),
        pytest.param("0x10", "decimal number", id="hexadecimal"),
        pytest.param("1/3", "decimal number", id="fraction"),
        pytest.param("1.2.3", "decimal number", id="two-points"),
        pytest.param("NaN", "between 0 and", id="not-a-number"),
        pytest.param("sNaN", "between 0 and", id="signalling-not-a-number"),
        pytest.param("Infinity", "between 0 and", id="infinite"),
        pytest.param("-0.000001", "between 0 and", id="negative"),
        pytest.param("1000000000.000001", "between 0 and", id="a-micro-too-large"),
        pytest.param("1e999999", "between 0 and", id="larger-than-any-decimal"),
        pytest.param("-1e999999", "between 0 and", id="smaller-than-any-decimal"),
        pytest.param("0.0000001", "finer than", id="a-tenth-of-a-micro"),
        pytest.param("0.1" + "0" * 40 + "1", "finer than", id="finer-beyond-the-context's-digits"),
        pytest.param("1e-1000000", "finer than", id="finer-than-any-decimal"),
    ],
)
def test_anything_else_is_refused_with_the_text_that_was_written(text, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_micros(text)

    assert repr(text) in str(refused.value)


@given(st.text(alphabet="0123456789.-+eENaInfinity_ ", max_size=30) | st.text(max_size=20))
def test_whatever_is_written_is_an_amount_in_bounds_or_a_value_error(text):
    try:
        amount = parse_micros(text)
    except ValueError:
        return

    assert 0 <= amount <= MAX_MICROS


@given(st.integers(min_value=0, max_value=MAX_MICROS))
def test_an_amount_survives_being_written_and_read(amount):
    assert parse_micros(format_micros(amount)) == amount


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        pytest.param(0, "0.00", id="nothing"),
        pytest.param(200_000, "0.20", id="two-decimals-at-least"),
        pytest.param(1, "0.000001", id="as-many-as-needed"),
        pytest.param(1_234_500, "1.2345", id="no-more-than-needed"),
        pytest.param(-500_000, "-0.50", id="negative"),
        pytest.param(-1, "-0.000001", id="a-negative-micro"),
        pytest.param(MAX_MICROS, "1000000000.00", id="the-largest"),
    ],
)
def test_an_amount_is_written_with_two_decimals_or_as_many_as_it_needs(micros, text):
    assert format_micros(micros) == text


def test_credits_become_money_at_the_account_s_price():
    assert CreditRange(low=100, high=200).at(1_000) == MicrosRange(low=100_000, high=200_000)
    assert CreditRange(low=2, high=2).at(0) == MicrosRange(low=0, high=0)
