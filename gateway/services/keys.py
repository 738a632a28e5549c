"""A tenant's API keys: made, shown, changed, rotated, revoked. The text of a key is seen once, by whoever made it."""

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy.api_keys import make_key
from gateway.policy.key_wishes import lasts_longer, outgoing, successor, wished
from gateway.policy.planning import Change, key_change, revocation
from gateway.policy.signing import key_hash
from gateway.services.changes import Changes
from gateway.services.directory import Keeper
from gateway.services.hands import Hand, check_hand, check_tenant
from gateway.services.pages import check_limit, cut
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction, Work
from schema.account import Secret
from schema.api_key import HINT, LONGEST_OVERLAP, ApiKey, KeyWish
from schema.clock import Clock, Millis, millis
from schema.directory import StoredKey
from schema.errors import Forbidden, InvalidRequest, KeyReplaced, KeyRevoked, ManagedByFile, NotFound, Overloaded
from schema.ids import KEY, Entropy, Ids
from schema.ownership import ManagedBy
from schema.tenant import Scope, Tenant

log = structlog.get_logger()

Done = tuple[ApiKey, list[Change]]
"""The key as it is now, and what was changed to make it so."""

MOST = 1000
"""Keys of one tenant that work: every replica has all of them in memory."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh key, and its text, which nobody can be told again."""

    key: ApiKey
    text: Secret


class KeyPage(msgspec.Struct, frozen=True):
    """Some keys, newest first; ``more`` when there are older ones."""

    keys: list[ApiKey]
    more: bool


class Keys:
    """Every verb is in the audit trail, and effective at this replica when it returns, at the others a second later."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        keeper: Keeper,
        root: Secret,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._changes = changes
        self._keeper = keeper
        self._root = root
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def page(self, tenant: str, *, after: str | None, limit: int) -> KeyPage:
        """A tenant's keys, newest first, those that work no more too. Raises InvalidRequest for an odd limit."""
        check_limit(limit)
        return KeyPage(*cut(await self._store.read(lambda tx: tx.api_keys.of_tenant(tenant, after, limit + 1)), limit))

    async def get(self, tenant: str, id: str) -> ApiKey:
        """One of a tenant's keys. Raises NotFound."""
        return (await self._store.read(lambda tx: _found(tx, tenant, id))).key

    async def create(self, tenant: Tenant, wish: KeyWish, *, by: Hand) -> Made:
        """Make a key.

        Raises:
            InvalidRequest: a field is wrong, or the tenant has too many keys.
            Forbidden: it was to be allowed what its maker is not.
        """
        now, text = self._clock.now(), self._text(tenant)
        blank = ApiKey(
            id=self._ids.make(KEY, now), tenant=tenant.id, hint=text[-HINT:], scopes=frozenset(), created_at=now
        )
        key = wished(blank, wish, now)
        _check_gives(by, key.scopes)
        stored = StoredKey(key=key, hash=self._hash(text))

        async def work(tx: Transaction) -> Done:
            await check_tenant(tx, tenant.id)
            await _check_room(tx, tenant.id, now)
            return key, list(key_change(stored, None, None))

        return Made(key=await self._do(work, by), text=Secret(text))

    async def update(self, tenant: str, id: str, wish: KeyWish, *, by: Hand) -> ApiKey:
        """Change what a key may do, from where, and how long. What changes nothing is no change.

        Raises:
            NotFound: the tenant has no such key.
            ManagedByFile: the configuration file says what it may.
            KeyRevoked: it works no more.
            KeyReplaced: it was to go on for longer, and another takes its place.
            InvalidRequest: a field is wrong.
            Forbidden: it may do what its changer may not, or was to.
        """
        now = self._clock.now()

        async def work(tx: Transaction) -> Done:
            known = await _changeable(tx, tenant, id, by)
            key = wished(known.key, wish, now)
            _check_gives(by, key.scopes)
            if lasts_longer(key, known.key) and (other := await tx.api_keys.successor(id)):
                raise KeyReplaced(f"{other} takes the place of this API key, which ends as it was said; use that one")
            return key, list(key_change(replace(known, key=key), known, None))

        return await self._do(work, by)

    async def rotate(self, tenant: Tenant, id: str, overlap: int, *, by: Hand) -> Made:
        """Make a key that may do the same; the old one goes on for ``overlap`` seconds, so that both work meanwhile.

        Raises:
            KeyReplaced: another takes its place already.
            InvalidRequest: the overlap is out of range, or the tenant has too many keys.
            NotFound, ManagedByFile, KeyRevoked, Forbidden: as for a change.
        """
        if not 0 <= overlap <= LONGEST_OVERLAP:
            raise InvalidRequest.field("overlap_seconds", "out_of_range", f"must be from 0 to {LONGEST_OVERLAP}")
        now, text = self._clock.now(), self._text(tenant)
        fresh, hashed = self._ids.make(KEY, now), self._hash(text)

        async def work(tx: Transaction) -> Done:
            await check_tenant(tx, tenant.id)
            known = await _changeable(tx, tenant.id, id, by)
            if other := await tx.api_keys.successor(id):
                raise KeyReplaced(f"{other} takes the place of this API key already; rotate that one")
            key = successor(known.key, fresh, text[-HINT:], now)
            old = replace(known, key=outgoing(known.key, millis(overlap), now))
            await _check_room(tx, tenant.id, now, leaving=known.key.works(now) and not old.key.works(now))
            return key, [*key_change(StoredKey(key=key, hash=hashed), None, None), *key_change(old, known, None)]

        return Made(key=await self._do(work, by), text=Secret(text))

    async def revoke(self, tenant: str, id: str, *, by: Hand) -> ApiKey:
        """A key works no more, whoever holds it: revoking a revoked one changes nothing. One may revoke one's own.

        Raises:
            NotFound: the tenant has no such key.
            ManagedByFile: it would come back with the file; it is revoked there.
            Forbidden: an operator's key is revoked by operators.
        """
        now = self._clock.now()

        async def work(tx: Transaction) -> Done:
            known = await _found(tx, tenant, id)
            if known.key.revoked_at is not None:
                return known.key, []
            _check_api(known.key)
            _check_gives(by, known.key.scopes & {Scope.OPERATOR})
            return replace(known.key, revoked_at=now), [revocation(known, now)]

        return await self._do(work, by)

    async def _do(self, work: Work[Done], by: Hand) -> ApiKey:
        """Make changes, all or none, and see them here at once. A key that was made is told, whatever comes after."""

        async def locked(tx: Transaction) -> Done:
            await tx.revision.lock()
            await check_hand(tx, by, self._clock.now())
            done = await work(tx)
            for change in done[1]:
                await self._changes.make(tx, change, actor=by.actor)
            return done

        try:
            key, changes = await self._store.write(locked)
        except CommitUnknown as error:
            detail = "Whether the database kept this is not known; look at your keys, and try again"
            raise Overloaded(detail, retry_after_seconds=1) from error
        for change in changes:
            log.info(change.action, id=change.id, tenant=change.tenant, actor=by.actor)
        await self._keeper.catch_up()
        return key

    def _text(self, tenant: Tenant) -> str:
        return make_key(test=tenant.test, entropy=self._entropy)

    def _hash(self, text: str) -> str:
        return key_hash(self._root, text).hex()


