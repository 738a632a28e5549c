"""What a sandbox is told at its start: accounts, speed, and which of two readings it plays where documents disagree."""

from typing import Literal

from msgspec import Struct, field

Provider = Literal["veo3o1", "doitong"]
Plan = Literal["free", "starter", "pro", "enterprise"]


METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/"


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The points on which the upstreams' documents are silent or contradict themselves."""

    veo3o1_errors: Literal["body", "status"] = "body"
    """Errors as HTTP 200 with `code != 0`, or with the HTTP status that matches; the body is the same."""
    doitong_errors: Literal["status", "body"] = "status"
    """Errors as an HTTP status with `errors[]`, or as HTTP 200 with `errors[]`."""
    doitong_answer: Literal["generate", "generatevideo"] = "generate"
    """The key of the GraphQL answer; the mutation is `generate` in both."""
    doitong_rest: Literal["wrapped", "bare"] = "wrapped"
    """The REST answer: under `data.generatevideo`, or an object with `id` at the top."""
    doitong_reset: Literal["epoch_s", "epoch_ms", "delta_s", "iso"] = "epoch_s"
    """How `X-RateLimit-Reset` is written."""
    doitong_keys: bool = True
    """Whether `Idempotency-Key` is honoured."""
    doitong_signature: Literal["hex", "base64"] = "hex"
    doitong_polling: bool = True
    """Whether the query `generation(id)` and its REST twin exist."""
    doitong_webhook_in_input: bool = False
    """Whether `GenerateInput` has `webhookUrl` at its top, beside the one in `options`."""
    file_urls: tuple[str, ...] = ()
    """Told instead of where finished files lie, in turn; none: told truly."""
    redirect: str = METADATA_SERVICE
    """Where `[sim:redirect-file]` leads."""


class AccountSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer of one upstream. For a limit, None means as the plan says and 0 means none."""

    name: str
    provider: Provider
    key: str
    credits: int
    webhook_secret: str | None = None
    plan: Plan = "enterprise"
    per_minute: int | None = None
    concurrent: int | None = None
    per_day: int | None = None
    variant: Variant | None = None


DEFAULT_ACCOUNTS = (
    AccountSettings(name="veo3o1", provider="veo3o1", key="sandbox-veo3o1-key", credits=10_000),
    AccountSettings(
        name="doitong",
        provider="doitong",
        key="sandbox-doitong-key",
        credits=1_000_000,
        webhook_secret="sandbox-webhook-secret",  # noqa: S106 - it guards nothing
    ),
)


class SandboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    port: int = 0
    """0 takes any free port."""
    speed: float = 1.0
    """How much faster simulated time runs: jobs, webhook retries, the life of idempotency keys."""
    limit_speed: float = 1.0
    """How much faster the minute and the day of the limits run: not `speed`, as callers count by a real clock."""
    seed: int | None = None
    """Makes ids and job lengths reproducible; without it ids never repeat from one run to the next."""
    veo3o1_seconds: tuple[float, float] = (60.0, 120.0)
    doitong_seconds: tuple[float, float] = (60.0, 60.0)
    prompt_limit: int = 2000
    scripts: dict[str, str] = field(default_factory=lambda: {"fail:moderation": "fail"})
    """Prompts that have a marker's effect: whole prompt → the marker's name. Public test suites send such."""
    upload_limit_bytes: int = 10_000_000
    hang_seconds: float = 3600.0
    """Real seconds, whatever the speed: callers' deadlines are real."""
    hook_retry_seconds: tuple[float, ...] = (5.0, 30.0, 120.0)
    hook_timeout_seconds: float = 10.0
    """Real seconds."""
    idempotency_seconds: float = 86_400.0
    accounts: tuple[AccountSettings, ...] = DEFAULT_ACCOUNTS
    variant: Variant = Variant()

    def __post_init__(self) -> None:
        if self.speed <= 0 or self.limit_speed <= 0:
            raise ValueError("speed and limit_speed must be above zero")
        if len({account.name for account in self.accounts}) < len(self.accounts):
            raise ValueError("two accounts have the same name")
        if len({(account.provider, account.key) for account in self.accounts}) < len(self.accounts):
            raise ValueError("two accounts of one provider have the same key")
