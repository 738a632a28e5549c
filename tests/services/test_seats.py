"""Seats are given one by one, and given back."""

from contextlib import ExitStack

import pytest

from gateway.services.seats import WATCHING, Seats
from schema.errors import TooManyRequests


def test_a_tenant_has_so_many_and_takes_nobody_elses():
    seats = Seats(lambda: 2, WATCHING)
    with ExitStack() as stack:
        stack.enter_context(seats.seat("acme"))
        stack.enter_context(seats.seat("acme"))
        with pytest.raises(TooManyRequests), seats.seat("acme"):
            raise AssertionError("there was no seat left")
        stack.enter_context(seats.seat("other"))

        assert seats.taken() == 3
    assert seats.taken() == 0
    with seats.seat("acme"):
        assert seats.taken() == 1
