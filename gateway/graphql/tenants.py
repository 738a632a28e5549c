"""A tenant as GraphQL shows it, with its routing policy through time."""

from typing import Self

import msgspec
import strawberry

from gateway.auth import require
from gateway.graphql.connections import After, First, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.scalars import Amount, Moment, amount
from gateway.services.policies import PolicyPage
from schema import policy, tenant
from schema.ownership import ManagedBy
from schema.policy import WrittenRouting, WrittenRule
from schema.tenant import FundingMode, Scope
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, Strategy

_LONGEST_VERSION = 15
"""Digits."""


@strawberry.type(
    description="What `BALANCED` minds: with equal weights, half the price is worth half the time, or half the "
    "failures."
)
class RoutingWeights:
    price: float = strawberry.field(description="What the video will probably cost.")
    speed: float = strawberry.field(description="When it will probably be there.")
    reliability: float = strawberry.field(description="How seldom videos fail there.")


@strawberry.type(description="Which videos a rule is for: all that is not null must hold.")
class RoutingRuleWhen:
    model: str | None = strawberry.field(description="The model asked for.")
    aspect_ratio: AspectRatio | None = strawberry.field(description="The shape asked for.")
    quality: Quality | None = strawberry.field(description="The quality asked for; `STANDARD` unless said.")
    image: bool | None = strawberry.field(description="Whether it starts from a picture.")
    min_seconds: int | None = strawberry.field(description="Of a duration that was asked for.")
    max_seconds: int | None = strawberry.field(description="Of a duration that was asked for.")


@strawberry.type(description="How some videos are routed differently; of several rules that hold the first one counts.")
class RoutingRule:
    when: RoutingRuleWhen = strawberry.field(description="Which videos.")
    prefer: list[str] = strawberry.field(description="Who goes first, before the strategy is asked.")
    only: list[str] = strawberry.field(description="Nobody else may make them; beside the policy's own.")
    exclude: list[str] = strawberry.field(description="Who must not make them; beside the policy's own.")
    strategy: Strategy | None = strawberry.field(description="Instead of the policy's own.")
    max_cost: str | None = strawberry.field(description="The most such a video may cost, as decimal text.")
    max_wait_seconds: int | None = strawberry.field(description="Instead of the policy's own.")

    @classmethod
    def of(cls, facts: WrittenRule) -> Self:
        when = facts.when
        return cls(
            when=RoutingRuleWhen(
                model=when.model,
                aspect_ratio=when.aspect_ratio,
                quality=when.quality,
                image=when.image,
                min_seconds=when.min_seconds,
                max_seconds=when.max_seconds,
            ),
            prefer=list(facts.prefer),
            only=list(facts.only),
            exclude=list(facts.exclude),
            strategy=facts.strategy,
            max_cost=facts.max_cost,
            max_wait_seconds=facts.max_wait_seconds,
        )


@strawberry.type(description="How a tenant's videos are routed when a video says nothing else.")
class RoutingPolicy:
    strategy: Strategy = strawberry.field(description="How accounts are ranked.")
    weights: RoutingWeights = strawberry.field(description="For the strategy `BALANCED`.")
    order: list[str] = strawberry.field(description="Account ids or provider names, best first.")
    only: list[str] = strawberry.field(description="When not empty, nobody else serves the tenant.")
    exclude: list[str] = strawberry.field(description="Who never serves it.")
    max_cost: str | None = strawberry.field(description="The most one video may cost, as decimal text.")
    max_wait_seconds: int | None = strawberry.field(
        description="How long a video may wait for a better account that has no room; null goes to the best that has."
    )
    on_max_wait: OnMaxWait = strawberry.field(description="What to do after that.")
    on_unsupported: OnUnsupported = strawberry.field(description="What to do with what a provider can not be told.")
    on_unknown: OnUnknown = strawberry.field(description="What to do when nobody knows whether a paid request arrived.")
    rules: list[RoutingRule] = strawberry.field(
        description="For some videos, differently; the first that holds counts."
    )

    @classmethod
    def of(cls, facts: tenant.RoutingPolicy) -> Self:
        written = WrittenRouting.of(facts)
        weights = facts.weights
        return cls(
            strategy=written.strategy,
            weights=RoutingWeights(price=weights.price, speed=weights.speed, reliability=weights.reliability),
            order=list(written.order),
            only=list(written.only),
            exclude=list(written.exclude),
            max_cost=written.max_cost,
            max_wait_seconds=written.max_wait_seconds,
            on_max_wait=written.on_max_wait,
            on_unsupported=written.on_unsupported,
            on_unknown=written.on_unknown,
            rules=[RoutingRule.of(rule) for rule in written.rules],
        )


@strawberry.type(description="A routing policy as it was from one change to the next; it is never changed itself.")
class PolicyVersion:
    version: int = strawberry.field(description="From 1; give it as `expectedVersion` to change it.")
    at: Moment = strawberry.field(description="Since when.")
    author: str = strawberry.field(
        description="Whose key it was, its tenant and the key's end; `file` for the configuration file, `default` for "
        "what every tenant begins with."
    )
    note: str = strawberry.field(description="Why.")
    routing: RoutingPolicy = strawberry.field(description="The policy.")

    @classmethod
    def of(cls, facts: policy.PolicyVersion) -> Self:
        return cls(
            version=facts.version,
            at=Moment(facts.at),
            author=facts.author,
            note=facts.note,
            routing=RoutingPolicy.of(facts.policy),
        )


