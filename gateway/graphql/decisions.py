"""A routing decision as GraphQL shows it: every account, best first, and what stood against the others."""

from typing import Self

import msgspec
import strawberry

from gateway.graphql.remedies import Remedy
from gateway.graphql.scalars import Amount, Facts, Moment, amount, moment
from schema.money import CreditRange as CreditRangeFacts
from schema.money import MicrosRange as PriceRangeFacts
from schema.quote import Candidate as CandidateFacts
from schema.quote import Decision as DecisionFacts
from schema.quote import Exclusion as ExclusionFacts
from schema.quote import Facts as AccountFactsFacts
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


@strawberry.type(description="One reason against one account, or why it is not the first.")
class Exclusion:
    code: str = strawberry.field(description="A stable word, such as `circuit_open`; new ones may be added.")
    params: Facts = strawberry.field(description='The facts behind it, such as `{"asked": "1:1", "able": "16:9"}`.')
    until: Moment | None = strawberry.field(description="When it is expected to pass; null when waiting is no cure.")

    @classmethod
    def of(cls, facts: ExclusionFacts) -> Self:
        return cls(code=facts.code.value, params=Facts(facts.params), until=moment(facts.until))


@strawberry.type(description="What was known about an account when the decision was made.")
class AccountFacts:
    price_per_credit_micros: Amount | None = strawberry.field(description="What one credit costs; null when unknown.")
    load: int = strawberry.field(description="Videos it had in the making.")
    wait_ms: int = strawberry.field(description="Milliseconds until it can begin one more, as far as we can tell.")
    make_ms: int | None = strawberry.field(
        description="Milliseconds from sent to made, the median; null while nothing was observed."
    )
    fast_ms: int | None = strawberry.field(description="The same for the fastest tenth.")
    made: int = strawberry.field(description="How many of the latest attempts there gave a video.")
    failed: int = strawberry.field(description="How many did not.")
    learned: Facts = strawberry.field(
        description="By kind of video, such as `5/standard`: the credits that such videos have cost there on average."
    )

    @classmethod
    def of(cls, facts: AccountFactsFacts) -> Self:
        return cls(
            price_per_credit_micros=amount(facts.price_per_credit),
            load=facts.load,
            wait_ms=facts.wait_ms,
            make_ms=facts.make_ms,
            fast_ms=facts.fast_ms,
            made=facts.made,
            failed=facts.failed,
            learned=Facts(facts.learned),
        )


@strawberry.type(description="What the ranking compared. The smaller the better, but for `score`.")
class Scores:
    tries: int = strawberry.field(description="How often the video had tried the account.")
    preference: int = strawberry.field(description="Its place in what a rule prefers, from 0.")
    place: int = strawberry.field(description="Its place in the tenant's list, from 0.")
    expected_ms: int = strawberry.field(description="Milliseconds until the video would probably be there.")
    failure_rate: float = strawberry.field(description="The share of attempts there that give no video, 0 to 1.")
    price: Amount | None = strawberry.field(description="What it would probably cost; null when nobody knows.")
    score: float | None = strawberry.field(
        description="Of the strategy `BALANCED`, the higher the better; null for others, and without a price."
    )

    @classmethod
    def of(cls, scores: dict[str, float]) -> Self:
        return cls(
            tries=int(scores.get("tries", 0)),
            preference=int(scores.get("preference", 0)),
            place=int(scores.get("place", 0)),
            expected_ms=int(scores.get("expected_ms", 0)),
            failure_rate=scores.get("failure_rate", 0.0),
            price=Amount(int(scores["price"])) if "price" in scores else None,
            score=scores.get("score"),
        )


@strawberry.type(description="One account as the decision saw it.")
class Candidate:
    account: str = strawberry.field(description="The account.")
    provider: str = strawberry.field(description="The provider it is with.")
    able: bool = strawberry.field(description="It could make the video at once.")
    credits: CreditRange = strawberry.field(description="What it would cost, in the account's credits.")
    price: PriceRange | None = strawberry.field(description="The same in money; null when the account has no price.")
    expected_micros: Amount | None = strawberry.field(
        description="What it will probably cost; null when the account has no price."
    )
    excluded: list[Exclusion] = strawberry.field(description="What stood against it; empty when it was able.")
    outranked: Exclusion | None = strawberry.field(
        description="Why it is not the first, although it was able; null for the first, and for those excluded."
    )
    adjustments: list[Adjustment] = strawberry.field(description="What would be bent to suit it.")
    scores: Scores = strawberry.field(description="What the ranking compared.")
    facts: AccountFacts = strawberry.field(description="What was known about the account.")

    @classmethod
    def of(cls, facts: CandidateFacts) -> Self:
        return cls(
            account=facts.account,
            provider=facts.provider,
            able=facts.able,
            credits=CreditRange.of(facts.credits),
            price=None if facts.price is None else PriceRange.of(facts.price),
            expected_micros=amount(facts.expected),
            excluded=[Exclusion.of(exclusion) for exclusion in facts.excluded],
            outranked=None if facts.outranked is None else Exclusion.of(facts.outranked),
            adjustments=[Adjustment.of(adjustment) for adjustment in facts.adjustments],
            scores=Scores.of(facts.scores),
            facts=AccountFacts.of(facts.facts),
        )


@strawberry.type(description="Who could make a video, in what order and at what price, and why the others could not.")
class Decision:
    at: Moment = strawberry.field(description="The moment of the facts it was made from.")
    strategy: Strategy = strawberry.field(description="How the accounts were ranked.")
    candidates: list[Candidate] = strawberry.field(description="Every account, best first.")
    snapshot: str = strawberry.field(
        description="A digest of what was known about the accounts: two decisions with the same one saw the same world."
    )
    policy: int | None = strawberry.field(
        description="The version of the tenant's routing policy; null when it has none of its own."
    )
    rule: int | None = strawberry.field(description="Which of its rules applied, from 1; null when none did.")
    remedy: Remedy | None = strawberry.field(
        description="When nobody could ever make the video: what would change that; null otherwise."
    )

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
            snapshot=facts.snapshot,
            policy=facts.policy,
            rule=facts.rule,
            remedy=Remedy.of(facts.remedy),
        )
