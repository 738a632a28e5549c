"""Hooks heard from providers: remembered for ever, so that none acts twice; and kept while their attempt is unknown."""

import msgspec

from gateway.store.database import Connection, Row
from providers.base import Update
from schema.clock import Millis

_PARKED = "provider, attempt, body_sha256, accounts, news, received_at"
_encode = msgspec.json.Encoder().encode
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_updates = msgspec.json.Decoder(tuple[Update, ...]).decode


class ParkedHook(msgspec.Struct, frozen=True, kw_only=True):
    """A signed hook that speaks of nothing we know yet.

    Attributes:
        accounts: those whose secrets signed it; it says nothing of attempts at others.
        news: what it tells, read already: what was signed need not be kept for that.
    """

    provider: str
    attempt: str
    body_sha256: str
    accounts: tuple[str, ...]
    news: tuple[Update, ...]
    received_at: Millis


class Hooks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # what was heard

    async def heard(self, *, provider: str, attempt: str, body_sha256: str) -> bool:
        """Whether a hook was heard before."""
        row = await self._connection.one(
            "SELECT 1 FROM hooks WHERE provider = ? AND body_sha256 = ? AND attempt = ?", provider, body_sha256, attempt
        )
        return row is not None

    async def add(self, *, provider: str, attempt: str, body_sha256: str, now: Millis) -> bool:
        """Remember a hook; False when it was heard before."""
        row = await self._connection.one(
            "INSERT INTO hooks (provider, body_sha256, attempt, received_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (provider, body_sha256, attempt) DO NOTHING RETURNING attempt",
            provider,
            body_sha256,
            attempt,
            now,
        )
        return row is not None

    async def tell(self, *, provider: str, attempt: str, ref: str, meaning: str, now: Millis) -> bool:
        """Remember what a hook told; False when that was told before, in whatever bytes."""
        row = await self._connection.one(
            "INSERT INTO hook_news (provider, attempt, ref, meaning, received_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (attempt, ref, meaning, provider) DO NOTHING RETURNING attempt",
            provider,
            attempt,
            ref,
            meaning,
            now,
        )
        return row is not None

    # what waits for its attempt

    async def park(self, hook: ParkedHook) -> None:
        """Keep a hook until its attempt is known."""
        await self._connection.run(
            f"INSERT INTO parked_hooks ({_PARKED}) VALUES (?, ?, ?, ?, ?, ?)",
            hook.provider,
            hook.attempt,
            hook.body_sha256,
            _encode(hook.accounts).decode(),
            _encode(hook.news).decode(),
            hook.received_at,
        )

    async def parked(self, attempt: str) -> list[ParkedHook]:
        """What waits for an attempt, in the order in which it came."""
        rows = await self._connection.all(
            f"SELECT {_PARKED} FROM parked_hooks WHERE attempt = ? ORDER BY received_at, body_sha256", attempt
        )
        return [_parked(row) for row in rows]

    async def unpark(self, hook: ParkedHook) -> bool:
        """It waits no more; False when somebody else was faster."""
        changed = await self._connection.run(
            "DELETE FROM parked_hooks WHERE attempt = ? AND provider = ? AND body_sha256 = ?",
            hook.attempt,
            hook.provider,
            hook.body_sha256,
        )
        return changed == 1


def _parked(row: Row) -> ParkedHook:
    provider, attempt, body_sha256, accounts, news, received_at = row
    return ParkedHook(
        provider=provider,
        attempt=attempt,
        body_sha256=body_sha256,
        accounts=_names(accounts),
        news=_updates(news),
        received_at=received_at,
    )
