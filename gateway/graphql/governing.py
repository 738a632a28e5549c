"""What is executed at once for one tenant, and for how long: every transport holds its operations to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graphql import OperationType

from gateway.graphql.context import Context
from gateway.services.seats import RETRY_SECONDS
from schema.errors import Overloaded

QUERY_SECONDS = 30.0
"""How long a query may take. A mutation is not cut short: what it has begun is done, and the caller should know."""


@asynccontextmanager
async def governed(context: Context, kind: OperationType | None) -> AsyncIterator[None]:
    """Execute one operation, which is no subscription, until the end of the block.

    Raises:
        Unauthenticated: whoever asks is let in no more.
        TooManyRequests: so many of the tenant's are being executed that this one is not begun.
        Overloaded: it took too long.
    """
    with context.gateway.executions.seat(context.caller.tenant.id):
        try:
            async with asyncio.timeout(QUERY_SECONDS if kind is OperationType.QUERY else None):
                yield
        except TimeoutError as error:
            raise Overloaded(
                f"The query took longer than {QUERY_SECONDS:.0f} seconds", retry_after_seconds=RETRY_SECONDS
            ) from error
