"""A change of the master key, asked for by an operator: done by the vault, and written down."""

from gateway.services.ledger import check_note
from gateway.services.trailing import write_down
from gateway.services.vault import Rekeyed, Vault
from gateway.store.store import Store
from schema.clock import Clock
from schema.ids import Ids


class Rekeying:
    def __init__(self, *, store: Store, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids

    async def rekey(self, *, actor: str, note: str = "") -> Rekeyed:
        """Put every secret under the current master key. Raises CanNotOpen, and InvalidRequest for a long note."""
        check_note(note)
        done = await self._vault.rekey()
        facts = {"moved": done.moved, "left": done.left, "note": note}
        await self._store.write(
            lambda tx: write_down(
                tx,
                self._ids,
                self._clock.now(),
                actor=actor,
                action="secrets.rekeyed",
                subject=done.key_id,
                after=facts,
            )
        )
        return done
