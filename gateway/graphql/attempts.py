"""An attempt as GraphQL shows it."""

from typing import Self

import strawberry

from gateway.graphql.scalars import Amount, Moment, amount, moment
from schema.attempt import Attempt as AttemptFacts
from schema.attempt import Reason, Verdict
from schema.lifecycle import AttemptState


@strawberry.type(description="Why an attempt ended as it did.")
class AttemptReason:
    code: str = strawberry.field(description="A stable word, such as `rate_limited`; new ones may be added.")
    message: str = strawberry.field(description="A sentence for people; it may change.")

    @classmethod
    def of(cls, facts: Reason | None) -> Self | None:
        return None if facts is None else cls(code=facts.code.value, message=facts.message)


@strawberry.type(description="One try to make a video at one provider account.")
class Attempt:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    number: int = strawberry.field(description="1 for a video's first attempt.")
    account: str = strawberry.field(description="The account it was made at.")
    provider: str = strawberry.field(description="The provider the account is with.")
    state: AttemptState = strawberry.field(description="Where it is.")
    verdict: Verdict | None = strawberry.field(description="What became of its paid request; null before it was sent.")
    provider_ref: str | None = strawberry.field(description="The provider's own id for it, once known.")
    started_at: Moment = strawberry.field(description="When it was begun.")
    ended_at: Moment | None = strawberry.field(description="When its end was known.")
    reason: AttemptReason | None = strawberry.field(description="Why it failed or is unknown.")
    credits_low: int = strawberry.field(description="The least it may cost, in the account's credits.")
    credits_high: int = strawberry.field(description="The most it may cost, in the account's credits.")
    credits: int | None = strawberry.field(description="What the provider said it cost, in the account's credits.")
    micros: Amount | None = strawberry.field(
        description="The same in money; null while it is not known, or the account has no price."
    )

    @classmethod
    def of(cls, facts: AttemptFacts) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            number=facts.n,
            account=facts.account,
            provider=facts.provider,
            state=facts.state,
            verdict=facts.verdict,
            provider_ref=facts.ref,
            started_at=Moment(facts.started_at),
            ended_at=moment(facts.ended_at),
            reason=AttemptReason.of(facts.reason),
            credits_low=facts.credits_low,
            credits_high=facts.credits_high,
            credits=facts.credits,
            micros=amount(facts.micros),
        )
