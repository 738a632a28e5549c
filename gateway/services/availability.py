"""How the accounts are: circuits, rests, credits, what they have in the making, what was observed of them."""

import msgspec

from gateway.policy import credit
from gateway.policy.credit import Burn
from gateway.policy.observing import Observations
from gateway.policy.standing import standing
from gateway.services.accounts import Accounts, spendings
from gateway.store.store import Store, Transaction
from providers.base import Provider
from schema.account import Account, AccountState
from schema.clock import Clock
from schema.errors import NotFound
from schema.money import Credits
from schema.quote import Exclusion
from schema.tenant import Tenant


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One account at one moment.

    Attributes:
        running: videos it may have in the making.
        standing: what speaks against it whatever the wish.
        left: its credits, by what was told last and what was billed since; None when nobody told a balance.
        burn: how fast they go.
        observed: what its latest attempts showed.
    """

    account: Account
    provider: Provider
    state: AccountState
    running: int
    standing: tuple[Exclusion, ...]
    left: Credits | None
    burn: Burn
    observed: Observations


class Availability:
    def __init__(self, *, store: Store, accounts: Accounts, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock

    async def of_tenant(self, tenant: Tenant) -> list[Report]:
        """Every account this tenant reaches, by name."""
        return [report for report in await self.all() if report.account.sandbox == tenant.test]

    async def one(self, account: str) -> Report:
        """Raises NotFound when it is not configured."""
        found = next((report for report in await self.all() if report.account.id == account), None)
        if found is None:
            raise NotFound
        return found

    async def all(self) -> list[Report]:
        """Every configured account, by name."""
        now = self._clock.now()
        configured = {account.id: (account, provider) for account, provider in self._accounts.all()}

        async def look(tx: Transaction) -> list[Report]:
            await self._accounts.experience.refresh(tx, now)
            states, burnt = await tx.accounts.all(), await tx.attempts.burnt(now - credit.DAY)
            spent = await spendings(tx, sorted(configured))
            reports = []
            for id in sorted(configured):
                account, provider = configured[id]
                state = states.get(id) or AccountState(id=id)
                running = await self._accounts.load(tx, account, state, now)
                left = credit.left(state, spent.get(id, 0))
                reports.append(
                    Report(
                        account=account,
                        provider=provider,
                        state=state,
                        running=running,
                        standing=standing(account, state, load=running, now=now),
                        left=left,
                        burn=credit.burn(*burnt.get(id, (0, now)), now, left),
                        observed=self._accounts.experience.of(id),
                    )
                )
            return reports

        return await self._store.read(look, snapshot=True)
