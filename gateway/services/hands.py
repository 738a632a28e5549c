"""Who changes the directory. Whether he still may is asked in the very transaction that changes it."""

import msgspec

from gateway.services.callers import ENDED
from gateway.store.store import Transaction
from schema.clock import Millis
from schema.errors import NotFound, Unauthenticated
from schema.tenant import Scope


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes something.

    Attributes:
        actor: as records name him.
        scopes: what his own key may do: he can give no more.
        tenant, key: whose key he came with, and which; empty for who came with none.
    """

    actor: str
    scopes: frozenset[Scope]
    tenant: str = ""
    key: str = ""


async def check_hand(tx: Transaction, by: Hand, now: Millis) -> None:
    """Nobody acts by a key that has ended meanwhile, anywhere. Whoever calls holds the revision's lock.

    Raises:
        Unauthenticated: it was revoked, has expired, may do less than before, or its tenant was removed.
    """
    if not by.key:
        return
    stored = await tx.api_keys.get(by.tenant, by.key)
    whole = stored is not None and stored.key.works(now) and by.scopes <= stored.key.scopes
    if not (whole and await _is_there(tx, by.tenant)):
        raise Unauthenticated(ENDED, presented=True)


async def check_tenant(tx: Transaction, id: str) -> None:
    """Nothing is made for a tenant that was removed meanwhile. Raises NotFound."""
    if not await _is_there(tx, id):
        raise NotFound("There is no such tenant")


async def _is_there(tx: Transaction, id: str) -> bool:
    record = await tx.tenants.get(id)
    return record is not None and record.ownership.removed_at is None
