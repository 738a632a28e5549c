"""SIGHUP: the configuration file is read again by a process that goes on serving."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from gateway.config.findings import Finding
from gateway.config.settings import Settings
from gateway.policy.sealing import CanNotOpen
from gateway.services.reloading import Reloading
from gateway.store.database import StoreError
from schema.errors import Overloaded

log = structlog.get_logger()

Examine = Callable[[], tuple[Settings | None, list[Finding]]]
"""Reads the file: its settings, None when it can not be used, and everything found in it."""


@contextmanager
def hangups(examine: Examine | None) -> Iterator[asyncio.Event]:
    """What each SIGHUP sets, from the very start: one that came while nothing could be reloaded yet is done then.

    Without a file to read it means stop, as it does to any process.
    """
    asked = asyncio.Event()
    if examine is None:
        yield asked
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield asked
    finally:
        with suppress(ValueError):
            loop.remove_signal_handler(signal.SIGHUP)


@contextmanager
def reloaded(reloading: Reloading, examine: Examine | None, asked: asyncio.Event) -> Iterator[None]:
    """Read the file once more whenever that is asked, one after another; the latest one counts."""
    if examine is None:
        yield
        return
    following = asyncio.create_task(_follow(reloading, examine, asked))
    try:
        yield
    finally:
        following.cancel()


async def _follow(reloading: Reloading, examine: Examine, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        try:
            await reload(reloading, examine)
        except Exception:  # whatever it is, the next SIGHUP must find somebody
            log.exception("configuration.reload_crashed")


async def reload(reloading: Reloading, examine: Examine) -> None:
    """Read the file and work by it; a file that can not be used changes nothing, and is told."""
    settings, findings = await asyncio.to_thread(examine)
    if settings is None:
        reloading.refuse(findings)
        return
    with suppress(StoreError, CanNotOpen, Overloaded):  # told by then
        await reloading.take(settings)
