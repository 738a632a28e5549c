"""Hooks heard from providers, remembered for ever: what was heard once does not act twice."""

from gateway.store.database import Connection
from schema.clock import Millis


class Hooks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