async def _found(tx: Transaction, tenant: str, id: str) -> StoredKey:
    found = await tx.api_keys.get(tenant, id)
    if found is None:
        raise NotFound("There is no such API key")
    return found


async def _check_room(tx: Transaction, tenant: str, now: Millis, *, leaving: bool = False) -> None:
    """Room for one more key that works, when perhaps another ends with it."""
    if await tx.api_keys.working(tenant, now) - leaving >= MOST:
        raise InvalidRequest(f"A tenant has at most {MOST} API keys that work; revoke one that is not needed")


async def _changeable(tx: Transaction, tenant: str, id: str, by: Hand) -> StoredKey:
    """A key that may be changed, by somebody who may do all that it may."""
    found = await _found(tx, tenant, id)
    if found.key.revoked_at is not None:
        raise KeyRevoked
    _check_api(found.key)
    _check_gives(by, found.key.scopes)
    return found


def _check_api(key: ApiKey) -> None:
    if key.managed_by is ManagedBy.FILE:
        raise ManagedByFile(
            f"The file {key.source} manages this API key (…{key.hint}): change it there and apply the file; taking it "
            "out of the file revokes it"
        )


def _check_gives(by: Hand, scopes: frozenset[Scope]) -> None:
    """Nobody gives, or takes into his hands, what he may not do himself; operators may do anything."""
    lacking = () if Scope.OPERATOR in by.scopes else sorted(scopes - by.scopes)
    if lacking:
        raise Forbidden(
            f"Your key has no scope {', '.join(lacking)}, so it can not give it, nor change a key that has it"
        )
