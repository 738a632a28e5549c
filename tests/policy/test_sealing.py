"""Secrets at rest: they open for whom they were sealed, where they were put, and under whatever key came after."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.sealing import CanNotOpen, Place, Sealed, master, opened, rewrapped, ring, seal
from schema.account import Secret

OLD, NEW = Secret("the old master key, long enough to be one"), Secret("the new master key, long enough to be one")
PLACE = Place("credential", "veo-main", 3)
CANARY = "PLANTED-provider-key-7f3a"


def sealed(text: str = CANARY, *, key: Secret = OLD, place: Place = PLACE) -> Sealed:
    return seal(master(key), text, place, os.urandom)


@given(st.text(max_size=300), st.text(max_size=40), st.integers(1, 2**40))
def test_a_secret_opens_at_its_place(text, owner, version):
    place = Place("credential", owner, version)

    assert opened(ring(OLD), sealed(text, place=place), place) == Secret(text)


@pytest.mark.parametrize(
    "elsewhere",
    [Place("credential", "veo-main", 4), Place("credential", "other", 3), Place("webhook_secrets", "veo-main", 3)],
    ids=["another version", "another owner", "another kind"],
)
def test_a_secret_that_was_moved_to_another_place_does_not_open(elsewhere):
    with pytest.raises(CanNotOpen, match="not where it was put"):
        opened(ring(OLD), sealed(), elsewhere)


@pytest.mark.parametrize("part", ["wrapped", "body"])
@given(bit=st.integers(0, 8 * 28 - 1))
def test_a_secret_of_which_one_bit_was_changed_does_not_open(part, bit):
    found = sealed()
    bytes_ = bytearray(getattr(found, part))
    bytes_[bit // 8] ^= 1 << bit % 8
    changed = Sealed(key_id=found.key_id, **{"wrapped": found.wrapped, "body": found.body, part: bytes(bytes_)})

    with pytest.raises(CanNotOpen):
        opened(ring(OLD), changed, PLACE)


def test_nothing_of_the_secret_and_nothing_of_the_master_key_is_in_what_is_kept():
    found = sealed()

    kept = found.wrapped + found.body + found.key_id.encode()
    assert CANARY.encode() not in kept
    assert OLD.reveal().encode() not in kept
    assert OLD.reveal() not in repr(ring(OLD))
    assert master(OLD).key.hex() not in repr(ring(OLD))


def test_the_same_secret_is_sealed_differently_every_time():
    assert len({sealed().body for _ in range(100)} | {sealed().wrapped for _ in range(100)}) == 200


def test_under_a_new_master_key_it_opens_with_the_new_one_alone_and_the_text_was_not_touched():
    before = sealed()

    after = rewrapped(ring(NEW, [OLD]), before, PLACE, os.urandom)

    assert after.body == before.body
    assert after.key_id == master(NEW).id != before.key_id
    assert opened(ring(NEW), after, PLACE) == Secret(CANARY)
    with pytest.raises(CanNotOpen, match=master(NEW).id):
        opened(ring(OLD), after, PLACE)


def test_a_former_master_key_opens_until_it_is_taken_away():
    assert opened(ring(NEW, [OLD]), sealed(), PLACE) == Secret(CANARY)
    with pytest.raises(CanNotOpen, match=f"{master(OLD).id} is not at hand"):
        opened(ring(NEW), sealed(), PLACE)
