"""What the command line runs: a server, a worker; and the two contracts as text."""

import asyncio
import gc
import sys

import structlog

from gateway.config.settings import Settings
from gateway.loop import in_loop
from gateway.ports import open_files
from gateway.reloading import Examine, hangups, reloaded
from gateway.serving import at_work, serving, stop_signals, stop_work
from gateway.telemetry import configure_logging
from gateway.wiring import Gateway, Seams, gateway

log = structlog.get_logger()

_OTHER_FILES = 512
"""Files and connections of our own: the database, providers, videos on their way to the disk."""

_QUARANTINED = """
The database was restored from a backup and is in quarantine: no video is sent to a provider, and none accepted.
  filmgate db status     says what waits
  filmgate db release    ends the quarantine; what waited fails, for it may have been sent after the backup was made
"""


def serve(
    settings: Settings, *, worker: bool = True, seams: Seams | None = None, examine: Examine | None = None
) -> None:
    """Serve until asked to stop: the API, and unless told otherwise the worker.

    Args:
        examine: reads the file again, at each SIGHUP.
    """
    _configure_logging(settings)
    _make_room(settings)
    in_loop(_serve(settings, worker=worker, seams=seams, examine=examine))


def _make_room(settings: Settings) -> None:
    """Every connection is an open file, and so are the database and calls to providers."""
    wanted = settings.server.max_connections + _OTHER_FILES
    allowed = open_files(wanted)
    if allowed < wanted:
        log.warning("gateway.few_files", allowed=allowed, wanted=wanted)


def _configure_logging(settings: Settings) -> None:
    told = settings.observability
    configure_logging(level=told.log_level.value, form=told.log_format.value)


async def _serve(settings: Settings, *, worker: bool, seams: Seams | None, examine: Examine | None = None) -> None:
    stopping = asyncio.Event()
    with stop_signals(stopping.set), hangups(examine) as asked:
        async with gateway(settings, seams) as built, serving(built, worker=worker):
            with reloaded(built.reloading, examine, asked):
                await _warn(built)
                _keep_what_is_built()
                await stopping.wait()


def work(settings: Settings, *, seams: Seams | None = None, examine: Examine | None = None) -> None:
    """Run the worker alone until asked to stop."""
    _configure_logging(settings)
    in_loop(_work(settings, seams, examine))


async def _work(settings: Settings, seams: Seams | None, examine: Examine | None) -> None:
    with hangups(examine) as asked:
        async with gateway(settings, seams) as built:
            await _warn(built)
            with stop_signals(lambda: stop_work(built)), reloaded(built.reloading, examine, asked):
                _keep_what_is_built()
                log.info("worker.ready")
                await at_work(built)


def _keep_what_is_built() -> None:
    """Take the modules, the schema and the handlers out of what is searched for garbage: they stay until the end, and
    walking them, which takes a tenth of a second, holds up every request.
    """
    gc.collect()
    gc.freeze()


async def _warn(built: Gateway) -> None:
    """Say loudly that nothing will be made, and how to change that."""
    instance = await built.quarantine.state()
    if instance.quarantined:
        log.warning("gateway.quarantined", epoch=instance.epoch, restored_from=instance.restored_from)
        if sys.stderr.isatty():
            sys.stderr.write(_QUARANTINED)


def sdl() -> str:
    """The GraphQL schema as text."""
    from gateway.graphql.schema import sdl as text

    return text()


def openapi() -> str:
    """The OpenAPI description of the REST interface, JSON."""
    from gateway.rest.openapi import document

    return document()
