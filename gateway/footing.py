"""What everything else stands on: secrets, tenants with their keys, accounts, policies and books.

A server builds the rest above it (wiring); tools that repair, verify or configure a database need no more than this.
"""

import os
import random
from collections.abc import Iterable

import msgspec

from gateway.config.settings import Settings
from gateway.policy.client_tokens import ISSUER
from gateway.services.accounts import Accounts
from gateway.services.books import Books
from gateway.services.callers import Callers
from gateway.services.changes import Changes
from gateway.services.client_tokens import ClientTokens
from gateway.services.configuration import Configuration
from gateway.services.directory import Keeper, Settle
from gateway.services.endpoints import Endpoints
from gateway.services.ledger import Ledger
from gateway.services.places import Places
from gateway.services.policies import Policies
from gateway.services.tenants import Tenants
from gateway.services.token_checks import TokenChecks
from gateway.services.vault import Vault
from gateway.store.store import Store
from gateway.worker import sends_at_once
from providers.base import ProviderKind
from providers.registry import KINDS, by_name
from schema.account import Secret
from schema.clock import Clock, SystemClock
from schema.directory import Directory
from schema.ids import Entropy, Ids
from schema.luck import Luck


class Footing(msgspec.Struct, frozen=True, kw_only=True):
    """Built, but empty until ``keeper.refresh()`` has read the directory.

    Attributes:
        root: what hashes and tokens hang on; the same from the first start on, whatever master keys come after it.
    """

    vault: Vault
    root: Secret
    tenants: Tenants
    callers: Callers
    places: Places
    accounts: Accounts
    endpoints: Endpoints
    policies: Policies
    books: Books
    ledger: Ledger
    changes: Changes
    configuration: Configuration
    keeper: Keeper
    checks: TokenChecks
    client_tokens: ClientTokens


async def footing(
    settings: Settings,
    store: Store,
    *,
    clock: Clock | None = None,
    entropy: Entropy = os.urandom,
    luck: Luck = random.random,
    kinds: Iterable[ProviderKind] = KINDS,
) -> Footing:
    """Build it on a migrated database.

    Raises:
        MasterKeyMissing: the configuration's master keys do not open what lies there.
        StoreError: the database can not be used.
    """
    clock = clock or SystemClock()
    known, ids = by_name(kinds), Ids(entropy)
    secrets = settings.secrets
    vault = Vault(store=store, key=secrets.key, former=secrets.previous, clock=clock, entropy=entropy)
    root = await vault.open()
    tenants = Tenants()
    checks = TokenChecks(tenants=tenants, clock=clock, issuer=settings.server.public_url or ISSUER)
    callers = Callers(root=root, tenants=tenants, tokens=checks, clock=clock)
    endpoints = Endpoints()
    places = Places(concurrency=settings.worker.concurrency, sends=sends_at_once(settings.worker.concurrency))
    accounts = Accounts(store, clock, settings.timing, known, ids=ids, luck=luck, places=places)
    policies = Policies(
        store=store, tenants=tenants, accounts=accounts, providers=frozenset(known), clock=clock, ids=ids
    )
    books = Books(accounts=accounts, tenants=tenants, ids=ids, luck=luck)
    ledger = Ledger(store=store, books=books, tenants=tenants, clock=clock, ids=ids)
    changes = Changes(vault=vault, clock=clock, ids=ids)
    keeper = Keeper(
        store=store,
        vault=vault,
        kinds=known,
        adopters=(tenants.adopt, checks.adopt, callers.adopt, accounts.adopt, endpoints.adopt),
        settle=_settle(accounts, policies, ledger),
        clock=clock,
    )
    return Footing(
        vault=vault,
        root=root,
        tenants=tenants,
        callers=callers,
        places=places,
        accounts=accounts,
        endpoints=endpoints,
        policies=policies,
        books=books,
        ledger=ledger,
        changes=changes,
        configuration=Configuration(
            store=store, vault=vault, changes=changes, root=root, kinds=known, clock=clock, ids=ids, entropy=entropy
        ),
        keeper=keeper,
        checks=checks,
        client_tokens=ClientTokens(
            store=store,
            vault=vault,
            checks=checks,
            keeper=keeper,
            clock=clock,
            ids=ids,
            entropy=entropy,
        ),
    )


def _settle(accounts: Accounts, policies: Policies, ledger: Ledger) -> Settle:
    """What newcomers need before anybody works for them: rows, a policy, the money they begin with."""

    async def settle(newcomers: Directory) -> None:
        there = [record.tenant for record in newcomers.tenants if record.ownership.removed_at is None]
        await accounts.prepare(record.account.id for record in newcomers.accounts)
        await policies.open(there)
        await ledger.open(there)

    return settle
