"""How the accounts are: circuits, rests, credits, what they have in the making, what was observed of them."""

import msgspec

from gateway.config.settings import Timing
from gateway.policy import credit, metering
from gateway.policy.credit import Burn
from gateway.policy.metering import Left, Meter
from gateway.policy.observing import Observations
from gateway.policy.standing import standing
from gateway.services.accounts import Accounts, reaches, spendings
from gateway.services.limits import spans
from gateway.store.queue import Line
from gateway.store.store import Store, Transaction
from providers.base import Provider
from schema.account import Account, AccountState
from schema.clock import Clock
from schema.errors import NotFound
from schema.money import Credits
from schema.quote import Exclusion
from schema.tenant import Tenant

_UNASKED = Meter()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One account at one moment.

    Attributes:
        running: videos it may have in the making.
        waiting: videos that wait for room there; some may begin elsewhere as well.
        minute, day: what is left of its requests.
        standing: what speaks against it whatever the wish.
        left: its credits, by what was told last and what was billed since; None when nobody told a balance.
        burn: how fast they go.
        observed: what its latest attempts showed.
    """

    account: Account
    provider: Provider
    state: AccountState
    running: int
    waiting: int
    minute: Left
    day: Left
    standing: tuple[Exclusion, ...]
    left: Credits | None
    burn: Burn
    observed: Observations


class Availability:
    def __init__(self, *, store: Store, accounts: Accounts, clock: Clock, timing: Timing) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._spans = spans(timing)

    async def of_tenant(self, tenant: Tenant) -> list[Report]:
        """Every account this tenant reaches, by name."""
        return [report for report in await self.all() if reaches(report.account, tests=tenant.test, tenant=tenant.id)]

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
            meters, lines = await tx.meters.all(), await tx.queue.counts()
            reports = []
            for id in sorted(configured):
                account, provider = configured[id]
                state = states.get(id) or AccountState(id=id)
                running = await self._accounts.load(tx, account, state, now)
                left = credit.left(state, spent.get(id, 0))
                meter = meters.get(id, _UNASKED)
                reports.append(
                    Report(
                        account=account,
                        provider=provider,
                        state=state,
                        running=running,
                        waiting=_waiting(lines, id),
                        minute=metering.minute_left(meter, account.limits, now, self._spans),
                        day=metering.day_left(meter, account.limits, now, self._spans),
                        standing=standing(account, state, load=running, now=now),
                        left=left,
                        burn=credit.burn(*burnt.get(id, (0, now)), now, left),
                        observed=self._accounts.experience.of(id),
                    )
                )
            return reports

        return await self._store.read(look, snapshot=True)


def _waiting(lines: dict[Line, int], account: str) -> int:
    return sum(count for line, count in lines.items() if account in line.accounts)
