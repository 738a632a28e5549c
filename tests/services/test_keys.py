"""API keys through their lives: who may make and change them, what the trail says, and what works when."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.policy.api_keys import mistyped
from gateway.policy.sealing import CanNotOpen
from gateway.services import keys as module
from gateway.services.hands import Hand
from gateway.services.keys import Made
from gateway.services.usage import Usage
from gateway.store.store import Transaction
from gateway.wiring import Gateway, Seams, gateway
from schema.account import Secret
from schema.api_key import ApiKey, KeyStatus, KeyWish
from schema.errors import Forbidden, InvalidRequest, KeyReplaced, KeyRevoked, ManagedByFile, NotFound, Unauthenticated
from schema.ownership import ManagedBy
from schema.tenant import Scope, Tenant
from schema.trail import TrailEntry, TrailWish
from tests.flows.engine import settings
from tests.sandbox.callers import HandClock
from tests.support.certificates import certificates
from tests.support.running import ACME_KEY, ADMIN_KEY, SECRET_KEY, configured

READ = frozenset({Scope.VIDEOS_READ})
OPERATOR = Hand(actor="house …1234", scopes=frozenset({Scope.OPERATOR}))
ADMIN = Hand(actor="acme …5678", scopes=frozenset({Scope.VIDEOS_READ, Scope.TENANT_ADMIN}))
DAY = 24 * 3600


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def built(tmp_path: Path, clock: HandClock) -> AsyncIterator[Gateway]:
    async with gateway(settings(tmp_path), Seams(clock=clock, verify=certificates())) as made:
        yield made


def acme(built: Gateway) -> Tenant:
    found = built.tenants.get("acme")
    assert found is not None
    return found


async def make(built: Gateway, by: Hand = ADMIN, **wish: Any) -> Made:
    return await built.keys.create(acme(built), KeyWish(**{"scopes": READ, **wish}), by=by)


def lets_in(built: Gateway, made: Made) -> bool:
    try:
        return built.ground.callers.principal(made.text.reveal()).key == made.key.id
    except Unauthenticated:
        return False


async def of_file(built: Gateway, text: str = ACME_KEY) -> ApiKey:
    """The key that the configuration file gives acme."""
    return await built.keys.get("acme", built.ground.callers.principal(text).key)


async def trail(built: Gateway, id: str) -> list[TrailEntry]:
    """What is told of a key, the oldest first."""
    return (await built.store.read(lambda tx: tx.trail.page(None, 100, TrailWish(subject=id))))[::-1]


async def test_a_key_works_as_soon_as_it_is_made_and_its_text_is_kept_nowhere(built: Gateway):
    made = await make(built, name="backend")
    text = made.text.reveal()

    assert lets_in(built, made)
    assert text.startswith("fg_test_"), "acme is a test tenant"
    assert not mistyped(text)
    assert made.key.hint == text[-4:]
    assert await built.keys.get("acme", made.key.id) == made.key
    dump = await built.store.read(_everything)
    assert made.key.id in dump
    assert text not in dump
    assert text[8:-6] not in dump


async def _everything(tx: Transaction) -> str:
    return repr((await tx.api_keys.all(), await tx.trail.page(None, 100), await tx.tenants.all()))


async def test_a_live_tenants_keys_say_so(built: Gateway):
    live = Tenant(id="acme", name="acme", test=False)

    made = await built.keys.create(live, KeyWish(scopes=READ), by=ADMIN)

    assert made.text.reveal().startswith("fg_live_")


@pytest.mark.parametrize("scope", [Scope.VIDEOS_WRITE, Scope.OPERATOR])
async def test_nobody_gives_what_he_may_not_do_himself(built: Gateway, scope: Scope):
    mine = await make(built)
    before = await built.store.read(lambda tx: tx.revision.get())

    for refused in (
        make(built, scopes=frozenset({Scope.VIDEOS_READ, scope})),
        built.keys.update("acme", mine.key.id, KeyWish(scopes=frozenset({scope})), by=ADMIN),
    ):
        with pytest.raises(Forbidden, match=scope.value):
            await refused

    assert await built.store.read(lambda tx: tx.revision.get()) == before


async def test_nobody_takes_into_his_hands_a_key_that_may_do_more(built: Gateway):
    strong = await make(built, by=OPERATOR, scopes=frozenset({Scope.VIDEOS_WRITE, Scope.OPERATOR}))

    for refused in (
        built.keys.rotate(acme(built), strong.key.id, 0, by=ADMIN),
        built.keys.update("acme", strong.key.id, KeyWish(networks=()), by=ADMIN),
        built.keys.revoke("acme", strong.key.id, by=ADMIN),
    ):
        with pytest.raises(Forbidden):
            await refused
    assert lets_in(built, strong)

    writer = await make(built, by=OPERATOR, scopes=frozenset({Scope.VIDEOS_WRITE}))
    assert (await built.keys.revoke("acme", writer.key.id, by=ADMIN)).revoked_at is not None
    assert (await built.keys.revoke("acme", strong.key.id, by=OPERATOR)).revoked_at is not None


async def test_a_rotated_key_goes_on_for_the_overlap_and_then_only_the_new_one_works(built: Gateway, clock: HandClock):
    old = await make(built, name="backend", networks=("127.0.0.0/8",), expires_in_seconds=90 * DAY)
    clock.time += DAY * 1000

    new = await built.keys.rotate(acme(built), old.key.id, 3600, by=ADMIN)

    assert new.key == replace(
        old.key,
        id=new.key.id,
        hint=new.key.hint,
        created_at=clock.now(),
        expires_at=clock.now() + 90 * DAY * 1000,
        rotates=old.key.id,
    )
    assert new.text.reveal() != old.text.reveal()
    local = {"address": "127.0.0.1"}
    assert built.ground.callers.principal(old.text.reveal(), **local).key == old.key.id
    clock.time += 3_600_000
    assert (await built.keys.get("acme", old.key.id)).status(clock.now()) is KeyStatus.EXPIRED
    with pytest.raises(Unauthenticated, match="has expired"):
        built.ground.callers.principal(old.text.reveal(), **local)
    assert built.ground.callers.principal(new.text.reveal(), **local).key == new.key.id


async def test_a_key_is_rotated_once_and_whoever_lost_the_answer_rotates_the_new_one(built: Gateway):
    old = await make(built)
    lost = await built.keys.rotate(acme(built), old.key.id, DAY, by=ADMIN)

    with pytest.raises(KeyReplaced, match=lost.key.id):
        await built.keys.rotate(acme(built), old.key.id, DAY, by=ADMIN)
    new = await built.keys.rotate(acme(built), lost.key.id, 0, by=ADMIN)

    assert lets_in(built, old)
    assert lets_in(built, new)
    assert not lets_in(built, lost)
    assert new.key.expires_at is None


@pytest.mark.parametrize("wish", [{"expires_at": None}, {"expires_in_seconds": 2 * DAY}])
@pytest.mark.parametrize("overlap", [0, DAY])
async def test_a_key_whose_place_another_takes_ends_when_it_was_said(
    built: Gateway, overlap: int, wish: dict[str, Any]
):
    old = await make(built)
    new = await built.keys.rotate(acme(built), old.key.id, overlap, by=ADMIN)

    with pytest.raises(KeyReplaced, match=new.key.id):
        await built.keys.update("acme", old.key.id, KeyWish(**wish), by=ADMIN)

    assert lets_in(built, old) == (overlap > 0)
    assert (await built.keys.update("acme", old.key.id, KeyWish(name="old"), by=ADMIN)).name == "old"
    assert (await built.keys.update("acme", new.key.id, KeyWish(**wish), by=ADMIN)).id == new.key.id


@pytest.mark.parametrize("overlap", [-1, 30 * DAY + 1])
async def test_an_overlap_that_can_not_be_is_refused(built: Gateway, overlap: int):
    made = await make(built)

    with pytest.raises(InvalidRequest, match="overlap_seconds"):
        await built.keys.rotate(acme(built), made.key.id, overlap, by=ADMIN)


async def test_a_revoked_key_works_no_more_and_revoking_it_again_changes_nothing(built: Gateway, clock: HandClock):
    made = await make(built)

    clock.time += 1000
    first = await built.keys.revoke("acme", made.key.id, by=ADMIN)
    clock.time += 1000
    second = await built.keys.revoke("acme", made.key.id, by=OPERATOR)

    assert first == second
    assert first.status(clock.now()) is KeyStatus.REVOKED
    assert not lets_in(built, made)
    assert [entry.action for entry in await trail(built, made.key.id)] == ["api_key.created", "api_key.revoked"]
    for refused in (
        built.keys.update("acme", made.key.id, KeyWish(name="x"), by=ADMIN),
        built.keys.rotate(acme(built), made.key.id, 0, by=ADMIN),
    ):
        with pytest.raises(KeyRevoked):
            await refused


async def test_a_key_may_revoke_itself(built: Gateway):
    made = await make(built, scopes=ADMIN.scopes)
    principal = built.ground.callers.principal(made.text.reveal())

    await built.keys.revoke("acme", principal.key, by=Hand(actor="itself", scopes=principal.scopes))

    assert not lets_in(built, made)


async def test_what_the_file_manages_is_read_and_changed_in_the_file(built: Gateway):
    key = await of_file(built)

    assert key.managed_by is ManagedBy.FILE
    for refused in (
        built.keys.update("acme", key.id, KeyWish(name="x"), by=OPERATOR),
        built.keys.rotate(acme(built), key.id, 0, by=OPERATOR),
        built.keys.revoke("acme", key.id, by=OPERATOR),
    ):
        with pytest.raises(ManagedByFile, match=str(key.source)):
            await refused
    assert built.ground.callers.principal(ACME_KEY).key == key.id


async def test_a_file_that_is_applied_leaves_alone_what_the_api_made(built: Gateway):
    made = await make(built)

    await configured(built)
    assert lets_in(built, made)

    without = tuple(
        replace(setup, keys=tuple(key for key in setup.keys if key.secret.reveal() != ADMIN_KEY))
        for setup in built.settings.tenants
    )
    admin = await of_file(built, ADMIN_KEY)
    await configured(built, tenants=without)

    assert lets_in(built, made)
    assert (await built.keys.revoke("acme", admin.id, by=OPERATOR)).revoked_at is not None, "it is revoked already"


async def test_another_tenants_key_is_as_unknown_as_one_that_is_not_there(built: Gateway):
    made = await make(built)
    other = built.tenants.get("other")
    assert other is not None

    for id in (made.key.id, "key_" + "0" * 26):
        for refused in (
            built.keys.get("other", id),
            built.keys.update("other", id, KeyWish(name="x"), by=OPERATOR),
            built.keys.rotate(other, id, 0, by=OPERATOR),
            built.keys.revoke("other", id, by=OPERATOR),
        ):
            with pytest.raises(NotFound) as error:
                await refused
            assert error.value.detail == "There is no such API key"
    assert lets_in(built, made)


async def test_every_change_is_in_the_trail_with_who_and_what_and_without_the_key(built: Gateway, clock: HandClock):
    made = await make(built, name="backend")
    clock.time += 1
    await built.keys.update("acme", made.key.id, KeyWish(name="front", networks=("10.0.0.0/8",)), by=OPERATOR)
    await built.keys.update("acme", made.key.id, KeyWish(name="front"), by=OPERATOR)
    clock.time += 1
    new = await built.keys.rotate(acme(built), made.key.id, 60, by=ADMIN)

    told = await trail(built, made.key.id)
    assert [(entry.action, entry.actor) for entry in told] == [
        ("api_key.created", ADMIN.actor),
        ("api_key.updated", OPERATOR.actor),
        ("api_key.updated", ADMIN.actor),
    ]
    assert told[0].after is not None
    assert (told[0].tenant, told[0].after["hint"], told[0].after["scopes"]) == ("acme", made.key.hint, ["videos:read"])
    assert told[1].before == {"name": "backend", "networks": []}
    assert told[1].after == {"name": "front", "networks": ["10.0.0.0/8"]}
    assert told[2].after == {"expires_at": clock.now() + 60_000}
    assert [entry.action for entry in await trail(built, new.key.id)] == ["api_key.created"]


async def test_keys_are_told_a_page_at_a_time_the_newest_first(built: Gateway, clock: HandClock):
    made = []
    for _ in range(5):
        clock.time += 1
        made.append((await make(built)).key.id)

    first = await built.keys.page("acme", after=None, limit=3)
    second = await built.keys.page("acme", after=first.keys[-1].id, limit=3)

    assert [key.id for key in first.keys] == made[:1:-1]
    assert first.more
    assert [key.id for key in second.keys[:2]] == made[1::-1]
    with pytest.raises(InvalidRequest):
        await built.keys.page("acme", after=None, limit=101)


async def test_a_revoked_key_is_kept_in_the_database_and_no_more_in_memory(built: Gateway):
    before = built.ground.keeper.directory.keys
    made = await make(built)
    during = built.ground.keeper.directory.keys

    await built.keys.revoke("acme", made.key.id, by=ADMIN)

    assert len(during) == len(before) + 1
    assert built.ground.keeper.directory.keys == before
    assert (await built.keys.get("acme", made.key.id)).revoked_at is not None


async def test_a_key_that_the_file_named_before_is_the_same_key_when_it_is_named_again(built: Gateway):
    key, named = await of_file(built), built.settings.tenants
    acme, *rest = named
    await configured(built, tenants=(replace(acme, keys=acme.keys[1:]), *rest))
    gone = await built.keys.get("acme", key.id)

    await configured(built, tenants=named)

    assert gone.revoked_at is not None
    assert (await of_file(built)).id == key.id


async def test_a_tenant_has_so_many_working_keys_and_no_more(built: Gateway, monkeypatch: pytest.MonkeyPatch):
    working = sum(1 for one in built.ground.keeper.directory.keys if one.key.tenant == "acme")
    monkeypatch.setattr(module, "MOST", working + 1)
    made = await make(built)

    with pytest.raises(InvalidRequest, match="revoke one"):
        await make(built)
    await built.keys.revoke("acme", made.key.id, by=ADMIN)
    assert lets_in(built, await make(built))


async def test_a_rotation_is_no_way_around_how_many_keys_may_work(built: Gateway, monkeypatch: pytest.MonkeyPatch):
    made = await make(built)
    monkeypatch.setattr(module, "MOST", await built.store.read(lambda tx: tx.api_keys.working("acme", 0)))

    with pytest.raises(InvalidRequest, match="revoke one"):
        await built.keys.rotate(acme(built), made.key.id, DAY, by=ADMIN)

    assert lets_in(built, await built.keys.rotate(acme(built), made.key.id, 0, by=ADMIN))


async def test_a_key_that_was_made_is_told_though_the_directory_can_not_be_read(built: Gateway):
    other = Secret("another master key, which is long enough")
    own = {"id": "mine", "provider": "veo3o1", "credential": "a-key", "sandbox": True, "price_per_credit": "0.01"}
    await built.account_setups.create(own, acme(built), by=ADMIN)
    built.ground.vault.turn(other, ())  # what was sealed before does not open now

    made = await make(built)
    await built.tenancies.create({"id": "late"}, by=OPERATOR)

    with pytest.raises(CanNotOpen):
        await built.ground.keeper.refresh()
    built.ground.vault.turn(SECRET_KEY, (other,))
    await built.ground.keeper.refresh()
    assert lets_in(built, made)
    assert built.tenants.get("late") is not None


async def test_when_a_key_was_used_is_written_down_and_never_goes_back(built: Gateway, clock: HandClock):
    made = await make(built)
    usage = Usage(store=built.store, callers=built.ground.callers)
    lets_in(built, made)
    before = clock.now()
    await usage.write()
    assert (await built.keys.get("acme", made.key.id)).used_at == before

    clock.time -= 5_000
    lets_in(built, made)
    await usage.write()
    assert (await built.keys.get("acme", made.key.id)).used_at == before
    clock.time += 65_000
    lets_in(built, made)
    await usage.write()
    assert (await built.keys.get("acme", made.key.id)).used_at == before + 60_000


async def test_a_gateway_that_stops_writes_down_what_it_knows(tmp_path: Path, clock: HandClock):
    async with gateway(settings(tmp_path), Seams(clock=clock, verify=certificates())) as built:
        made = await make(built)
        assert lets_in(built, made)
        assert (await built.keys.get("acme", made.key.id)).used_at is None
    async with gateway(settings(tmp_path), Seams(clock=clock, verify=certificates())) as built:
        assert (await built.keys.get("acme", made.key.id)).used_at == clock.now()
