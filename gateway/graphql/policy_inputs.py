"""Changes of a routing policy as GraphQL's inputs spell them, and as the one reader of changes takes them."""

import dataclasses
from enum import Enum
from typing import Any

import strawberry

from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, Strategy


@strawberry.input(description="What `BALANCED` minds. What is left out stays; null is the default.")
class RoutingWeightsInput:
    price: float | None = strawberry.field(default=strawberry.UNSET, description="0 or more.")
    speed: float | None = strawberry.field(default=strawberry.UNSET, description="0 or more.")
    reliability: float | None = strawberry.field(default=strawberry.UNSET, description="0 or more.")


@strawberry.input(description="Which videos a rule is for: all that is given must hold.")
class RoutingRuleWhenInput:
    model: str | None = strawberry.field(default=None, description="The model asked for.")
    aspect_ratio: AspectRatio | None = strawberry.field(default=None, description="The shape asked for.")
    quality: Quality | None = strawberry.field(default=None, description="The quality; `STANDARD` unless said.")
    image: bool | None = strawberry.field(default=None, description="Whether it starts from a picture.")
    min_seconds: int | None = strawberry.field(default=None, description="Of a duration that was asked for, 1 to 60.")
    max_seconds: int | None = strawberry.field(default=None, description="Of a duration that was asked for, 1 to 60.")


@strawberry.input(
    description="How some videos are routed differently; of several rules that hold the first one counts."
)
class RoutingRuleInput:
    when: RoutingRuleWhenInput | None = strawberry.field(default=None, description="Which videos; all unless said.")
    prefer: list[str] | None = strawberry.field(default=None, description="Who goes first.")
    only: list[str] | None = strawberry.field(default=None, description="Nobody else may make them.")
    exclude: list[str] | None = strawberry.field(default=None, description="Who must not make them.")
    strategy: Strategy | None = strawberry.field(default=None, description="Instead of the policy's own.")
    max_cost: str | None = strawberry.field(default=None, description='The most one may cost, such as "0.50".')
    max_wait_seconds: int | None = strawberry.field(
        default=None, description="Instead of the policy's own, 0 to 86400."
    )


@strawberry.input(
    description="Changes of a routing policy: what is left out stays, null gives a field its default, a list is "
    "replaced whole."
)
class RoutingPolicyInput:
    strategy: Strategy | None = strawberry.field(default=strawberry.UNSET, description="How accounts are ranked.")
    weights: RoutingWeightsInput | None = strawberry.field(
        default=strawberry.UNSET, description="For the strategy `BALANCED`; not all of them 0."
    )
    order: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Account ids or provider names, best first."
    )
    only: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="When not empty, nobody else serves the tenant."
    )
    exclude: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Who never serves it.")
    max_cost: str | None = strawberry.field(
        default=strawberry.UNSET, description='The most one video may cost, as decimal text such as "0.50".'
    )
    max_wait_seconds: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long a video may wait for a better account, 0 to 86400."
    )
    on_max_wait: OnMaxWait | None = strawberry.field(default=strawberry.UNSET, description="What to do after that.")
    on_unsupported: OnUnsupported | None = strawberry.field(
        default=strawberry.UNSET, description="What to do with what a provider can not be told."
    )
    on_unknown: OnUnknown | None = strawberry.field(
        default=strawberry.UNSET, description="What to do when nobody knows whether a paid request arrived."
    )
    rules: list[RoutingRuleInput] | None = strawberry.field(
        default=strawberry.UNSET, description="For some videos, differently; at most 64."
    )

    def changes(self) -> Any:
        """As a JSON merge patch, in REST's names."""
        return plain(self)


def plain(value: Any) -> Any:
    """An input in REST's names, without what was left out."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: plain(one) for name, one in fields.items() if one is not strawberry.UNSET}
