"""A tenant owns videos; a principal is whoever is calling now: a tenant and what its key may do."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import Micros
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, Strategy, Video, VideoSpec


class Scope(StrEnum):
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    TENANT_ADMIN = "tenant:admin"
    OPERATOR = "operator"


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What ``balanced`` minds: with equal weights, half the price is worth half the time, or half the failures."""

    price: float = 0.5
    speed: float = 0.3
    reliability: float = 0.2


class When(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which videos a rule is for: all that is given must hold.

    Attributes:
        image: whether it starts from a picture.
        min_seconds, max_seconds: of a duration that was asked for; a video without one is not meant.
    """

    model: str | None = None
    aspect_ratio: AspectRatio | None = None
    quality: Quality | None = None
    image: bool | None = None
    min_seconds: int | None = None
    max_seconds: int | None = None

    def holds(self, spec: VideoSpec) -> bool:
        """Whether it speaks of such a video."""
        asked = (
            (self.model, spec.model),
            (self.aspect_ratio, spec.aspect_ratio),
            (self.quality, spec.quality or Quality.STANDARD),
            (self.image, spec.pictured),
        )
        return all(wanted is None or wanted == given for wanted, given in asked) and self._lasts(spec.seconds)

    def _lasts(self, seconds: int | None) -> bool:
        if self.min_seconds is None and self.max_seconds is None:
            return True
        return seconds is not None and (self.min_seconds or 0) <= seconds <= (self.max_seconds or seconds)


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How some of a tenant's videos are routed differently; of several rules that hold the first one counts.

    Attributes:
        prefer: account ids or provider names that go first, before the strategy is asked.
        only, exclude: beside the policy's own.
        per_video: the most such a video may cost, micros, beside the policy's own.
        strategy, max_wait_seconds: instead of the policy's own.
    """

    when: When = When()
    prefer: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strategy: Strategy | None = None
    per_video: Micros | None = None
    max_wait_seconds: int | None = None


class RoutingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant's videos are routed when a video says nothing else.

    Attributes:
        weights: for the strategy ``balanced``.
        order: account ids or provider names, best first; the rest follow by price.
        only: when not empty, no other account or provider serves this tenant.
        per_video: the most one video may cost, micros.
        max_wait_seconds: how long a video may wait for a better account that has no room.
    """

    strategy: Strategy = Strategy.CHEAPEST
    weights: Weights = Weights()
    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_video: Micros | None = None
    max_wait_seconds: int | None = None
    on_max_wait: OnMaxWait = OnMaxWait.SPILL
    on_unsupported: OnUnsupported = OnUnsupported.ERROR
    on_unknown: OnUnknown = OnUnknown.FAIL
    rules: tuple[Rule, ...] = ()


class FundingMode(StrEnum):
    PREPAID = "prepaid"  # spends what was topped up, and no more
    POSTPAID = "postpaid"  # pays afterwards


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may spend, micros; None is no limit.

    Attributes:
        opening: a prepaid tenant's first top-up, made once.
        per_day, per_month: budgets, by the UTC day and month in which a video is accepted.
        per_video: the most one video may cost.
        warn_percent: shares of a budget that are told when they are reached, once each.
    """

    mode: FundingMode = FundingMode.POSTPAID
    opening: Micros = 0
    per_day: Micros | None = None
    per_month: Micros | None = None
    per_video: Micros | None = None
    warn_percent: tuple[int, ...] = (80, 100)

    @property
    def limited(self) -> bool:
        """Whether a video without a known price must be refused."""
        return self.mode is FundingMode.PREPAID or self.per_day is not None or self.per_month is not None


UNLIMITED = Funding()


class TenantLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may take of what all share; None is no limit.

    Attributes:
        queued: accepted videos that have not started, at most; more are refused with 429.
        weight: its share when several wait for one account: twice the weight, twice as often.
        concurrent: videos in the making at once; the others wait in the queue.
        per_minute: videos it may create in a minute, over all replicas; more are refused with 429.
        reads_per_minute: other requests of its keys in a minute, at each replica; more are refused with 429.
    """

    queued: int = 1000
    weight: int = 1
    concurrent: int | None = None
    per_minute: int | None = None
    reads_per_minute: int | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long finished files are kept; None is for ever."""

    days: int | None = None


class LimitsUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each of its limits a tenant uses now; None where nobody counts, for there is no limit.

    Attributes:
        queued: videos that wait to start.
        concurrent: videos in the making.
        per_minute: videos created in the last minute.
        reads_per_minute: other requests in the last minute, at the replica that is asked.
    """

    queued: int
    concurrent: int
    per_minute: int | None
    reads_per_minute: int | None


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns videos.

    Attributes:
        policy_version: which version of its routing policy ``routing`` is; None before a gateway has looked it up.
        origins: web origins (``https://app.example.com``) whose pages may call for it from a browser.
        test: its keys begin with ``fg_test_``, and it reaches sandbox accounts only.
    """

    id: str
    name: str
    routing: RoutingPolicy = RoutingPolicy()
    policy_version: int | None = None
    funding: Funding = UNLIMITED
    limits: TenantLimits = TenantLimits()
    retention: Retention = Retention()
    origins: tuple[str, ...] = ()
    test: bool = False


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a client token was given to somebody's browser for.

    Attributes:
        token: the client token's id.
        end_user: for whom; it sees that user's videos alone.
        video: the one video it is for; None when it may create.
        allowance: what its videos may cost together, micros; None is no bound of its own.
        creates: how many videos it may create; None is no bound of its own.
        expires_at: when it ends, milliseconds since the epoch.
        header: of the token's text, which tells the key that signed it.
    """

    token: str
    end_user: str | None = None
    video: str | None = None
    allowance: Micros | None = None
    creates: int | None = None
    expires_at: Millis
    header: str = ""

    def shows(self, video: Video) -> bool:
        """Whether its holder may know of one of the tenant's videos: what it is bound to, else what it made itself."""
        if self.video is None and self.end_user is None:
            return video.client_token == self.token
        return self.video in (None, video.id) and self.end_user in (None, video.end_user)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling: the tenant, which of its keys, and what that key may do.

    Attributes:
        key: the API key's id; that of the key that made it, for a client token.
        grant: what a client token is for; None for an API key.
        origins: the web origins whose pages may use this key; none given: those of its tenant.
        networks: where this key's callers must be; none given: anywhere. Who has a client token may be anywhere.
    """

    tenant: Tenant
    key: str = ""
    key_hint: str
    scopes: frozenset[Scope]
    grant: Grant | None = None
    origins: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def welcomes(self, origin: str) -> bool:
        """Whether a page of another site may use this key, and read what is answered."""
        return origin in (self.origins or self.tenant.origins)
