"""The directory as the database has it: read, given to those who work from it, and read again when it has changed.

Every change of tenants, keys or accounts moves the revision in its own transaction. Each replica looks at that number
once a second, so what was changed anywhere holds everywhere a second later; a replica that can not look admits nobody
and sends nothing after five, for it could not know of a key that was revoked, or of an account that was removed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy.sealing import CanNotOpen
from gateway.services.hook_secrets import read_hook_secrets
from gateway.services.tenant_secrets import tenant_secrets
from gateway.services.vault import CREDENTIAL, ENDPOINT_SECRET, SIGNING, WEBHOOK_SECRETS, Vault
from gateway.store.database import StoreError
from gateway.store.store import Store, Transaction
from providers.base import ProviderKind
from schema.account import Account, Secret
from schema.client_token import SigningKey
from schema.clock import Clock, Millis
from schema.directory import AccountRecord, Directory
from schema.endpoint import EndpointRecord
from schema.errors import Overloaded

log = structlog.get_logger()

LOOK_SECONDS = 1.0
BELIEVED_SECONDS = 5.0
"""For so long after the last look it is believed that nothing has changed."""

Adopt = Callable[[Directory], None]
Settle = Callable[[Directory], Awaitable[None]]


class Keeper:
    """Keeps this process's view of the directory.

    Args:
        adopters: whoever works from the directory; told of every new one, in this order.
        settle: makes ready what newcomers need.
    """

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        kinds: Mapping[str, ProviderKind],
        adopters: Sequence[Adopt],
        settle: Settle,
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._kinds = kinds
        self._adopters = adopters
        self._settle = settle
        self._clock = clock
        self._reading = asyncio.Lock()
        self._glancing = asyncio.Lock()
        self._glanced_at = float("-inf")
        self._looked_at = float("-inf")
        self.directory = Directory()

    def knows(self) -> bool:
        """Whether it can be known now which keys are revoked, and which accounts removed."""
        return asyncio.get_running_loop().time() - self._looked_at <= BELIEVED_SECONDS

    def check(self) -> None:
        """Raises Overloaded when it can not be known any more which keys are revoked."""
        if not self.knows():
            raise Overloaded("Whether this key still works can not be looked up now", retry_after_seconds=1)

    async def refresh(self) -> bool:
        """Read the directory, if it has changed since that was last done; whether it has."""
        async with self._reading:
            began = asyncio.get_running_loop().time()
            moved = await self._store.read(lambda tx: tx.revision.get()) != self.directory.revision
            if moved:
                await self._adopt(await self.read())
            self._looked_at = began
            return moved

    async def glance(self) -> None:
        """Look now, for somebody who has come, once a second at most: who comes meanwhile waits for the same look."""
        came = asyncio.get_running_loop().time()
        async with self._glancing:
            if came - self._glanced_at >= LOOK_SECONDS:
                self._glanced_at = came
                await self.catch_up()

    async def wake(self) -> None:
        """Look now when the last look is too long ago: a process that was held still for a while has only slept.

        Takes a second at most; what can not be looked up by then stays unknown.
        """
        if not self.knows():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.glance()
            except TimeoutError:
                log.warning("directory.unread", error="The database took too long")

    async def read(self) -> Directory:
        """All of it, as it is now."""
        now = self._clock.now()
        return await self._store.read(lambda tx: read_directory(tx, self._vault, self._kinds, now), snapshot=True)

    async def follow(self) -> None:
        """Look again every second, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await self.catch_up():
                log.info("directory.changed", revision=self.directory.revision)

    async def catch_up(self) -> bool:
        """Refresh, as far as that can be done now: what was changed stays so, and the next look may see it."""
        try:
            return await self.refresh()
        except (StoreError, Overloaded, CanNotOpen) as error:
            log.warning("directory.unread", error=str(error))
        except Exception:  # what was changed is kept, whatever this is; the next look tells it to whoever works here
            log.exception("directory.unread")
        return False

    async def _adopt(self, directory: Directory) -> None:
        for adopt in self._adopters:
            adopt(directory)
        await self._settle(newcomers(directory, self.directory))
        self.directory = directory  # only now: what could not be settled is tried again with the next look


