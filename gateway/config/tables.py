"""Accounts and tenants as the file spells them, before names, plans and money are understood.

Their ``Attributes`` are also what editors show (``filmgate config schema``), so they are written for operators.
"""

from typing import Annotated, Any

import msgspec

from gateway.config.reading import NAME
from gateway.config.settings import DEFAULT_SCOPES, Days, KeySetup, Network, Number, Section
from schema.account import Secret
from schema.event import EventType
from schema.policy import MAX_RULES, Names, Seconds, Share, Wait
from schema.tenant import UNLIMITED, FundingMode, Scope, TenantLimits, Weights
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, Strategy

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NAME)]
Money = Annotated[int, "micros, written as decimal text"]
Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
WebOrigin = Annotated[str, "a web origin, as browsers send it"]
Moment = Annotated[int, "a moment with its offset, as milliseconds since the epoch"]


class LimitsTable(Section, frozen=True, kw_only=True):
    """What replaces the plan's limits, one by one.

    Attributes:
        per_minute: requests in any minute, polls included.
        concurrent: videos in the making at once.
        per_day: requests a day.
    """

    per_minute: Number | None = None
    concurrent: Number | None = None
    per_day: Number | None = None


class AccountTable(Section, frozen=True, kw_only=True):
    """Your customer relationship with a provider; one provider may have several.

    Attributes:
        id: your name for it; tenants route by it.
        provider: who it is at.
        credential: what the provider knows you by.
        base_url: where the provider is; without it the provider's own address.
        webhook_secrets: what signs the provider's calls to us: the current one first, then former ones.
        price_per_credit: what a credit costs you; without it the account has no price.
        plan: the provider's plan, which gives the limits.
        limits: each replaces one of the plan's.
        options: the provider's own settings; its README says which.
        credits_warn_percent: shares of its greatest balance that are told when no more is left, once each.
        sandbox: a simulated account, the only kind that test tenants reach.
        owner: the tenant whose own account it is: nobody else's videos reach it.
    """

    id: Name
    provider: str
    credential: Secret
    base_url: str | None = None
    webhook_secrets: tuple[Secret, ...] = ()
    price_per_credit: Money | None = None
    plan: str | None = None
    limits: LimitsTable = LimitsTable()
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    credits_warn_percent: Annotated[tuple[Percent, ...], msgspec.Meta(max_length=8)] = (20, 10, 5)
    sandbox: bool = False
    owner: Name | None = None


class WeightsTable(Section, frozen=True, kw_only=True):
    """What ``balanced`` minds; not all of them nothing.

    Attributes:
        price, speed, reliability: equal ones trade half the price for half the time, or for half the failures.
    """

    price: Share = Weights().price
    speed: Share = Weights().speed
    reliability: Share = Weights().reliability

    def __post_init__(self) -> None:
        if not (self.price or self.speed or self.reliability):
            raise ValueError("are all 0, so nothing would count: give one of them more")


class WhenTable(Section, frozen=True, kw_only=True):
    """Which videos a rule is for: all that is given must hold.

    Attributes:
        model: as it was asked for; ``auto`` when nothing was.
        aspect_ratio: as it was asked for.
        quality: as it was asked for; ``standard`` when nothing was.
        image: whether the video starts from a picture.
        min_seconds, max_seconds: of a duration that was asked for; a video without one is not meant.
    """

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    aspect_ratio: AspectRatio | None = None
    quality: Quality | None = None
    image: bool | None = None
    min_seconds: Seconds | None = None
    max_seconds: Seconds | None = None


class RuleTable(Section, frozen=True, kw_only=True):
    """How some videos are routed differently; of several rules that hold the first one counts.

    Attributes:
        when: which videos it is for; without it, all.
        prefer: account ids or provider names that go first, before the strategy is asked.
        only, exclude: beside the policy's own.
        strategy, max_wait_seconds: instead of the policy's own.
        max_cost: the most such a video may cost, beside the policy's own.
    """

    when: WhenTable = WhenTable()
    prefer: Names = ()
    only: Names = ()
    exclude: Names = ()
    strategy: Strategy | None = None
    max_cost: Money | None = None
    max_wait_seconds: Wait | None = None


