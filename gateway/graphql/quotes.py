"""A quote as GraphQL shows it: what a wish would cost, and where it would be made."""

from typing import Self

import strawberry

from gateway.graphql.decisions import Decision
from gateway.graphql.scalars import Amount, Moment, amount
from schema.quote import Quote as QuoteFacts


@strawberry.type(description="What a video of a wish would cost: a promise until it expires.")
class Quote:
    id: strawberry.ID | None = strawberry.field(
        description="Give it as `routing.quoteId` with the same wish: `highMicros` is then the most that is charged, "
        "whatever happens. Null without a price, for then there is no promise."
    )
    created_at: Moment = strawberry.field(description="When it was made.")
    expires_at: Moment = strawberry.field(description="When the promise ends.")
    currency: str = strawberry.field(description="ISO 4217 code of every amount here.")
    account: str = strawberry.field(description="The provider account that would make it.")
    provider: str = strawberry.field(description="The provider the account is with.")
    low_micros: Amount | None = strawberry.field(
        description="The least it would cost; null when the account has no price."
    )
    high_micros: Amount | None = strawberry.field(description="The most, and what would be set aside for it.")
    expected_micros: Amount | None = strawberry.field(description="What it will probably cost.")
    missing_micros: Amount = strawberry.field(
        description="What you lack for it on your balance or of a budget; 0 when there is enough."
    )
    decision: Decision = strawberry.field(description="Every account, best first, and what speaks against it.")
    reused_from: strawberry.ID | None = strawberry.field(
        description="The video whose file it would have, for nothing, as the wish allows; null when it would be made."
    )

    @classmethod
    def of(cls, facts: QuoteFacts) -> Self:
        price = facts.price
        return cls(
            id=None if facts.id is None else strawberry.ID(facts.id),
            created_at=Moment(facts.created_at),
            expires_at=Moment(facts.expires_at),
            currency=facts.currency,
            account=facts.account,
            provider=facts.provider,
            low_micros=None if price is None else Amount(price.low),
            high_micros=None if price is None else Amount(price.high),
            expected_micros=amount(facts.expected),
            missing_micros=Amount(facts.missing),
            decision=Decision.of(facts.decision),
            reused_from=None if facts.reused_from is None else strawberry.ID(facts.reused_from),
        )
