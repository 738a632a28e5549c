"""Who is let in: expiry, networks, and what a flood of wrong keys costs."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.policy import signing
from gateway.policy.api_keys import make_key
from gateway.policy.client_tokens import ISSUER, SEED_BYTES, seed_of, signer
from gateway.policy.signing import key_hash
from gateway.services import callers as module
from gateway.services.callers import Callers
from gateway.services.tenants import Tenants
from gateway.services.token_checks import TokenChecks
from schema.account import Secret
from schema.api_key import HINT, ApiKey
from schema.client_token import SigningKey, SigningKeyFacts
from schema.directory import Directory, StoredKey, TenantRecord
from schema.errors import Forbidden, Unauthenticated
from schema.tenant import Grant, Scope, Tenant
from tests.sandbox.callers import HandClock

ROOT = Secret("what all hashes hang on")
TEXT = make_key(test=False, entropy=os.urandom)
SEED = seed_of(bytes(SEED_BYTES))
SIGNS = SigningKey(facts=SigningKeyFacts(kid=signer(SEED).kid, created_at=0), secret=SEED)
ACME = TenantRecord(tenant=Tenant(id="acme", name="acme"))
KEY = ApiKey(
    id="key_1",
    tenant="acme",
    hint=TEXT[-HINT:],
    scopes=frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE}),
    created_at=0,
)


def directory(**changes: Any) -> Directory:
    stored = StoredKey(key=replace(KEY, **changes), hash=key_hash(ROOT, TEXT).hex())
    return Directory(tenants=(ACME,), keys=(stored,), signing=(SIGNS,))


def knowing(directory: Directory, tenants: Tenants, clock: HandClock) -> Callers:
    """Callers who know what a directory says."""
    tokens = TokenChecks(tenants=tenants, clock=clock, issuer=ISSUER)
    callers = Callers(root=ROOT, tenants=tenants, tokens=tokens, clock=clock)
    adopt(callers, directory)
    return callers


def adopt(callers: Callers, directory: Directory) -> None:
    """Also the tokens that are looked at for them."""
    callers.tokens.adopt(directory)
    callers.adopt(directory)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def know(clock: HandClock) -> Callable[..., Callers]:
    """Callers who know one key, with changes."""

    def known(**changes: Any) -> Callers:
        return knowing(directory(**changes), Tenants((ACME,)), clock)

    return known


def test_a_key_works_until_the_very_millisecond_it_expires(know: Callable[..., Callers], clock: HandClock):
    callers = know(expires_at=clock.now() + 1)
    principal = callers.principal(TEXT)

    assert callers.works(principal)
    clock.time += 1
    assert not callers.works(principal)
    with pytest.raises(Unauthenticated, match="has expired"):
        callers.principal(TEXT)


@pytest.mark.parametrize(
    ("address", "welcome"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("2001:db8::5", True),
        ("203.0.114.7", False),
        ("2001:db9::5", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_a_key_with_networks_works_from_there_alone(know: Callable[..., Callers], address: str | None, welcome: bool):
    callers = know(networks=("203.0.113.0/24", "2001:db8::/32"))

    if welcome:
        assert callers.principal(TEXT, address=address).key == KEY.id
    else:
        with pytest.raises(Forbidden, match="from this address"):
            callers.principal(TEXT, address=address)
        assert callers.used() == {}


def test_a_mistyped_key_costs_no_hash_and_an_unknown_one_costs_one(
    know: Callable[..., Callers], monkeypatch: pytest.MonkeyPatch
):
    hashed = 0

    def counted(root: Secret, text: str) -> bytes:
        nonlocal hashed
        hashed += 1
        return signing.key_hash(root, text)

    callers = know()
    monkeypatch.setattr(module, "key_hash", counted)
    for other in "0123456789":
        if other != TEXT[20]:
            with pytest.raises(Unauthenticated):
                callers.principal(TEXT[:20] + other + TEXT[21:])
    for text in ("x" * 10_000, "é"):
        with pytest.raises(Unauthenticated):
            callers.principal(text)
    assert hashed == 0

    for _ in range(100):
        with pytest.raises(Unauthenticated):
            callers.principal(make_key(test=False, entropy=os.urandom))
    assert hashed == 100
    assert callers.principal(TEXT).key == KEY.id
    assert hashed == 101


async def test_whoever_waits_for_a_keys_end_hears_of_it_at_once(know: Callable[..., Callers], clock: HandClock):
    ends: list[dict[str, Any]] = [
        {"revoked_at": 1},
        {"scopes": frozenset({Scope.VIDEOS_READ})},
        {"expires_at": clock.now()},
        {"networks": ("10.0.0.0/8",)},
        {"origins": ("https://app.example.com",)},
    ]
    for changes in ends:
        callers = know()
        waiting = asyncio.create_task(callers.ended(callers.principal(TEXT)))
        await asyncio.sleep(0)
        callers.adopt(directory(name="another name"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()

        callers.adopt(directory(**changes))
        async with asyncio.timeout(5):
            await waiting


async def test_a_key_that_expires_is_heard_of_without_any_change(know: Callable[..., Callers], clock: HandClock):
    callers = know(expires_at=clock.now() + 20)
    waiting = asyncio.create_task(callers.ended(callers.principal(TEXT)))
    await asyncio.sleep(0)
    clock.time += 20

    async with asyncio.timeout(5):
        await waiting


def test_who_was_let_in_for_one_tenant_is_let_out_when_his_key_is_anothers(clock: HandClock):
    other = TenantRecord(tenant=Tenant(id="other", name="other"))
    callers = knowing(directory(), Tenants((ACME, other)), clock)
    principal = callers.principal(TEXT)
    assert callers.works(principal)

    callers.adopt(directory(tenant="other"))

    assert not callers.works(principal)
    assert callers.works(callers.principal(TEXT))


def test_who_has_a_token_may_be_anywhere_wherever_its_key_may_be_used(know: Callable[..., Callers], clock: HandClock):
    callers = know(networks=("10.0.0.0/8",))
    principal = replace(callers.principal(TEXT, address="10.0.0.1"), grant=granted(clock), networks=())

    assert callers.works(principal)


def granted(clock: HandClock) -> Grant:
    return Grant(token="ctk_1", expires_at=clock.now() + 20, header=signer(SEED).header)


@pytest.mark.parametrize("ends", [{"revoked_tokens": frozenset({"ctk_1"})}, {"signing": ()}])
async def test_a_token_that_was_revoked_or_whose_signing_key_was_dropped_ends_before_its_key(
    know: Callable[..., Callers], clock: HandClock, ends: dict[str, Any]
):
    callers = know()
    key = callers.principal(TEXT)
    waiting = asyncio.create_task(callers.ended(replace(key, grant=granted(clock))))
    await asyncio.sleep(0)

    adopt(callers, replace(directory(), **ends))

    async with asyncio.timeout(5):
        await waiting
    assert callers.works(key)


async def test_what_was_granted_for_a_while_ends_before_its_key(know: Callable[..., Callers], clock: HandClock):
    callers = know()
    principal = replace(callers.principal(TEXT), grant=granted(clock))
    waiting = asyncio.create_task(callers.ended(principal))
    await asyncio.sleep(0)
    assert callers.works(principal)
    clock.time += 20

    async with asyncio.timeout(5):
        await waiting
    assert callers.works(callers.principal(TEXT))


async def test_a_tenant_that_is_removed_takes_its_keys_along(clock: HandClock):
    tenants = Tenants((ACME,))
    callers = knowing(directory(), tenants, clock)
    principal = callers.principal(TEXT)

    tenants.adopt(Directory())

    assert not callers.works(principal)
    with pytest.raises(Unauthenticated):
        callers.principal(TEXT)


def test_what_could_not_be_written_down_is_told_again_unless_it_was_used_since(
    know: Callable[..., Callers], clock: HandClock
):
    callers = know()
    callers.principal(TEXT)
    first = callers.used()
    assert (first, callers.used()) == ({"key_1": clock.now()}, {})

    callers.unwritten(first)
    clock.time += 5
    callers.principal(TEXT)

    assert callers.used() == {"key_1": first["key_1"] + 5}
    callers.unwritten(first)
    assert callers.used() == first
