"""Secrets that lie sealed in the database: put in, read, and put under a new master key while everything goes on."""

from base64 import b64encode

import msgspec
import structlog

from gateway.policy import sealing
from gateway.policy.sealing import Place, Ring
from gateway.store.database import StoreError
from gateway.store.sealed import Kept
from gateway.store.store import Store, Transaction
from schema.account import Secret
from schema.clock import Clock, Millis
from schema.ids import Entropy

log = structlog.get_logger()

CREDENTIAL = "credential"
WEBHOOK_SECRETS = "webhook_secrets"
ENDPOINT_SECRET = "endpoint_secret"  # noqa: S105 - the name of a kind
"""What signs what a webhook endpoint is told."""
TENANT_SECRET = "tenant_webhook_secret"  # noqa: S105 - the name of a kind
"""What signs what a tenant's videos tell the address that was given with them."""
SIGNING = "signing"
"""Keys that client tokens are signed with."""

_ROOT = Place("root", "gateway", 1)
_ROOT_BYTES = 32
_AT_ONCE = 50
"""Secrets that are put under a new master key in one transaction: short, so that nobody waits for it."""


class MasterKeyMissing(StoreError):
    """The database holds secrets that no master key of the configuration opens."""


class Rekeyed(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change of the master key is.

    Attributes:
        key_id: the master key under which everything is to lie.
        moved: secrets that were put under it now.
        left: those that lie under another one still.
    """

    key_id: str
    moved: int
    left: int


class Vault:
    """Seals and opens with the master keys that the configuration has at hand."""

    def __init__(
        self, *, store: Store, key: Secret, former: tuple[Secret, ...] = (), clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._key = key
        self._ring = sealing.ring(key, former)
        self._clock = clock
        self._entropy = entropy

    def turn(self, key: Secret, former: tuple[Secret, ...]) -> None:
        """Other master keys are at hand from now on."""
        self._key, self._ring = key, sealing.ring(key, former)

    async def open(self) -> Secret:
        """Make sure that every secret can be opened, and give the root: what hashes and tokens hang on.

        It is made at the first start and stays the same whatever master keys come after it. A database that is older
        than sealed secrets keeps what its tokens hung on: its master key of then.

        Raises:
            MasterKeyMissing: some can not be opened.
        """
        check_at_hand(self._ring, await self._store.read(lambda tx: tx.sealed.counts()))
        known = await self._store.read(self._roots)
        return known[0] if known else await self._store.write(self._root)

    @property
    def key_id(self) -> str:
        """The id of the master key that seals now."""
        return self._ring.current.id

    async def check(self, key: Secret, former: tuple[Secret, ...]) -> None:
        """Raises MasterKeyMissing unless these master keys open every secret, also those sealed until they count."""
        ring = sealing.ring(key, former)
        check_at_hand(ring, await self._store.read(lambda tx: tx.sealed.counts()))
        if ring.named(self.key_id) is None:
            raise MasterKeyMissing(
                f"secrets are being sealed under the master key {self.key_id}, which would not be at hand: "
                "add it to secrets.previous"
            )

    async def _root(self, tx: Transaction) -> Secret:
        """Another replica that starts too may be faster; then its root counts."""
        old = bool(await tx.videos.after("", 1))
        text = self._key.reveal() if old else b64encode(self._entropy(_ROOT_BYTES)).decode()
        await self._add(tx, _ROOT, text)
        return (await self._roots(tx))[0]

    async def _roots(self, tx: Transaction) -> list[Secret]:
        return [self._opened(kept) for kept in await tx.sealed.versions(_ROOT.kind, _ROOT.owner)]

    # one secret

    async def put(self, tx: Transaction, kind: str, owner: str, text: str) -> int:
        """Keep a secret as its owner's newest; the version it has got."""
        known = await tx.sealed.versions(kind, owner)
        version = known[-1].place.version + 1 if known else 1
        await self._add(tx, Place(kind, owner, version), text)
        return version

    async def all(self, tx: Transaction, kind: str) -> dict[str, dict[int, Secret]]:
        """Owner → version → secret, oldest first. Raises CanNotOpen."""
        found: dict[str, dict[int, Secret]] = {}
        for kept in await tx.sealed.all(kind):
            found.setdefault(kept.place.owner, {})[kept.place.version] = self._opened(kept)
        return found

    async def of(self, tx: Transaction, kind: str, owner: str) -> dict[int, Secret]:
        """Version → secret of one owner, oldest first. Raises CanNotOpen."""
        return {kept.place.version: self._opened(kept) for kept in await tx.sealed.versions(kind, owner)}

    async def newest_at(self, tx: Transaction, kind: str) -> dict[str, Millis]:
        """Owner → when its newest secret was put in."""
        return {kept.place.owner: kept.at for kept in await tx.sealed.all(kind)}

    async def forget(self, tx: Transaction, kind: str, owner: str, keep: frozenset[int]) -> None:
        """Drop an owner's secrets of other versions than those."""
        for kept in await tx.sealed.versions(kind, owner):
            if kept.place.version not in keep:
                await tx.sealed.forget(kept.place)

    async def _add(self, tx: Transaction, place: Place, text: str) -> None:
        sealed = sealing.seal(self._ring.current, text, place, self._entropy)
        await tx.sealed.add(Kept(place=place, sealed=sealed, at=self._clock.now()))

    def _opened(self, kept: Kept) -> Secret:
        return sealing.opened(self._ring, kept.sealed, kept.place)

    # a new master key

    async def rekey(self) -> Rekeyed:
        """Put everything under the current master key, some at a time: it may be stopped anywhere and begun again.

        Raises:
            CanNotOpen: a secret was changed, or lies under a master key that is not at hand.
        """
        moved = 0
        while (step := await self._store.write(self._rewrap_some)) > 0:
            moved += step
        counts = await self._store.read(lambda tx: tx.sealed.counts())
        left = sum(count for id, count in counts.items() if id != self._ring.current.id)
        log.info("secrets.rekeyed", key_id=self._ring.current.id, moved=moved, left=left)
        return Rekeyed(key_id=self._ring.current.id, moved=moved, left=left)

    async def _rewrap_some(self, tx: Transaction) -> int:
        moved = 0
        for kept in await tx.sealed.under_others(self._ring.current.id, _AT_ONCE):
            sealed = sealing.rewrapped(self._ring, kept.sealed, kept.place, self._entropy)
            moved += await tx.sealed.rewrap(kept, sealed)
        return moved

    async def counts(self) -> dict[str, int]:
        """Master key's id → how many secrets lie under it."""
        return await self._store.read(lambda tx: tx.sealed.counts())


def check_at_hand(ring: Ring, counts: dict[str, int]) -> None:
    """Raises MasterKeyMissing unless every secret counted can be opened."""
    for id, count in counts.items():
        if ring.named(id) is None:
            raise MasterKeyMissing(
                f"{count} secrets in the database lie under the master key {id}, which is not at hand: "
                "set secrets.key to the key of then, or add it to secrets.previous"
            )
