"""The configuration a running gateway works by: of which file, what a newer one changed, why one was refused."""

from collections.abc import Callable, Sequence

import msgspec
import structlog

from gateway.config.findings import Finding
from gateway.config.settings import Settings
from gateway.policy.planning import Change
from gateway.services.configuration import Configuration
from gateway.services.directory import Keeper
from gateway.services.vault import Vault
from schema.clock import Clock, Millis

log = structlog.get_logger()

AT_START = ("server", "database", "assets", "timing", "worker", "queue", "webhooks", "hooks", "observability")
"""Sections that are read when a process starts, and not again; nor is the proxy of ``egress``."""

Allow = Callable[[tuple[str, ...]], None]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was not taken, and everything found in it."""

    at: Millis
    findings: tuple[Finding, ...]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """How a process stands to its file.

    Attributes:
        last_refused: the latest file that could not be used; None once a later one could.
        needs_restart: sections in which the file differs from what this process began with.
    """

    source: str
    loaded_at: Millis
    last_refused: Refused | None = None
    needs_restart: tuple[str, ...] = ()


class Reloading:
    """Takes newer settings while everything goes on.

    Args:
        settings: those the process began with.
        allows: told of each new ``egress.allow``.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        vault: Vault,
        configuration: Configuration,
        keeper: Keeper,
        allows: Sequence[Allow],
        clock: Clock,
    ) -> None:
        self._began = self.settings = settings
        self._vault = vault
        self._configuration = configuration
        self._keeper = keeper
        self._allows = allows
        self._clock = clock
        self.loaded = Loaded(source=settings.source, loaded_at=clock.now())

    async def take(self, settings: Settings) -> list[Change]:
        """Work by newer settings from now on, as far as that needs no restart; what they changed of the directory.

        The newer master keys open at once, and seal only once the rest is taken: what others put in until then lies
        under the key that a refusal goes back to.

        Raises:
            StoreError, CanNotOpen, Overloaded: nothing was changed; it is told as a refusal.
        """
        former, secrets = self.settings.secrets, settings.secrets
        try:
            await self._vault.check(secrets.key, secrets.previous)
            self._vault.turn(former.key, (*former.previous, secrets.key, *secrets.previous))
            changes = await self._configuration.apply(settings)
        except BaseException as error:
            self._vault.turn(former.key, former.previous)
            self.refuse([Finding(path="", problem=str(error) or type(error).__name__)])
            raise
        self._vault.turn(secrets.key, secrets.previous)
        for allow in self._allows:
            allow(settings.egress.allow)
        self.settings = settings
        self.loaded = Loaded(
            source=settings.source, loaded_at=self._clock.now(), needs_restart=differing(self._began, settings)
        )
        await self._keeper.refresh()
        log.info("configuration.reloaded", changes=len(changes), needs_restart=list(self.loaded.needs_restart))
        return changes

    def refuse(self, findings: Sequence[Finding]) -> None:
        """Go on as before: the file can not be used."""
        wrong = [finding for finding in findings if not finding.warning]
        refused = Refused(at=self._clock.now(), findings=tuple(wrong))
        self.loaded = msgspec.structs.replace(self.loaded, last_refused=refused)
        told = [f"{finding.path}: {finding.problem}" if finding.path else finding.problem for finding in wrong]
        log.error("configuration.refused", findings=told)


def differing(began: Settings, settings: Settings) -> tuple[str, ...]:
    """The sections that only a restart brings into force."""
    sections = [name for name in AT_START if getattr(began, name) != getattr(settings, name)]
    return (*sections, "egress") if began.egress.proxy != settings.egress.proxy else tuple(sections)
