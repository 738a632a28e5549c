"""Reconciliation as GraphQL shows it to operators."""

from typing import Annotated, Self

import strawberry

from gateway.graphql.admin import operator
from gateway.graphql.context import Info
from gateway.graphql.scalars import Amount, amount
from gateway.policy import reconciling
from gateway.policy.reconciling import Code, Hint

FirstDay = Annotated[
    str | None, strawberry.argument(name="from", description="The first day, UTC, such as 2026-11-20; else yesterday.")
]
LastDay = Annotated[str | None, strawberry.argument(name="to", description="The last day, included; else today.")]
Account = Annotated[str | None, strawberry.argument(description="Only this account.")]


@strawberry.type(description="Something an account says and the ledger does not, in the account's credits.")
class Difference:
    code: Code = strawberry.field(description="What is different.")
    account: str = strawberry.field(description="The account.")
    day: str = strawberry.field(description="UTC; that of the attempt, or of the later balance.")
    expected: int = strawberry.field(description="A cost as the account has it, or a balance as booked costs leave it.")
    found: int = strawberry.field(description="The cost that is booked, or the balance the account told.")
    micros: Amount | None = strawberry.field(description="Its size as money; null without a price.")
    attempts: list[strawberry.ID] = strawberry.field(description="All that are involved.")
    explained_by: list[strawberry.ID] = strawberry.field(description="Lost submits whose being billed explains it.")
    hint: Hint | None = strawberry.field(description="Why it may be in order; null is unexplained.")

    @classmethod
    def of(cls, facts: reconciling.Difference) -> Self:
        return cls(
            code=facts.code,
            account=facts.account,
            day=facts.day,
            expected=facts.expected,
            found=facts.found,
            micros=amount(facts.micros),
            attempts=[strawberry.ID(id) for id in facts.attempts],
            explained_by=[strawberry.ID(id) for id in facts.explained_by],
            hint=facts.hint,
        )


@strawberry.type(description="A submit whose outcome nobody knows: not reconciled, and no difference.")
class OpenSuspense:
    attempt: strawberry.ID = strawberry.field(description="The attempt.")
    video: strawberry.ID = strawberry.field(description="Its video.")
    account: str = strawberry.field(description="The account it was sent to.")
    day: str = strawberry.field(description="When it was sent, UTC.")
    credits: int = strawberry.field(description="The most it may have been billed, in the account's credits.")
    hint: Hint | None = strawberry.field(description="What balances before and after it say.")

    @classmethod
    def of(cls, facts: reconciling.OpenSuspense) -> Self:
        return cls(
            attempt=strawberry.ID(facts.attempt),
            video=strawberry.ID(facts.video),
            account=facts.account,
            day=facts.day,
            credits=facts.credits,
            hint=facts.hint,
        )


@strawberry.type(description="What accounts say they billed against what the ledger says they did.")
class Reconciliation:
    first: str = strawberry.field(description="The first day, UTC.")
    last: str = strawberry.field(description="The last day, included.")
    accounts: list[str] = strawberry.field(description="Which accounts were compared.")
    unexplained: int = strawberry.field(description="How many differences have no hint; 0 is clean.")
    differences: list[Difference] = strawberry.field(description="By account, then by day.")
    open_suspense: list[OpenSuspense] = strawberry.field(description="What nobody can reconcile yet.")

    @classmethod
    def of(cls, report: reconciling.Report) -> Self:
        return cls(
            first=report.first,
            last=report.last,
            accounts=list(report.accounts),
            unexplained=report.unexplained,
            differences=[Difference.of(one) for one in report.differences],
            open_suspense=[OpenSuspense.of(one) for one in report.open_suspense],
        )


async def reconcile(
    info: Info, since: FirstDay = None, until: LastDay = None, account: Account = None
) -> Reconciliation:
    """31 days at most."""
    gateway, _ = operator(info)
    return Reconciliation.of(await gateway.reconciliation.of_days(since, until, account))
