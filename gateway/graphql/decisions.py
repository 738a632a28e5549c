"""A routing decision as GraphQL shows it: every account, best first, and what stood against the others."""

from typing import Self

import msgspec
import strawberry

from gateway.graphql.scalars import Amount, Facts, Moment, moment
from schema.money import CreditRange as CreditRangeFacts
from schema.money import MicrosRange as PriceRangeFacts
from schema.quote import Candidate as CandidateFacts
from schema.quote import Decision as DecisionFacts
from schema.quote import Exclusion as ExclusionFacts
from schema.video import Adjustment as AdjustmentFacts
from schema.video import Strategy

_decode = msgspec.json.Decoder(DecisionFacts).decode


@strawberry.type(description="A wish that was bent to what the provider can be told.")
class Adjustment:
    field: str = strawberry.field(description="The field of the wish, as REST spells it, such as `aspect_ratio`.")
    asked: str = strawberry.field(description="What was asked for.")
    given: str = strawberry.field(description="What is used instead.")

    @classmethod
    def of(cls, facts: AdjustmentFacts) -> Self:
        return cls(field=facts.field, asked=facts.asked, given=facts.given)


@strawberry.type(description="What a video may cost, in one account's credits. Credits of two accounts do not compare.")
class CreditRange:
    low: int = strawberry.field(description="The least.")
    high: int = strawberry.field(description="The most.")

    @classmethod
    def of(cls, facts: CreditRangeFacts) -> Self:
        return cls(low=facts.low, high=facts.high)


@strawberry.type(description="What a video may cost, in money.")
class PriceRange:
    low_micros: Amount = strawberry.field(description="The least.")
    high_micros: Amount = strawberry.field(description="The most.")

    @classmethod
    def of(cls, facts: PriceRangeFacts) -> Self:
        return cls(low_micros=Amount(facts.low), high_micros=Amount(facts.high))


@strawberry.type(description="One reason against one account.")
class Exclusion:
    code: str = strawberry.field(description="A stable word, such as `circuit_open`; new ones may be added.")
    params: Facts = strawberry.field(description='The facts behind it, such as `{"asked": "1:1", "able": "16:9"}`.')
    until: Moment | None = strawberry.field(description="When it is expected to pass; null when waiting is no cure.")

    @classmethod
    def of(cls, facts: ExclusionFacts) -> Self:
        return cls(code=facts.code.value, params=Facts(facts.params), until=moment(facts.until))


@strawberry.type(description="One account as the decision saw it.")
class Candidate:
    account: str = strawberry.field(description="The account.")
    provider: str = strawberry.field(description="The provider it is with.")
    able: bool = strawberry.field(description="It could make the video at once.")
    credits: CreditRange = strawberry.field(description="What it would cost, in the account's credits.")
    price: PriceRange | None = strawberry.field(description="The same in money; null when the account has no price.")
    excluded: list[Exclusion] = strawberry.field(description="What stood against it; empty when it was able.")
    adjustments: list[Adjustment] = strawberry.field(description="What would be bent to suit it.")

    @classmethod
    def of(cls, facts: CandidateFacts) -> Self:
        return cls(
            account=facts.account,
            provider=facts.provider,
            able=facts.able,
            credits=CreditRange.of(facts.credits),
            price=None if facts.price is None else PriceRange.of(facts.price),
            excluded=[Exclusion.of(exclusion) for exclusion in facts.excluded],
            adjustments=[Adjustment.of(adjustment) for adjustment in facts.adjustments],
        )


@strawberry.type(description="Who could make a video, in what order and at what price, and why the others could not.")
class Decision:
    at: Moment = strawberry.field(description="When it was made.")
    strategy: Strategy = strawberry.field(description="How the accounts were ranked.")
    candidates: list[Candidate] = strawberry.field(description="Every account, best first.")

    @classmethod
    def stored(cls, text: bytes) -> Self:
        """The decision that was stored with a video."""
        return cls.of(_decode(text))

    @classmethod
    def of(cls, facts: DecisionFacts) -> Self:
        return cls(
            at=Moment(facts.at),
            strategy=facts.strategy,
            candidates=[Candidate.of(candidate) for candidate in facts.candidates],
        )
