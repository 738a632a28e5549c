"""What a tenant may still spend: prepaid money, and budgets by the day and month, exact however many ask at once."""

import msgspec

from gateway.policy import bookkeeping
from gateway.services.tenants import Tenants
from gateway.store.store import Transaction
from schema import ledger
from schema.clock import Millis
from schema.errors import InsufficientFunds
from schema.ids import VIDEO, first_of
from schema.money import Micros, format_money
from schema.tenant import UNLIMITED, Funding, FundingMode
from schema.video import Video


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """Why an amount can not be held: what is left, and of what.

    Attributes:
        period: the budget that is used up (``2026-11-20``); None for prepaid money.
    """

    left: Micros
    period: str | None = None

    def refusal(self, needed: Micros, what: str = "This video") -> InsufficientFunds:
        """The same as what a caller sees."""
        missing = needed - max(self.left, 0)
        of = "on your balance" if self.period is None else f"of your budget for {self.period}"
        return InsufficientFunds(
            f"{what} may cost {format_money(needed)}, and {format_money(max(self.left, 0))} is left {of}: "
            f"{format_money(missing)} is missing",
            needed=needed,
            available=max(self.left, 0),
            missing=missing,
            period=self.period,
        )


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a budget was reached, and has not been told before."""

    period: str
    percent: int
    limit_micros: Micros
    used_micros: Micros


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A budget after an amount was counted towards it; ``warned`` is the share that was last told, in percent."""

    period: str
    limit: Micros
    used: Micros
    warned: int


class Budgets:
    """Counters stand beside the ledger: their rows are what concurrent creates of a tenant take turns at."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def funding(self, tenant: str) -> Funding:
        """How a tenant pays; one removed since pays its last videos as it did."""
        found = self._tenants.once(tenant)
        return UNLIMITED if found is None else found.funding

    async def left(self, tx: Transaction, tenant: str, moment: Millis) -> Micros | None:
        """The most that a video accepted at a moment could cost; None without a limit. Only ``hold`` knows exactly."""
        funding = self.funding(tenant)
        lefts = [limit - await tx.spending.of(tenant, period) for period, limit in bookkeeping.periods(funding, moment)]
        if funding.mode is FundingMode.PREPAID:
            account = ledger.available(tenant)
            lefts.append((await tx.ledger.balances([account])).get((account, ledger.MICROS_UNIT), 0))
        return max(min(lefts), 0) if lefts else None

    async def tightest(self, tx: Transaction, tenant: str, moment: Millis) -> Shortage | None:
        """What is left on the balance or of the budget that has least, exactly: nobody else takes of it meanwhile.

        None without a limit.
        """
        funding, found = self.funding(tenant), list[Shortage]()
        if funding.mode is FundingMode.PREPAID:
            found.append(Shortage(left=await tx.ledger.available(ledger.available(tenant))))
        for period, limit in bookkeeping.periods(funding, moment):
            used = await tx.spending.lock(tenant, period)
            if used is None:
                first, last = id_span(period)
                await tx.spending.open(tenant, period, first=first, last=last, beside="")
                used = await tx.spending.lock(tenant, period)
            found.append(Shortage(left=limit - (used or 0), period=period))
        return min(found, key=lambda one: one.left, default=None)

    async def reserve(self, tx: Transaction, video: Video, amount: Micros, *, out_of: str) -> Shortage | list[Warned]:
        """Check an amount against prepaid money, and count it towards every budget or towards none."""
        funding = self.funding(video.tenant)
        if out_of == ledger.available(video.tenant):
            left = await tx.ledger.available(out_of)
            if left < amount:
                return Shortage(left=left)
        counted: list[Counted] = []
        for period, limit in bookkeeping.periods(funding, video.created_at):
            used, warned = await self._count(tx, video, period, amount)
            counted.append(Counted(period=period, limit=limit, used=used, warned=warned))
            if used > limit:
                for one in counted:
                    await tx.spending.add(video.tenant, one.period, -amount)
                return Shortage(left=limit - used + amount, period=period)
        warnings = [await self._warn(tx, video, funding, one) for one in counted]
        return [warning for warning in warnings if warning is not None]

    async def recount(self, tx: Transaction, tenant: str, moment: Millis) -> None:
        """Count the budgets of a moment anew: one that was not configured for a while was not counted meanwhile."""
        for period, _ in bookkeeping.periods(self.funding(tenant), moment):
            first, last = id_span(period)
            await tx.spending.open(tenant, period, first=first, last=last, beside="")
            await tx.spending.recount(tenant, period, first=first, last=last)

    async def free(self, tx: Transaction, video: Video, amount: Micros, *, into: str) -> None:
        """What a video has not cost counts no more; prepaid money it is given back to is held first."""
        if amount:
            if into == ledger.available(video.tenant):
                await tx.ledger.available(into)
            for period, _ in bookkeeping.periods(self.funding(video.tenant), video.created_at):
                await tx.spending.add(video.tenant, period, -amount)

    async def _warn(self, tx: Transaction, video: Video, funding: Funding, counted: Counted) -> Warned | None:
        share = bookkeeping.warning(funding, counted.limit, counted.used, counted.warned)
        if share is None:
            return None
        await tx.spending.warned(video.tenant, counted.period, share)
        return Warned(period=counted.period, percent=share, limit_micros=counted.limit, used_micros=counted.used)

    async def _count(self, tx: Transaction, video: Video, period: str, amount: Micros) -> tuple[Micros, int]:
        """Count an amount towards a budget; the first of a period opens it."""
        counted = await tx.spending.add(video.tenant, period, amount)
        if counted is None:
            first, last = id_span(period)
            new = video.id if video.version == 1 else ""
            await tx.spending.open(video.tenant, period, first=first, last=last, beside=new)
            counted = await tx.spending.add(video.tenant, period, amount)
        return counted or (amount, 0)


def id_span(period: str) -> tuple[str, str]:
    """The video ids of a period: from the first to before the last."""
    begin, end = bookkeeping.span(period)
    return VIDEO + first_of(begin), VIDEO + first_of(end)
