"""What can be asked for as GraphQL shows it: models, who makes them, what they can be told, and what they cost."""

from typing import Self

import strawberry

from gateway.graphql.decisions import CreditRange, PriceRange
from gateway.policy.capability import price_list
from providers.base import Capabilities, Provider
from schema.account import Account
from schema.money import CreditRange as CreditRangeFacts
from schema.money import Micros
from schema.video import AspectRatio, Quality


@strawberry.type(description="The durations an account can be told, whole seconds.")
class Durations:
    shortest: int = strawberry.field(description="The shortest.")
    longest: int = strawberry.field(description="The longest.")
    default: int | None = strawberry.field(description="What it makes when told nothing; null when nobody knows.")

    @classmethod
    def of(cls, able: Capabilities) -> Self | None:
        if able.seconds is None:
            return None
        return cls(shortest=able.seconds[0], longest=able.seconds[1], default=able.default_seconds)


@strawberry.type(description="How long a video usually takes to make, seconds, by the provider's word.")
class TypicalSeconds:
    best: int = strawberry.field(description="At best.")
    worst: int = strawberry.field(description="At worst.")


@strawberry.type(description="What a video of one quality costs at an account.")
class QualityPrice:
    quality: Quality = strawberry.field(description="The quality.")
    credits: CreditRange = strawberry.field(description="In the account's credits.")
    price: PriceRange | None = strawberry.field(description="The same in money; null when the account has no price.")

    @classmethod
    def of(cls, quality: Quality, credits: CreditRangeFacts, per_credit: Micros | None) -> Self:
        price = None if per_credit is None else PriceRange.of(credits.at(per_credit))
        return cls(quality=quality, credits=CreditRange.of(credits), price=price)


@strawberry.type(description="An account that serves a model, and what it can be told.")
class Maker:
    account: str = strawberry.field(description="The account.")
    provider: str = strawberry.field(description="The provider it is with.")
    aspect_ratios: list[AspectRatio] = strawberry.field(description="The shapes it can be told.")
    seconds: Durations | None = strawberry.field(description="The durations; null when it can not be told one.")
    qualities: list[Quality] = strawberry.field(description="The qualities, beside the plain one.")
    image_input: bool = strawberry.field(description="It can start from a picture.")
    max_prompt: int = strawberry.field(description="The longest prompt, in characters.")
    typical_seconds: TypicalSeconds = strawberry.field(description="How long a video usually takes.")
    prices: list[QualityPrice] = strawberry.field(description="What a video costs, one for each quality.")

    @classmethod
    def of(cls, account: Account, provider: Provider) -> Self:
        able = provider.capabilities
        best, worst = able.typical_seconds
        return cls(
            account=account.id,
            provider=account.provider,
            aspect_ratios=list(able.aspect_ratios),
            seconds=Durations.of(able),
            qualities=list(able.qualities),
            image_input=able.image_input,
            max_prompt=able.max_prompt,
            typical_seconds=TypicalSeconds(best=best, worst=worst),
            prices=[
                QualityPrice.of(quality, credits, account.price_per_credit)
                for quality, credits in price_list(provider.rates, able)
            ],
        )


@strawberry.type(description="A model name that `createVideo` takes.")
class Model:
    name: str = strawberry.field(description="The name; `auto` is any model.")
    accounts: list[str] = strawberry.field(description="The accounts that serve it for you.")
    makers: list[Maker] = strawberry.field(description="The same, with what each can be told and what it costs.")

    @classmethod
    def of(cls, name: str, makers: list[tuple[Account, Provider]]) -> Self:
        return cls(
            name=name,
            accounts=[account.id for account, _ in makers],
            makers=[Maker.of(account, provider) for account, provider in makers],
        )
