"""Whoever was let in a moment ago, and may no more: what he is about to change stays as it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.auth import hand_of
from gateway.services.hands import Hand
from gateway.services.keys import Made
from gateway.wiring import Gateway, Seams, gateway
from schema.api_key import KeyWish
from schema.errors import NotFound, Unauthenticated
from schema.tenant import Scope, Tenant
from tests.flows.engine import settings
from tests.support.certificates import certificates

OPERATOR = Hand(actor="house …1234", scopes=frozenset({Scope.OPERATOR}))
READ = KeyWish(scopes=frozenset({Scope.VIDEOS_READ}))
ALL = KeyWish(scopes=frozenset(Scope))
OWN = {"id": "mine", "provider": "veo3o1", "credential": "a-key", "sandbox": True, "price_per_credit": "0.01"}


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(settings(tmp_path), Seams(verify=certificates())) as made:
        yield made


def tenant(built: Gateway, id: str = "acme") -> Tenant:
    found = built.tenants.get(id)
    assert found is not None
    return found


def hand(built: Gateway, made: Made) -> Hand:
    return hand_of(built.ground.callers.principal(made.text.reveal()))


async def refused_everywhere(built: Gateway, by: Hand) -> None:
    """That no verb is done by somebody any more, and nothing was changed."""
    acme, before = tenant(built), built.ground.keeper.directory
    key = next(stored.key.id for stored in before.keys if stored.key.tenant == "acme")
    doings = (
        built.keys.create(acme, READ, by=by),
        built.keys.revoke("acme", key, by=by),
        built.account_setups.create(OWN, acme, by=by),
        built.tenancies.create({"id": "late"}, by=by),
        built.tenancies.remove("other", 1, by=by),
    )
    for doing in doings:
        with pytest.raises(Unauthenticated):
            await doing
    assert await built.ground.keeper.read() == before


async def test_nobody_changes_anything_by_a_key_that_was_revoked_since_he_was_let_in(built: Gateway):
    made = await built.keys.create(tenant(built), ALL, by=OPERATOR)
    by = hand(built, made)
    await built.keys.revoke("acme", made.key.id, by=OPERATOR)

    await refused_everywhere(built, by)


async def test_nobody_changes_anything_by_a_key_that_may_do_less_than_when_he_was_let_in(built: Gateway):
    made = await built.keys.create(tenant(built), ALL, by=OPERATOR)
    by = hand(built, made)
    await built.keys.update("acme", made.key.id, READ, by=OPERATOR)

    await refused_everywhere(built, by)


async def test_a_tenant_that_was_removed_is_given_no_key_and_no_account(built: Gateway):
    await built.tenancies.create({"id": "late", "test": True}, by=OPERATOR)
    late = tenant(built, "late")
    by = hand(built, await built.keys.create(late, replace(ALL, name="admin"), by=OPERATOR))
    await built.tenancies.remove("late", 1, by=OPERATOR)

    with pytest.raises(Unauthenticated):
        await built.keys.create(late, READ, by=by)
    with pytest.raises(NotFound):
        await built.keys.create(late, READ, by=OPERATOR)
    with pytest.raises(NotFound):
        await built.account_setups.create(OWN, late, by=OPERATOR)
