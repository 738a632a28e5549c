"""How a tenant stands as GraphQL shows it, and the entries of the ledger that made it so."""

from typing import Any, Self

import strawberry

from gateway.graphql.connections import PageInfo, Paging, cursor
from gateway.graphql.scalars import Amount, Moment, amount
from gateway.services.ledger import EntryPage
from schema.ledger import Balance as BalanceFacts
from schema.ledger import Budget as BudgetFacts
from schema.ledger import Entry, EntryKind, short_name
from schema.ledger import Posting as PostingFacts
from schema.tenant import FundingMode


@strawberry.type(description="What you may commit in a day or a month, UTC.")
class Budget:
    period: str = strawberry.field(description="A day (`2026-11-20`) or a month (`2026-11`).")
    limit_micros: Amount = strawberry.field(description="The most.")
    used_micros: Amount = strawberry.field(
        description="What videos accepted in it were charged, and what is held for them."
    )

    @classmethod
    def of(cls, facts: BudgetFacts) -> Self:
        return cls(period=facts.period, limit_micros=Amount(facts.limit), used_micros=Amount(facts.used))


@strawberry.type(description="A share of a budget that a video brought you to; each is told once.")
class BudgetWarning:
    period: str = strawberry.field(description="A day (`2026-11-20`) or a month (`2026-11`).")
    percent: int = strawberry.field(description="The share.")
    limit_micros: Amount = strawberry.field(description="The budget.")
    used_micros: Amount = strawberry.field(description="What is used of it.")

    @classmethod
    def of(cls, facts: dict[str, Any] | None) -> Self | None:
        """What an event tells of a budget."""
        if facts is None:
            return None
        return cls(
            period=facts["period"],
            percent=facts["percent"],
            limit_micros=Amount(facts["limit_micros"]),
            used_micros=Amount(facts["used_micros"]),
        )


@strawberry.type(description="How you stand.")
class Balance:
    currency: str = strawberry.field(description="ISO 4217 code of every amount here.")
    mode: FundingMode = strawberry.field(description="When you pay.")
    balance_micros: Amount | None = strawberry.field(
        description="What you have, without what is held; null when you pay afterwards."
    )
    available_micros: Amount | None = strawberry.field(
        description="What you can still spend, on your balance and of your budgets; null without a limit."
    )
    held_micros: Amount = strawberry.field(
        description="Set aside for videos that have not ended, or were canceled while their provider goes on."
    )
    spent_micros: Amount = strawberry.field(description="What your videos have cost.")
    budgets: list[Budget] = strawberry.field(description="Those of today, if you have any; the longest first.")

    @classmethod
    def of(cls, facts: BalanceFacts, mode: FundingMode) -> Self:
        return cls(
            currency=facts.currency,
            mode=mode,
            balance_micros=amount(facts.balance),
            available_micros=amount(facts.available),
            held_micros=Amount(facts.held),
            spent_micros=Amount(facts.spent),
            budgets=[Budget.of(budget) for budget in facts.budgets],
        )


@strawberry.type(description="An amount on one account of the ledger.")
class LedgerPosting:
    account: str = strawberry.field(
        description="`available`, `owed`, `held` or `spent`, yours; or `funding`, where money comes from."
    )
    unit: str = strawberry.field(description="`micros`.")
    amount: Amount = strawberry.field(description="How much came, negative when it went.")

    @classmethod
    def of(cls, facts: PostingFacts, tenant: str) -> Self:
        return cls(account=short_name(facts.account, tenant), unit=facts.unit, amount=Amount(facts.amount))


@strawberry.type(description="Postings that belong together, and sum to zero.")
class LedgerEntry:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    kind: EntryKind = strawberry.field(description="What it is about.")
    video_id: strawberry.ID | None = strawberry.field(description="The video it is for.")
    created_at: Moment = strawberry.field(description="When it was booked.")
    note: str | None = strawberry.field(description="Why, when a person made it.")
    postings: list[LedgerPosting] = strawberry.field(description="From where to where.")

    @classmethod
    def of(cls, facts: Entry, tenant: str) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            kind=facts.kind,
            video_id=None if facts.video is None else strawberry.ID(facts.video),
            created_at=Moment(facts.at),
            note=facts.note,
            postings=[LedgerPosting.of(posting, tenant) for posting in facts.postings],
        )


@strawberry.type(description="An entry in a page.")
class LedgerEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` or `before` to go on from here.")
    node: LedgerEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the ledger.")
class LedgerConnection:
    edges: list[LedgerEdge] = strawberry.field(description="The entries, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: EntryPage, paging: Paging, tenant: str) -> Self:
        edges = [
            LedgerEdge(cursor=cursor(entry.id), node=LedgerEntry.of(entry, tenant))
            for entry in paging.ordered(page.entries)
        ]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))
