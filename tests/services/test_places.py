"""Shares of a worker's places, for an operator's accounts and tenants' own."""

from gateway.services.places import Places
from schema.account import Account, Secret


def an_account(id: str, owner: str | None = None) -> Account:
    return Account(id=id, provider="veo3o1", base_url="https://a.example", credential=Secret("a key"), owner=owner)


def test_an_operators_accounts_have_a_share_each_and_a_tenants_own_one_together():
    places = Places(concurrency=8, sends=4)
    places.share([an_account("one"), an_account("two"), an_account("a~mine", "a"), an_account("a~next", "a")])

    with places.sending("one"), places.sending("a~mine"), places.sending("a~next"), places.polling("a~mine"):
        with places.polling("a~next"):
            assert places.busy("a~mine")
            assert not places.busy("one")
        assert (places.full("a~mine"), places.full("a~next")) == (True, True)
        assert (places.full("one"), places.full("two")) == (False, False)

    assert not places.full("a~mine")


def test_a_tenants_accounts_alone_may_have_all_places_for_sends():
    places = Places(concurrency=8, sends=2)
    places.share([an_account("a~mine", "a"), an_account("a~next", "a")])

    with places.sending("a~mine"), places.sending("a~next"):
        assert not places.full("a~mine")


def test_removed_accounts_are_polled_within_their_tenants_share():
    places = Places(concurrency=8, sends=4)
    places.share([an_account("a~mine", "a")], removed=[an_account("a~gone", "a")])

    with places.polling("a~gone"), places.polling("a~gone"):
        assert places.busy("a~mine")
