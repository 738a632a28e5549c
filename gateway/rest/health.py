"""/livez and /readyz: for whoever starts, stops and balances us."""

import asyncio
from typing import Literal

import msgspec
import structlog
from litestar import get

from gateway.arriving import gateway_of
from gateway.rest.answers import Answer
from gateway.rest.requests import Call
from gateway.rest.views import encode
from gateway.store.database import StoreError
from schema.errors import Overloaded

log = structlog.get_logger()

LIVE = "/livez"
READY = "/readyz"
_PATIENCE = 3.0


class HealthView(msgspec.Struct, frozen=True, omit_defaults=True):
    """It is well.

    Attributes:
        quarantined: it was restored from a backup and waits for an operator: it shows videos and accepts none.
    """

    status: Literal["ok"]
    quarantined: bool = False


_OK = encode(HealthView("ok"))
_QUARANTINED = encode(HealthView("ok", quarantined=True))


@get(LIVE)
async def live(request: Call) -> Answer:  # noqa: ARG001  # that this runs is the answer
    return Answer(_OK)


@get(READY)
async def ready(request: Call) -> Answer:
    gateway = gateway_of(request.scope)
    if gateway.draining.is_set():
        raise Overloaded("Not ready: this process is stopping", retry_after_seconds=1)
    try:
        async with asyncio.timeout(_PATIENCE):
            await gateway.store.database.ping()
            quarantined = await gateway.quarantine.is_on()
    except (StoreError, TimeoutError) as error:
        log.warning("gateway.not_ready", reason=type(error).__name__)
        raise Overloaded("Not ready: the database can not keep anything now", retry_after_seconds=1) from error
    return Answer(_QUARANTINED if quarantined else _OK)
