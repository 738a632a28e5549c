"""API keys as both engines keep them: found by their tenant alone, used moments that never go back, one hash each."""

from functools import partial

import pytest
from msgspec.structs import replace

from gateway.store.database import ConstraintViolation
from gateway.store.store import Store, Transaction
from schema.api_key import ApiKey
from schema.directory import StoredKey
from schema.ownership import ManagedBy
from schema.tenant import Scope
from tests.store.rows import NOW


def a_key(n: int = 1, **facts) -> StoredKey:
    whole = {"tenant": "acme", "hint": "abcd", "scopes": frozenset({Scope.VIDEOS_READ}), "created_at": NOW}
    return StoredKey(key=ApiKey(id=f"key_{n}", **{**whole, **facts}), hash=f"{n:064x}")


async def keep(store: Store, *keys: StoredKey) -> None:
    async def put(tx: Transaction) -> None:
        for key in keys:
            await tx.api_keys.put(key)

    await store.write(put)


async def _used(tx: Transaction, moments: dict[str, int]) -> None:
    await tx.api_keys.used(moments)


async def test_a_key_comes_back_as_it_was_put(store: Store):
    whole = a_key(
        name="backend",
        scopes=frozenset(Scope),
        origins=("https://a.test",),
        networks=("10.0.0.0/8", "::1/128"),
        managed_by=ManagedBy.FILE,
        source="filmgate.toml",
        expires_at=NOW + 1,
        revoked_at=NOW + 2,
        used_at=NOW + 3,
        rotates="key_0",
    )
    await keep(store, whole, a_key(2))

    assert await store.read(lambda tx: tx.api_keys.get("acme", "key_1")) == whole
    assert await store.read(lambda tx: tx.api_keys.all()) == [whole, a_key(2)]
    assert await store.read(lambda tx: tx.api_keys.get("other", "key_1")) is None
    assert await store.read(lambda tx: tx.api_keys.of_tenant("other", None, 10)) == []


async def test_a_key_that_is_put_again_keeps_its_hash_and_when_it_was_used(store: Store):
    await keep(store, a_key(used_at=NOW))
    await keep(store, replace(a_key(name="new", used_at=None), hash="f" * 64))

    assert await store.read(lambda tx: tx.api_keys.all()) == [a_key(name="new", used_at=NOW)]


async def test_two_keys_never_have_one_hash(store: Store):
    await keep(store, a_key(1))

    with pytest.raises(ConstraintViolation):
        await keep(store, replace(a_key(2), hash=a_key(1).hash))


async def test_when_a_key_was_used_never_goes_back(store: Store):
    await keep(store, a_key(1), a_key(2))
    moments = [{"key_1": NOW}, {"key_1": NOW - 1, "key_2": NOW, "key_9": NOW}, {"key_1": NOW + 5}]
    for one in moments:
        await store.write(partial(_used, moments=one))

    keys = await store.read(lambda tx: tx.api_keys.all())
    assert [stored.key.used_at for stored in keys] == [NOW + 5, NOW]


async def test_the_key_that_takes_anothers_place_is_known(store: Store):
    await keep(store, a_key(1), a_key(2, rotates="key_1", revoked_at=NOW), a_key(3, rotates="key_2"))

    assert await store.read(lambda tx: tx.api_keys.successor("key_1")) == "key_2"
    assert await store.read(lambda tx: tx.api_keys.successor("key_3")) is None


async def test_a_page_holds_the_newest_first(store: Store):
    await keep(store, *(a_key(n) for n in range(1, 6)), a_key(9, tenant="other"))

    first = await store.read(lambda tx: tx.api_keys.of_tenant("acme", None, 2))
    rest = await store.read(lambda tx: tx.api_keys.of_tenant("acme", first[-1].id, 10))

    assert [key.id for key in (*first, *rest)] == [f"key_{n}" for n in range(5, 0, -1)]
