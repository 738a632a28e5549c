"""A request whose body is still on its way when it is let in: with each part that arrives it is asked again."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request

from gateway.auth import check_works


class Arriving(Request[Any, Any, Any]):
    """Every request of both doors. A key or token that ends while its request is read acts no more by it."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, part by part. Raises Unauthenticated when whoever was let in would not be any more."""
        async for part in super().stream():
            principal = self.scope["state"].get("principal")
            if principal is not None:
                check_works(self.app.state.gateway, principal)
            yield part
