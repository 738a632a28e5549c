"""A remedy as GraphQL shows it: what would have to change for somebody to make a video."""

from typing import Self

import strawberry

from gateway.graphql.spelling import spell_change
from schema.remedy import Change as ChangeFacts
from schema.remedy import Party
from schema.remedy import Remedy as RemedyFacts


@strawberry.type(description="One thing to change.")
class Change:
    field: str = strawberry.field(
        description="Of the input (`routing.maxCost`), of the tenant (`tenant.routing`) or of an account."
    )
    to: str | None = strawberry.field(
        description="What to make of it, a number in digits; null is to leave it out, or, for a price, to set one."
    )
    by: Party = strawberry.field(description="Who can.")

    @classmethod
    def of(cls, facts: ChangeFacts) -> Self:
        field, to = spell_change(facts)
        return cls(field=field, to=to, by=facts.by)


@strawberry.type(description="The smallest change after which somebody could make the video.")
class Remedy:
    account: str = strawberry.field(description="The account that could.")
    changes: list[Change] = strawberry.field(description="What to change; all of it is needed.")

    @classmethod
    def of(cls, facts: RemedyFacts | None) -> Self | None:
        if facts is None:
            return None
        return cls(account=facts.account, changes=[Change.of(change) for change in facts.changes])
