"""Requests as they arrive: to which gateway each leads, and whether it is let in with every part of its body."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import Scope

from gateway.auth import check_works
from gateway.wiring import Gateway

_GATEWAY = "gateway"
_PLAIN = "identity"


def lead(scope: Scope, gateway: Gateway) -> None:
    """Let a request lead to a gateway; routes are built once and belong to none."""
    scope["state"][_GATEWAY] = gateway


def gateway_of(scope: Scope) -> Gateway:
    """The gateway to which a request leads."""
    gateway: Gateway = scope["state"][_GATEWAY]
    return gateway


class Arriving(Request[Any, Any, Any]):
    """Every request of both doors. A key or token that ends while its request is read acts no more by it."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, part by part.

        Raises:
            Unauthenticated: whoever was let in would not be any more.
            HTTPException: 415 when it is compressed.
        """
        coding = self.headers.get("content-encoding", _PLAIN)
        if coding.lower() != _PLAIN:
            headers = {"accept-encoding": _PLAIN}
            raise HTTPException(status_code=415, detail="Send the body uncompressed", headers=headers)
        async for part in super().stream():
            principal = self.scope["state"].get("principal")
            if principal is not None:
                check_works(gateway_of(self.scope), principal)
            yield part
