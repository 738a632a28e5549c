"""Accounts set up by whoever may: the operator's, and each tenant's own. Secrets go in, and never come out."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from gateway.config.given import (
    CredentialTable,
    Surroundings,
    WebhookSecretsTable,
    changed_account,
    check_renewed,
    given_secrets,
    new_account,
)
from gateway.policy.hook_secrets import renewed
from gateway.policy.planning import Kind, account_change, removal
from gateway.services.changes import Changes
from gateway.services.directory import Keeper, read_account
from gateway.services.hands import Hand, check_hand, check_tenant
from gateway.services.tenants import Tenants
from gateway.services.vault import CREDENTIAL, WEBHOOK_SECRETS, Vault
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.account import Account
from schema.clock import Clock, Millis, millis
from schema.directory import AccountRecord, managed_by_file
from schema.errors import ChangedMeanwhile, InvalidRequest, ManagedByFile, NotFound, Overloaded
from schema.tenant import Tenant

log = structlog.get_logger()

MAX_OWN = 50
"""Accounts of its own that a tenant may have."""

Make = Callable[[AccountRecord], Account]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is set up, and when its secrets were given; None for never."""

    record: AccountRecord
    credential_at: Millis | None
    webhook_secrets_at: Millis | None


class AccountSetups:
    """What every verb is told alike: ``owner`` is the tenant whose own accounts are meant; None for the operator.

    A tenant's own account is called ``tenant~name``, so that no name tells what others have.
    """

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        changes: Changes,
        keeper: Keeper,
        tenants: Tenants,
        around: Callable[[], Surroundings],
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._changes = changes
        self._keeper = keeper
        self._tenants = tenants
        self._around = around
        self._clock = clock

    # what there is

    async def all(self, owner: Tenant | None) -> list[Setup]:
        """The operator sees every account, a tenant its own, by name."""
        given = await self._store.read(self._given)
        there = [record for record in self._keeper.directory.accounts if record.ownership.removed_at is None]
        mine = [record for record in there if owner is None or record.account.owner == owner.id]
        return [_setup(record, given) for record in sorted(mine, key=lambda record: record.account.id)]

    async def one(self, id: str, owner: Tenant | None) -> Setup:
        """Raises NotFound, also for what is another's."""
        found = next((setup for setup in await self.all(owner) if setup.record.account.id == id), None)
        if found is None:
            raise NotFound("There is no such account")
        return found

    async def _given(self, tx: Transaction) -> tuple[dict[str, Millis], dict[str, Millis]]:
        return await self._vault.newest_at(tx, CREDENTIAL), await self._vault.newest_at(tx, WEBHOOK_SECRETS)

    # what is done

    async def create(self, document: Any, owner: Tenant | None, *, by: Hand) -> Setup:
        """Set up an account.

        Raises:
            InvalidRequest: every field that is wrong; or there is such an account, or was at another place.
        """
        account = new_account(document, owner, self._around())

        async def work(tx: Transaction) -> AccountRecord:
            await self._begin(tx, owner, by)
            former = await tx.account_setups.get(account.id)
            if former is not None and former.ownership.removed_at is None:
                raise InvalidRequest.field(
                    "id", "taken", f"{account.id!r} is there already; change it, or name another"
                )
            if owner is not None and await _owned(tx, owner) >= MAX_OWN:
                raise InvalidRequest.field("id", "too_many", f"a tenant has at most {MAX_OWN} accounts of its own")
            if former is not None:
                check_renewed(account, former.account)
            known = await read_account(tx, self._vault, self._around().kinds, account.id)
            return await self._make(tx, account, known, by)

        return await self._kept(work)

    async def update(self, id: str, expected: int, changes: Any, owner: Tenant | None, *, by: Hand) -> Setup:
        """Change an account by a JSON merge patch; its secrets have verbs of their own.

        Raises:
            NotFound: there is none, or it is another's.
            ManagedByFile: the configuration file manages it.
            ChangedMeanwhile: it is at another version than the one expected.
            InvalidRequest: every field that is wrong.
        """

        def change(known: AccountRecord) -> Account:
            _check_version(known, expected)
            return changed_account(known.account, changes, self._owner(known.account), self._around())

        return await self._change(id, owner, change, by)

    async def rotate(self, id: str, document: Any, owner: Tenant | None, *, by: Hand) -> Setup:
        """Give an account a new credential: what was sent with the former one is asked about with that, as long as the
        provider takes it. Raises as ``update`` does.
        """
        given = given_secrets(document, CredentialTable)
        return await self._change(id, owner, lambda known: replace(known.account, credential=given.credential), by)

    async def set_webhook_secrets(self, id: str, document: Any, owner: Tenant | None, *, by: Hand) -> Setup:
        """Give an account the secrets that calls from its provider are signed with, the current one first.

        Those they replace work until the overlap ends, for the provider may change its own a little later. Raises as
        ``update`` does.
        """
        given, now = given_secrets(document, WebhookSecretsTable), self._clock.now()
        overlap = millis(given.overlap_seconds)
        return await self._change(
            id, owner, lambda known: renewed(known.account, given.webhook_secrets, overlap, now), by
        )

    async def remove(self, id: str, expected: int, owner: Tenant | None, *, by: Hand) -> Setup:
        """It gets no more videos; those it has are watched to their ends. Raises as ``update`` does."""

        async def work(tx: Transaction) -> AccountRecord:
            known = await self._held(tx, id, owner, by)
            _check_version(known, expected)
            gone = removal(Kind.ACCOUNT, id, known, self._clock.now())
            await self._changes.make(tx, gone, actor=by.actor)
            return replace(known, ownership=gone.record.ownership) if isinstance(gone.record, AccountRecord) else known

        return await self._kept(work)

    async def _change(self, id: str, owner: Tenant | None, change: Make, by: Hand) -> Setup:
        async def work(tx: Transaction) -> AccountRecord:
            known = await self._held(tx, id, owner, by)
            return await self._make(tx, change(known), known, by)

        return await self._kept(work)

    async def _begin(self, tx: Transaction, owner: Tenant | None, by: Hand) -> None:
        """Nobody changes anything meanwhile; and whoever is at it, and for whom, may still."""
        await tx.revision.lock()
        await check_hand(tx, by, self._clock.now())
        if owner is not None:
            await check_tenant(tx, owner.id)

    async def _held(self, tx: Transaction, id: str, owner: Tenant | None, by: Hand) -> AccountRecord:
        """An account that may be changed, held until the transaction ends."""
        await self._begin(tx, owner, by)
        known = await read_account(tx, self._vault, self._around().kinds, id) if id.isprintable() else None
        if known is None or known.ownership.removed_at is not None:
            raise NotFound("There is no such account")
        if owner is not None and known.account.owner != owner.id:
            raise NotFound("There is no such account")
        if managed_by_file(known.ownership):
            raise ManagedByFile(
                f"The file {known.ownership.source} manages the account {id!r}: change it there and apply it, or take "
                "it out to have one here"
            )
        return known

    async def _make(self, tx: Transaction, wanted: Account, known: AccountRecord | None, by: Hand) -> AccountRecord:
        """Make it so; nothing is written when it is."""
        change = next(account_change(wanted, known, None, self._clock.now()), None)
        if change is None:
            if known is None:
                raise AssertionError("what is not there differs from what is wanted")
            return known
        await self._changes.make(tx, change, actor=by.actor)
        if not isinstance(change.record, AccountRecord):
            raise TypeError(change.record)
        return change.record

    async def _kept(self, work: Callable[[Transaction], Awaitable[AccountRecord]]) -> Setup:
        try:
            record = await self._store.write(work)
        except CommitUnknown as error:
            detail = "Whether the database kept this is not known; look, and try again"
            raise Overloaded(detail, retry_after_seconds=1) from error
        await self._keeper.catch_up()
        log.info("account.set_up", account=record.account.id, version=record.ownership.version)
        return _setup(record, await self._store.read(self._given))

    def _owner(self, account: Account) -> Tenant | None:
        return None if account.owner is None else self._tenants.get(account.owner)


async def _owned(tx: Transaction, owner: Tenant) -> int:
    """How many accounts of its own a tenant has."""
    there = [one for one in await tx.account_setups.all() if one.ownership.removed_at is None]
    return sum(one.account.owner == owner.id for one in there)


def _setup(record: AccountRecord, given: tuple[dict[str, Millis], dict[str, Millis]]) -> Setup:
    credentials, webhook_secrets = given
    id = record.account.id
    return Setup(record=record, credential_at=credentials.get(id), webhook_secrets_at=webhook_secrets.get(id))


def _check_version(known: AccountRecord, expected: int) -> None:
    if known.ownership.version != expected:
        id, version = known.account.id, known.ownership.version
        raise ChangedMeanwhile(f"Version {expected} of {id} was to be changed, and it is at version {version}")