class RoutingTable(Section, frozen=True, kw_only=True):
    """How a tenant's videos are routed when a video says nothing else.

    Attributes:
        strategy: how accounts are ranked.
        weights: for the strategy ``balanced``.
        order: account ids or provider names, best first, for the strategy ``ordered``.
        only: when not empty, nobody else serves this tenant.
        exclude: these do not serve it.
        max_cost: the most one video may cost.
        max_wait_seconds: how long a video waits for a better account that has no room; without it, not at all.
        on_max_wait: what happens after that.
        on_unsupported: what happens to a wish that a provider can not be told.
        on_unknown: what happens when nobody knows whether a paid submit arrived.
        rules: for some videos, differently; the first that holds counts.
    """

    strategy: Strategy = Strategy.CHEAPEST
    weights: WeightsTable = WeightsTable()
    order: Names = ()
    only: Names = ()
    exclude: Names = ()
    max_cost: Money | None = None
    max_wait_seconds: Wait | None = None
    on_max_wait: OnMaxWait = OnMaxWait.SPILL
    on_unsupported: OnUnsupported = OnUnsupported.ERROR
    on_unknown: OnUnknown = OnUnknown.FAIL
    rules: Annotated[tuple[RuleTable, ...], msgspec.Meta(max_length=MAX_RULES)] = ()


class FundingTable(Section, frozen=True, kw_only=True):
    """What a tenant may spend.

    Attributes:
        mode: whether it spends what was topped up, or pays afterwards.
        opening: a prepaid tenant's first top-up, made once.
        per_day, per_month: budgets, by the UTC day and month in which a video is accepted.
        per_video: the most one video may cost.
        warn_percent: shares of a budget that are told, as the event ``budget.warning``, once each.
    """

    mode: FundingMode = FundingMode.POSTPAID
    opening: Money | None = None
    per_day: Money | None = None
    per_month: Money | None = None
    per_video: Money | None = None
    warn_percent: Annotated[tuple[Percent, ...], msgspec.Meta(max_length=8)] = UNLIMITED.warn_percent


class TenantLimitsTable(Section, frozen=True, kw_only=True):
    """What a tenant may take of what all share; what is not said here stands in ``[limits]``.

    Attributes:
        queued: videos accepted and not begun; more are refused with 429.
        weight: its share when several wait for one account: twice the weight, twice as often.
        concurrent: videos in the making at once; the others wait.
        per_minute: videos created in a minute, over all replicas; more are refused with 429.
        reads_per_minute: other requests in a minute, at each replica; more are refused with 429.
    """

    queued: Number | None = None
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = TenantLimits().weight
    concurrent: Number | None = None
    per_minute: Number | None = None
    reads_per_minute: Number | None = None


class RetentionTable(Section, frozen=True, kw_only=True):
    """How long the tenant's finished files are kept; what is not said here stands in ``[retention]``.

    Attributes:
        days: after which a video's file is deleted; the video stays.
    """

    days: Days | None = None


class WebhookTable(Section, frozen=True, kw_only=True):
    """An address of the tenant's that is told of events.

    Attributes:
        url: where events go.
        name: what it is for.
        events: which; none named is all.
        secret: signs what is sent: ``whsec_`` and 24 to 64 bytes in base64; without one the gateway makes one.
    """

    url: Annotated[str, msgspec.Meta(max_length=2048)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    events: tuple[EventType, ...] = ()
    secret: Secret | None = None


class TenantTable(Section, frozen=True, kw_only=True):
    """Who owns videos. Its keys say who is calling.

    Attributes:
        id: its name in logs and URLs.
        name: its name for people; without it, the id.
        test: only sandbox accounts serve it.
        keys: secrets, each with what it may do beside it.
        routing: how its videos are routed; with this table the file manages that, without it the API does.
        funding: what it may spend.
        limits: what it may take.
        retention: how long its files are kept.
        origins: web origins whose pages may call for it from a browser.
        webhooks: its addresses that are told of events.
    """

    id: Name
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    test: bool = False
    keys: tuple[KeySetup, ...] = ()
    routing: RoutingTable | None = None
    funding: FundingTable = FundingTable()
    limits: TenantLimitsTable = TenantLimitsTable()
    retention: RetentionTable = RetentionTable()
    origins: Annotated[tuple[WebOrigin, ...], msgspec.Meta(max_length=64)] = ()
    webhooks: Annotated[tuple[WebhookTable, ...], msgspec.Meta(max_length=32)] = ()


class BesideTable(Section, frozen=True, kw_only=True):
    """What stands beside ``env`` or ``file`` in a key.

    Attributes:
        scopes: what it may do.
        name: what it is for.
        expires: when it ends, a time with its offset; without it, never.
        origins: web origins whose pages may use it; none named is its tenant's.
        networks: where it may be used from; none named is anywhere.
    """

    scopes: Annotated[frozenset[Scope], msgspec.Meta(min_length=1)] = DEFAULT_SCOPES
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    expires: Moment | None = None
    origins: Annotated[tuple[WebOrigin, ...], msgspec.Meta(max_length=64)] = ()
    networks: Annotated[tuple[Network, ...], msgspec.Meta(max_length=64)] = ()
