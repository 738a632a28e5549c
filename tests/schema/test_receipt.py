"""A receipt carries every wish there is, nothing that can not be signed, and waits that add up."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schema.receipt import Asked, AskedRouting, Receipt, SignedReceipt, Waits, waits
from schema.video import RoutingWish, VideoSpec

moments = st.integers(0, 10**13)
maybe = st.none() | moments


def test_every_wish_is_on_the_receipt():
    assert {*VideoSpec.__struct_fields__, "routing"} == set(Asked.__struct_fields__)
    not_of_the_video = {"webhook_url"}  # whoever is told is nobody's business who reads a receipt
    assert set(RoutingWish.__struct_fields__) - not_of_the_video == set(AskedRouting.__struct_fields__)


def test_no_fraction_can_be_on_a_receipt():
    kinds = str(msgspec.inspect.type_info(Receipt))

    assert "IntType" in kinds
    assert "FloatType" not in kinds
    assert "AnyType" not in kinds


def test_the_signature_is_the_last_member():
    assert (*Receipt.__struct_fields__, "signature") == SignedReceipt.__struct_fields__


def test_every_part_of_a_life_is_told_apart():
    assert waits(1000, 1010, 1030, 1070, 1150) == Waits(
        queued_ms=10, sending_ms=20, making_ms=40, copying_ms=80, total_ms=150
    )


def test_what_never_came_takes_no_time():
    queued = waits(0, None, None, None, 9)
    refused = waits(0, 2, None, None, 9)
    unmade = waits(0, 2, 3, None, 9)

    assert (queued.queued_ms, queued.total_ms) == (9, 9)
    assert (refused.queued_ms, refused.sending_ms, refused.total_ms) == (2, 7, 9)
    assert (unmade.making_ms, unmade.copying_ms, unmade.total_ms) == (6, 0, 9)


def test_what_came_after_the_end_does_not_count():
    assert waits(0, 2, 3, 50, 9) == waits(0, 2, 3, None, 9)


@given(moments, maybe, maybe, maybe, moments)
def test_the_parts_add_up_and_none_is_negative_whatever_the_clocks_say(accepted, sent, taken, made, ended):
    found = waits(accepted, sent, taken, made, ended)
    parts = (found.queued_ms, found.sending_ms, found.making_ms, found.copying_ms)

    assert min(parts) >= 0
    assert sum(parts) == found.total_ms == max(0, ended - accepted)
