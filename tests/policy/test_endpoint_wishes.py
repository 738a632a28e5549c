"""Wishes for webhook endpoints: what is unset stays, and every mistake is named at once."""

import pytest

from gateway.policy.endpoint_wishes import wished
from schema.endpoint import Endpoint, EndpointWish
from schema.errors import InvalidRequest
from schema.event import EventType

KNOWN = Endpoint(id="whe_1", tenant="acme", url="https://a.example", name="one", events=(EventType.FAILED,))


def test_what_is_unset_stays():
    assert wished(KNOWN, EndpointWish()) == KNOWN


def test_events_are_named_once_and_an_empty_list_is_all_of_them():
    twice = wished(KNOWN, EndpointWish(events=(EventType.COMPLETED, EventType.COMPLETED)))
    every = wished(KNOWN, EndpointWish(events=()))

    assert twice.events == (EventType.COMPLETED,)
    assert all(every.hears(type) for type in EventType)


@pytest.mark.parametrize(
    "url", ["", "https://a.example/ b", "https://a.example/\\", "https://ä.example", "x" * 2049, "https://a#b"]
)
def test_every_mistake_is_named(url):
    with pytest.raises(InvalidRequest) as refused:
        wished(KNOWN, EndpointWish(url=url, name="n" * 201))

    assert [error.field for error in refused.value.errors] == ["url", "name"]