def newcomers(directory: Directory, before: Directory) -> Directory:
    """Those of a directory that were not in an earlier one as they are now."""
    tenants, accounts = frozenset(before.tenants), {record.account.id: record for record in before.accounts}
    return replace(
        directory,
        tenants=tuple(record for record in directory.tenants if record not in tenants),
        accounts=tuple(record for record in directory.accounts if accounts.get(record.account.id) != record),
    )


async def read_directory(
    tx: Transaction, vault: Vault, kinds: Mapping[str, ProviderKind], now: Millis = 0, *, revoked: bool = False
) -> Directory:
    """Everything at one moment, when the transaction sees one; ended tokens as far as they would still work.

    Args:
        revoked: with the keys that were revoked too. They grow for ever; only who makes keys must know them.

    Raises:
        CanNotOpen: a secret does not open.
    """
    credentials, webhook_secrets = await vault.all(tx, CREDENTIAL), await vault.all(tx, WEBHOOK_SECRETS)
    accounts = []
    for record in await tx.account_setups.all():
        account = _understood(record.account, kinds)
        if account is not None:
            own = credentials.get(account.id, {})
            whole = with_secrets(account, own, webhook_secrets.get(account.id, {}))
            accounts.append(replace(record, account=whole, credentials=own))
    return Directory(
        revision=await tx.revision.get(),
        tenants=tuple(await tx.tenants.all()),
        keys=tuple(await tx.api_keys.all(revoked=revoked)),
        accounts=tuple(accounts),
        endpoints=await _endpoints(tx, vault),
        webhook_secrets=await tenant_secrets(tx, vault),
        signing=await _signing(tx, vault),
        revoked_tokens=await tx.client_tokens.revoked(now),
    )


async def _endpoints(tx: Transaction, vault: Vault) -> tuple[EndpointRecord, ...]:
    """The webhook endpoints there are, with their secrets."""
    secrets = await vault.all(tx, ENDPOINT_SECRET)
    records = await tx.webhook_endpoints.all()
    return tuple(replace(record, secrets=secrets.get(record.endpoint.id, {})) for record in records)


async def _signing(tx: Transaction, vault: Vault) -> tuple[SigningKey, ...]:
    """The keys of client tokens, oldest first."""
    seeds = await vault.all(tx, SIGNING)
    return tuple(SigningKey(facts=facts, secret=seeds[facts.kid][1]) for facts in await tx.signing_keys.all())


async def read_endpoint(tx: Transaction, vault: Vault, id: str) -> EndpointRecord | None:
    """One webhook endpoint with its secrets; None when it is not there."""
    record = await tx.webhook_endpoints.get(id)
    if record is None or record.ownership.removed_at is not None:
        return None
    return replace(record, secrets=await vault.of(tx, ENDPOINT_SECRET, id))


async def read_account(
    tx: Transaction, vault: Vault, kinds: Mapping[str, ProviderKind], id: str
) -> AccountRecord | None:
    """One account with its secrets, also one that was removed; None when there never was, or none that we know."""
    record = await tx.account_setups.get(id)
    account = None if record is None else _understood(record.account, kinds)
    if record is None or account is None:
        return None
    own = await vault.of(tx, CREDENTIAL, id)
    whole = with_secrets(account, own, await vault.of(tx, WEBHOOK_SECRETS, id))
    return replace(record, account=whole, credentials=own)


def with_secrets(account: Account, credentials: Mapping[int, Secret], webhook_secrets: Mapping[int, Secret]) -> Account:
    """An account with what was sealed for it, by version."""
    listed, former = read_hook_secrets(webhook_secrets[max(webhook_secrets)]) if webhook_secrets else ((), ())
    return replace(
        account,
        credential=credentials.get(account.credential_version, account.credential),
        webhook_secrets=listed,
        former_secrets=former,
    )


def _understood(account: Account, kinds: Mapping[str, ProviderKind]) -> Account | None:
    """An account with its provider's own options; None when this version does not know the provider, or them."""
    kind = kinds.get(account.provider)
    if kind is None:
        log.error("account.unknown_provider", account=account.id, provider=account.provider)
        return None
    if account.options is None:
        return account
    try:
        return replace(account, options=msgspec.convert(account.options, kind.options))
    except msgspec.ValidationError as error:
        log.warning("account.unreadable_options", account=account.id, problem=str(error))
        return None
