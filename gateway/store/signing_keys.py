"""When each key that signs client tokens was made and replaced; the keys themselves lie sealed."""

from gateway.store.database import Connection
from schema.client_token import SigningKeyFacts
from schema.clock import Millis


class SigningKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[SigningKeyFacts]:
        """Every key that is kept, oldest first."""
        rows = await self._connection.all(
            "SELECT kid, created_at, retired_at FROM signing_keys ORDER BY created_at, kid"
        )
        return [SigningKeyFacts(kid=kid, created_at=at, retired_at=retired) for kid, at, retired in rows]

    async def add(self, kid: str, now: Millis) -> None:
        """From now on this one signs: whichever did is retired."""
        await self._connection.run("UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL", now)
        await self._connection.run("INSERT INTO signing_keys (kid, created_at) VALUES (?, ?)", kid, now)

    async def forget(self, kid: str) -> None:
        await self._connection.run("DELETE FROM signing_keys WHERE kid = ?", kid)