@strawberry.type(description="A version in a page.")
class PolicyVersionEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` to go on from here.")
    node: PolicyVersion = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions.")
class PolicyVersionConnection:
    edges: list[PolicyVersionEdge] = strawberry.field(description="The versions, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: PolicyPage, paging: Paging) -> Self:
        edges = [
            PolicyVersionEdge(cursor=cursor(str(one.version)), node=PolicyVersion.of(one)) for one in page.versions
        ]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


@strawberry.type(
    description="How much of its limits a tenant uses now; null where there is no limit, so that nobody counts."
)
class LimitsUse:
    queued: int = strawberry.field(description="Videos that wait to start.")
    concurrent: int = strawberry.field(description="Videos in the making.")
    per_minute: int | None = strawberry.field(description="Videos created in the last minute.")
    reads_per_minute: int | None = strawberry.field(
        description="Other requests in the last minute, at the replica that answers."
    )


@strawberry.type(description="What a tenant may take of what all share; null is no limit. The configuration says it.")
class TenantLimits:
    whose: strawberry.Private[str]
    queued: int = strawberry.field(description="Accepted videos that have not started, at most.")
    weight: int = strawberry.field(description="Its share when several wait for one account.")
    concurrent: int | None = strawberry.field(
        description="Videos in the making at once, at most; the others wait in the queue."
    )
    per_minute: int | None = strawberry.field(description="Videos created in a minute, at most.")
    reads_per_minute: int | None = strawberry.field(
        description="Other requests in a minute, at most, at each replica; a document is one."
    )

    @classmethod
    def of(cls, facts: tenant.Tenant) -> Self:
        return cls(whose=facts.id, **msgspec.structs.asdict(facts.limits))

    @strawberry.field(description="How much of it is used now.")
    async def used(self, info: Info) -> LimitsUse:
        _check_may_read(info)
        return LimitsUse(**msgspec.structs.asdict(await info.context.gateway.limits_uses.of(self.whose)))


@strawberry.type(description="What a tenant may spend; null is no limit. The configuration says it.")
class Funding:
    mode: FundingMode = strawberry.field(description="When it pays.")
    per_day_micros: Amount | None = strawberry.field(description="A budget, by the UTC day a video is accepted in.")
    per_month_micros: Amount | None = strawberry.field(description="A budget, by the UTC month a video is accepted in.")
    per_video_micros: Amount | None = strawberry.field(description="The most one video may cost.")
    warn_percent: list[int] = strawberry.field(description="Shares of a budget that are told when they are reached.")

    @classmethod
    def of(cls, facts: tenant.Funding) -> Self:
        return cls(
            mode=facts.mode,
            per_day_micros=amount(facts.per_day),
            per_month_micros=amount(facts.per_month),
            per_video_micros=amount(facts.per_video),
            warn_percent=list(facts.warn_percent),
        )


@strawberry.type(description="A tenant: who owns videos.")
class Tenant:
    id: strawberry.ID = strawberry.field(description="Its id, as configured.")
    name: str = strawberry.field(description="Its name, for people.")
    test: bool = strawberry.field(description="It reaches sandbox accounts only, and nothing it makes costs money.")
    limits: TenantLimits = strawberry.field(description="What it may take of what all share.")
    funding: Funding = strawberry.field(description="What it may spend.")

    @classmethod
    def of(cls, facts: tenant.Tenant) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            name=facts.name,
            test=facts.test,
            limits=TenantLimits.of(facts),
            funding=Funding.of(facts.funding),
        )

    @strawberry.field(description="Where its routing policy is changed.")
    def managed_by(self, info: Info) -> ManagedBy:
        _check_may_read(info)
        return info.context.gateway.policies.managed_by(self.id)

    @strawberry.field(description="Its routing policy, as it is in force.")
    async def policy(self, info: Info) -> PolicyVersion:
        _check_may_read(info)
        return PolicyVersion.of(await info.context.gateway.policies.current(self.id))

    @strawberry.field(description="Its routing policies, newest first.")
    async def policy_history(self, info: Info, first: First = None, after: After = None) -> PolicyVersionConnection:
        _check_may_read(info)
        paging = Paging(first=first, after=after, last=None, before=None)
        window = paging.window(_could_be_version)
        before = None if window.after is None else int(window.after)
        page = await info.context.gateway.policies.history(self.id, before=before, limit=window.limit)
        return PolicyVersionConnection.of(page, paging)


def _check_may_read(info: Info) -> None:
    """Raises Forbidden unless the caller reads for its tenant, or is an operator, who reads for any."""
    if Scope.OPERATOR not in info.context.principal.scopes:
        require(info.context.principal, Scope.VIDEOS_READ)


def _could_be_version(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_VERSION
