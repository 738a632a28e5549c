"""Settings: everything an operator decides, as frozen values. What the file may say is what these Structs hold.

Their ``Attributes`` are also what editors show (``filmgate config schema``), so they are written for operators.
"""

import re
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.config.trusted_documents import TrustedDocuments
from schema.account import Account, Secret
from schema.clock import Millis
from schema.event import EventType
from schema.image import LARGEST_IMAGE
from schema.tenant import Scope, Tenant

_YEAR = 366 * 24 * 3600.0
_GIB = 1024**3

Seconds = Annotated[float, msgspec.Meta(gt=0, le=_YEAR)]
"""Positive, and no longer than a year: that refuses ``inf``, and ``nan`` is greater than nothing."""

Schedule = Annotated[tuple[Seconds, ...], msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
DatabaseUrl = Annotated[str, "the address of a database; may be kept outside the file, for it may hold a password"]
Origin = Annotated[str, "scheme, host and port, nothing behind them"]
Network = Annotated[str, "a network in CIDR notation, or one address"]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
Number = Annotated[int, msgspec.Meta(ge=1, le=10**9)]

DEFAULT_SCOPES = frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE})
"""What a key may do when the file does not say."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every table of the file has in common: frozen, named fields, and nothing it does not know."""


class ServerSettings(Section, frozen=True, kw_only=True):
    """The HTTP server.

    Attributes:
        listen: ``host:port``; an IPv6 host stands in brackets.
        public_url: how the world reaches us, no trailing slash; inbound hook URLs are built from it.
        max_body_bytes: larger requests are refused with 413.
        production: stricter checks, no introspection, no suggestions.
        docs: the pages /docs and /graphiql, and GraphQL's introspection; unset: unless in production.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed; others' is not looked at.
        max_head_bytes: a request's first line and headers together; larger ones are refused with 431.
        max_connections: clients connected at once, to each replica; further ones are answered 503 and let go.
        head_seconds: in which a request's first line and headers must have come; then it is refused with 408.
        body_seconds: a body that brings less than ``min_bytes_per_second`` for so long is refused with 408.
        answer_seconds: a client that reads less than ``min_bytes_per_second`` of its answer for so long is let go.
        idle_seconds: how long a connection is kept between two requests.
        min_bytes_per_second: the slowest link that is served.
    """

    listen: str = "127.0.0.1:8080"
    public_url: str | None = None
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=_GIB)] = 1024 * 1024
    production: bool = False
    docs: bool | None = None
    trusted_proxies: tuple[Network, ...] = ()
    max_head_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1024 * 1024)] = 16 * 1024
    max_connections: Count = 4096
    head_seconds: Seconds = 10
    body_seconds: Seconds = 10
    answer_seconds: Seconds = 60
    idle_seconds: Seconds = 75
    min_bytes_per_second: Count = 2048

    @property
    def explorable(self) -> bool:
        """Whether the doors show what can be asked of them: pages to read and try, introspection, suggestions."""
        return not self.production if self.docs is None else self.docs

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to bind. Raises ValueError when ``listen`` is not one."""
        return parse_listen(self.listen)


class DatabaseSettings(Section, frozen=True, kw_only=True):
    """Where everything is kept.

    Attributes:
        url: ``sqlite:///file`` or ``postgresql://user@host/name``.
        pool: connections to PostgreSQL.
    """

    url: DatabaseUrl = "sqlite:///filmgate.db"
    pool: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16

    def __repr__(self) -> str:
        """Never with a password."""
        return f"DatabaseSettings(url={without_password(self.url)!r}, pool={self.pool})"


class SecretsSettings(Section, frozen=True, kw_only=True):
    """The master keys: under them lie the secrets in the database.

    Attributes:
        key: what secrets are sealed with; 32 characters at least.
        previous: former ones, which still open what is not yet under the current one.
    """

    key: Secret
    previous: tuple[Secret, ...] = ()


class AssetsSettings(Section, frozen=True, kw_only=True):
    """Where finished videos are kept.

    Attributes:
        url: ``file://folder``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.
        options: what an object store is told beside its address, such as ``endpoint`` or ``region``; credentials stand
            in the environment.
        max_bytes: a larger video is refused.
    """

    url: str = "file://./assets"
    options: dict[str, str] | None = None
    max_bytes: Annotated[int, msgspec.Meta(ge=1)] = 2 * _GIB


class ImagesSettings(Section, frozen=True, kw_only=True):
    """Pictures that videos start from.

    Attributes:
        max_bytes: a larger picture is refused; 50 MiB at most.
        max_pixels: so is one whose width times height is more.
        keep_seconds: how long a picture is kept after it was last sent or used.
        at_once: pictures of one tenant that may be on their way in at once, at each replica; more are refused with 429.
    """

    max_bytes: Annotated[int, msgspec.Meta(ge=1024, le=LARGEST_IMAGE)] = LARGEST_IMAGE
    max_pixels: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 40_000_000
    keep_seconds: Seconds = 7 * 24 * 3600
    at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2


class EgressSettings(Section, frozen=True, kw_only=True):
    """What the gateway may call.

    Attributes:
        allow: origins it may call although their addresses are private.
        proxy: ``http://host:port`` of a proxy that makes every call to an address of a tenant's or provider's giving.
    """

    allow: tuple[Origin, ...] = ()
    proxy: str = ""

    def __repr__(self) -> str:
        """Never with a password."""
        proxy = without_password(self.proxy) if self.proxy else ""
        return f"EgressSettings(allow={self.allow!r}, proxy={proxy!r})"


class Timing(Section, frozen=True, kw_only=True):
    """Every clock, in seconds; the defaults are production's.

    Attributes:
        lease_seconds: a replica that is silent for so long loses its work to the others.
        lease_beat_seconds: how often a replica says that it lives.
        poll_min_seconds, poll_max_seconds: between two polls of one video, at least and at most.
        submit_deadline_seconds: for one send to an upstream, in total.
        video_deadline_seconds: from accepted to ended.
        incomplete_grace_seconds: for an upstream that said completed and gave no usable file.
        replay_schedule_seconds: when a lost submit is sent again, under the same key, where the upstream honours keys.
        replay_window_seconds: how old a key may be for that: nobody says how long an upstream remembers it.
        delivery_schedule_seconds: between tries of one webhook to a tenant.
        delivery_timeout_seconds: for one of them.
        hook_grace_seconds: a signed call about an attempt that is not known waits so long for it.
        delivery_give_up_seconds: for how long a webhook endpoint may do nothing but fail before it is disabled.
        asset_timeout_seconds: for one download of a finished video.
        asset_tries: how often that is tried.
        orphan_seconds: after which a file is deleted that was published and that no video has.
        sweep_seconds: between two looks for files to delete.
        breaker_failures: failures in a row that rest an account.
        breaker_reset_seconds: how long it rests.
        tend_seconds: between two looks after an account whose circuit is not closed, or whose credits are counted.
        retry_every_seconds: after which an account's retry budget (ten at once) has one more.
        quote_seconds: how long a quote is a promise.
        minute_seconds, day_seconds: what providers call a minute and a day, for their limits.
    """

    lease_seconds: Seconds = 30
    lease_beat_seconds: Seconds = 10
    poll_min_seconds: Seconds = 5
    poll_max_seconds: Seconds = 30
    submit_deadline_seconds: Seconds = 120
    video_deadline_seconds: Seconds = 7200
    incomplete_grace_seconds: Seconds = 600
    replay_schedule_seconds: Schedule = (5, 30, 120, 480)
    replay_window_seconds: Seconds = 900
    delivery_schedule_seconds: Schedule = (5, 300, 1800, 7200, 18000, 36000, 36000)
    delivery_timeout_seconds: Seconds = 15
    hook_grace_seconds: Seconds = 300
    delivery_give_up_seconds: Seconds = 432_000
    asset_timeout_seconds: Seconds = 600
    asset_tries: Count = 6
    orphan_seconds: Seconds = 86_400
    sweep_seconds: Seconds = 60
    breaker_failures: Count = 5
    breaker_reset_seconds: Seconds = 30
    tend_seconds: Seconds = 5
    retry_every_seconds: Seconds = 6
    quote_seconds: Seconds = 900
    minute_seconds: Seconds = 60
    day_seconds: Seconds = 86_400


class WorkerSettings(Section, frozen=True, kw_only=True):
    """The worker of one process.

    Attributes:
        concurrency: attempts it works on at once.
        poll_seconds: how often it looks for due work.
    """

    concurrency: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    poll_seconds: Seconds = 0.5


class QueueSettings(Section, frozen=True, kw_only=True):
    """The queue of all tenants.

    Attributes:
        most: videos of all tenants that may wait to start; beyond it creates are refused with 503.
    """

    most: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 100_000


class LimitsSettings(Section, frozen=True, kw_only=True):
    """What tenants may take that say nothing of their own; what is unset is no limit.

    Attributes:
        queued: videos accepted and not begun; more are refused with 429.
        concurrent: videos in the making at once; the others wait.
        per_minute: videos created in a minute, over all replicas; more are refused with 429.
        reads_per_minute: other requests in a minute, at each replica; more are refused with 429.
    """

    queued: Number = 1000
    concurrent: Number | None = None
    per_minute: Number | None = None
    reads_per_minute: Number | None = None


class RetentionSettings(Section, frozen=True, kw_only=True):
    """How long what was made is kept, where a tenant says nothing of its own.

    Attributes:
        videos_days: after which a finished video's file is deleted; unset: never.
    """

    videos_days: Days | None = None


class WebhookSettings(Section, frozen=True, kw_only=True):
    """What webhooks to tenants may call, and how long it is kept what they were told.

    Attributes:
        allow_http: plain ``http://`` addresses may be called.
        ports: those that may be called; an origin in ``egress.allow`` may have any.
        secret_overlap_seconds: for so long a rotated secret signs too, beside the new one.
        keep_days: how long the log of deliveries shows those that have ended.
    """

    allow_http: bool = False
    ports: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=64)] = (80, 443)
    secret_overlap_seconds: Annotated[float, msgspec.Meta(ge=0, le=30 * 86_400)] = 86_400
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30


class HookSettings(Section, frozen=True, kw_only=True):
    """Calls from providers, in a minute at each replica; more are refused with 429.

    Attributes:
        failures_per_minute: that nobody signed, from one address; from all together twenty times as many.
        per_minute: that one provider signed.
    """

    failures_per_minute: Number = 60
    per_minute: Number = 60_000


class EventsSettings(Section, frozen=True, kw_only=True):
    """The log of events, and who watches it.

    Attributes:
        keep_days: events older than this are removed, but for those of videos that have not ended.
        watchers: streams and subscriptions of one tenant at once, at each replica; more are refused with 429.
        heartbeat_seconds: a quiet stream says so often that it lives.
        progress_seconds, progress_percent: an event tells progress when so long has passed since the last one, or when
            so much was made since.
    """

    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3_660)] = 30
    watchers: Number = 1000
    heartbeat_seconds: Annotated[float, msgspec.Meta(gt=0, le=15)] = 15
    progress_seconds: Seconds = 1
    progress_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5


class GraphQLProfile(StrEnum):
    AUDIT = "audit"
    SEPTEMBER_2026 = "2026-09"


class OnlyDocuments(StrEnum):
    OFF = "off"
    CLIENT_TOKENS = "client_tokens"
    EVERYONE = "everyone"


class GraphQLSettings(Section, frozen=True, kw_only=True):
    """The GraphQL door.

    Attributes:
        profile: the statuses and media types of its answers: as graphql-http's audit suite wants them, or as the
            September 2026 edition of GraphQL over HTTP does.
        documents: a manifest of trusted documents, or a folder of them; empty: there are none.
        only_documents: who may ask for nothing else: nobody, whoever has a client token, or everyone.
        concurrent: queries and mutations of one tenant in execution at once, at each replica; more are refused with
            429.
    """

    profile: GraphQLProfile = GraphQLProfile.AUDIT
    documents: str = ""
    only_documents: OnlyDocuments = OnlyDocuments.OFF
    concurrent: Number = 128


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"  # console on a terminal, JSON elsewhere
    JSON = "json"
    CONSOLE = "console"


class ObservabilitySettings(Section, frozen=True, kw_only=True):
    """What a server and a worker tell of themselves.

    Attributes:
        log_level: events below it are not told; a line for every request is an ``info``.
        log_format: lines of JSON, or text for people; ``auto`` is text on a terminal and JSON elsewhere.
    """

    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.AUTO


class KeySetup(msgspec.Struct, frozen=True, kw_only=True):
    """One API key the file gives a tenant.

    Attributes:
        name: what it is for, in its owner's words.
        expires_at: when it ends, milliseconds since the epoch; None for never.
        origins: web origins it may be used from; empty for any caller.
        networks: where its callers must be, such as ``203.0.113.0/24``; empty for anywhere.
    """

    secret: Secret
    name: str = ""
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    expires_at: Millis | None = None
    origins: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class WebhookSetup(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook endpoint the file gives a tenant.

    Attributes:
        name: what it is for, in its owner's words.
        events: which it is told of; empty for all.
        secret: signs what it is told (``whsec_…``); without one the gateway makes one.
    """

    url: str
    name: str = ""
    events: tuple[EventType, ...] = ()
    secret: Secret | None = None


class TenantSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, and the keys and webhook endpoints the file gives it.

    Attributes:
        routed_by_file: the file says how it is routed, so nobody else may.
    """

    tenant: Tenant
    keys: tuple[KeySetup, ...] = ()
    webhooks: tuple[WebhookSetup, ...] = ()
    routed_by_file: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, checked.

    Attributes:
        trusted: what ``graphql.documents`` leads to.
        source: its name without its folder, for who is told that it manages something.
    """

    secrets: SecretsSettings
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    assets: AssetsSettings = AssetsSettings()
    images: ImagesSettings = ImagesSettings()
    egress: EgressSettings = EgressSettings()
    timing: Timing = Timing()
    worker: WorkerSettings = WorkerSettings()
    queue: QueueSettings = QueueSettings()
    limits: LimitsSettings = LimitsSettings()
    events: EventsSettings = EventsSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    retention: RetentionSettings = RetentionSettings()
    webhooks: WebhookSettings = WebhookSettings()
    hooks: HookSettings = HookSettings()
    observability: ObservabilitySettings = ObservabilitySettings()
    accounts: tuple[Account, ...] = ()
    tenants: tuple[TenantSetup, ...] = ()
    trusted: TrustedDocuments = TrustedDocuments()
    source: str = "filmgate.toml"


SECTIONS: dict[str, type[Section]] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "secrets": SecretsSettings,
    "assets": AssetsSettings,
    "images": ImagesSettings,
    "egress": EgressSettings,
    "timing": Timing,
    "worker": WorkerSettings,
    "queue": QueueSettings,
    "limits": LimitsSettings,
    "events": EventsSettings,
    "graphql": GraphQLSettings,
    "retention": RetentionSettings,
    "webhooks": WebhookSettings,
    "hooks": HookSettings,
    "observability": ObservabilitySettings,
}
"""Every section of the file that stands there once, in the order in which they are shown."""


_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.%]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})")
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]*(?=@)")


def parse_listen(text: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` as host and port. Raises ValueError. Port 0 lets the system choose."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        raise ValueError(f'{text!r} is not an address to listen on; write "host:port", such as "127.0.0.1:8080"')
    return match["six"] or match["host"], int(match["port"])


def without_password(url: str) -> str:
    """The address with ``…`` where its password stands."""
    return _PASSWORD.sub(r"\1:…", url)
