"""A video: what is wanted (spec), by whom and how (order), and what it has become (video)."""

import re
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec

from schema.clock import Millis
from schema.errors import FieldError, InvalidRequest
from schema.frame import VideoFrame
from schema.image import ImageRef
from schema.lifecycle import ENDED, Substate, VideoStatus
from schema.money import MAX_MICROS, Micros

MAX_PROMPT = 2000
"""Neither upstream publishes a number; upstreams V5 gives this one and why."""

MAX_SECONDS = 60
"""The longest a video may be wished to last."""


class AspectRatio(StrEnum):
    """The union of what the upstreams can be told; ``auto`` leaves it to the provider."""

    AUTO = "auto"
    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"


class Quality(StrEnum):
    STANDARD = "standard"
    HIGH = "high"


class Strategy(StrEnum):
    """How candidates are ranked."""

    CHEAPEST = "cheapest"  # by what it will probably cost
    FASTEST = "fastest"  # by when it will probably be there
    RELIABLE = "reliable"  # by how seldom it fails
    BALANCED = "balanced"  # by all three, weighted
    ORDERED = "ordered"  # by the tenant's own list


class OnUnsupported(StrEnum):
    """What to do with a wish a provider can not express."""

    ERROR = "error"
    ADJUST = "adjust"


class OnUnknown(StrEnum):
    """What to do when nobody knows whether a paid submit arrived (DESIGN, section 2)."""

    FAIL = "fail"
    WAIT = "wait"
    RETRY = "retry"
    FAILOVER = "failover"


class OnMaxWait(StrEnum):
    """What to do when a better account had no room for as long as a video may wait for it."""

    SPILL = "spill"  # take the next one that has
    FAIL = "fail"


class Priority(StrEnum):
    """Which of a tenant's own videos goes first; it means nothing to other tenants."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


ANY_MODEL = "auto"
# Python's $ also stands before a last line end, hence what follows it
Url = Annotated[str, msgspec.Meta(min_length=8, max_length=2048, pattern=r"^https?://[^\s]+$(?!\n)")]
QuoteId = Annotated[str, msgspec.Meta(max_length=512, pattern=r"^quote_[A-Za-z0-9_-]+$(?!\n)")]
AccountName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class VideoSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What kind of video is wanted, free of who wants it and where it is made.

    Attributes:
        prompt: what to show, 1 to 2,000 characters.
        model: ``auto``, a model any provider may serve (``veo-3``), or one provider's (``doitong/veo3``).
        seconds: wished duration, whole seconds; None leaves it to the provider.
        image_url: the picture to start from, where it lies.
        image: the same, as one of the tenant's own.
        video: the same, as a frame of one of its videos, which becomes ``image`` too once the wish is looked at; at
            most one of the three is given.
    """

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PROMPT)]
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = ANY_MODEL
    aspect_ratio: AspectRatio | None = None
    seconds: Annotated[int, msgspec.Meta(ge=1, le=MAX_SECONDS)] | None = None
    quality: Quality | None = None
    image_url: Url | None = None
    image: ImageRef | None = None
    video: VideoFrame | None = None

    @property
    def pictured(self) -> bool:
        """It starts from a picture."""
        return self.image_url is not None or self.image is not None or self.video is not None


LONGEST_REUSE = 31_536_000
"""A year: the oldest a file may be told to be used again."""

LONGEST_SECONDS = 86_400
"""A day: the longest a video may be told to take."""


class Reuse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of an equal wish of one's own will do.

    Attributes:
        within_seconds: if it was completed no longer ago than that.
    """

    within_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_REUSE)]


class RoutingWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one video should be routed; what is None is the tenant's policy.

    Attributes:
        only, exclude: account ids or provider names.
        max_cost_micros: the most this video may cost.
        deadline_seconds: accept to terminal; the default is ``timing.video_deadline_seconds``.
        cancel_after_seconds: cancel it by itself when it has not ended by then.
        max_wait_seconds: how long it may wait for a better account that has no room; None goes to the best that has.
        on_max_wait: what to do after that.
        priority: its place among its tenant's own videos.
        quote_id: a quote whose top is the most that is charged.
        reuse: have the file of an equal wish instead, if there is one, for nothing.
        webhook_url: it is told what happens to this video, beside the tenant's endpoints.
    """

    only: Annotated[tuple[AccountName, ...], msgspec.Meta(max_length=32)] = ()
    exclude: Annotated[tuple[AccountName, ...], msgspec.Meta(max_length=32)] = ()
    strategy: Strategy | None = None
    max_cost_micros: Annotated[int, msgspec.Meta(ge=0, le=MAX_MICROS)] | None = None
    deadline_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] | None = None
    cancel_after_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] | None = None
    on_unsupported: OnUnsupported | None = None
    on_unknown: OnUnknown | None = None
    quote_id: QuoteId | None = None
    max_wait_seconds: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_SECONDS)] | None = None
    on_max_wait: OnMaxWait | None = None
    priority: Priority | None = None
    reuse: Reuse | None = None
    webhook_url: Url | None = None


Metadata = dict[str, str]
MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One wish: a spec, a tenant, and how to treat it.

    Attributes:
        key: the caller's idempotency key, unique per tenant; None when the caller gave none.
        fingerprint: SHA-256 (hex) over the parsed, defaulted wish: equal wishes have equal fingerprints.
        resent: the caller's SDK says that it sends this again and knows of no answer.
        end_user, client_token: whom it is for, and the client token that asks; None when a key does.
    """

    tenant: str
    spec: VideoSpec
    routing: RoutingWish
    metadata: Metadata
    key: str | None
    fingerprint: str
    resent: bool = False
    end_user: str | None = None
    client_token: str | None = None


class VideoErrorCode(StrEnum):
    """Why a video can fail; stable words, the same at both doors."""

    INVALID_REQUEST = "invalid_request"
    CONTENT_REJECTED = "content_rejected"
    NO_ROUTE = "no_route"
    GENERATION_FAILED = "generation_failed"
    PROVIDER_INCOMPLETE = "provider_incomplete"
    SUBMISSION_OUTCOME_UNKNOWN = "submission_outcome_unknown"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    WAIT_EXCEEDED = "wait_exceeded"
    ASSET_LOST = "asset_lost"


class VideoError(msgspec.Struct, frozen=True):
    """Why a video failed.

    Attributes:
        code: a stable word: `invalid_request`, `content_rejected`, `no_route`, `generation_failed`,
            `provider_incomplete`, `submission_outcome_unknown`, `deadline_exceeded`, `wait_exceeded` or `asset_lost`.
        message: a sentence for people.
    """

    code: Annotated[str, msgspec.Meta(max_length=64)]
    message: Annotated[str, msgspec.Meta(max_length=4096)]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """The finished file, as we keep it.

    Attributes:
        key: where it lies in the asset store.
        size: bytes.
        sha256: hex digest of the bytes; also its ETag.
    """

    key: str
    size: int
    sha256: str
    media_type: str


class Adjustment(msgspec.Struct, frozen=True):
    """A wish that was bent to what the chosen provider can do."""

    field: Annotated[str, msgspec.Meta(max_length=64)]
    asked: Annotated[str, msgspec.Meta(max_length=64)]
    given: Annotated[str, msgspec.Meta(max_length=64)]


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """The public resource: one order and what became of it.

    Attributes:
        version: grows by one with every change.
        progress: 0 to 100, never falls; 100 only when completed.
        account, provider: who makes it now, or made it.
        policy_version, decision: the routing decision as stored, JSON.
        quoted_low, quoted_high: the chosen candidate's range at acceptance, micros; None without a price.
        charged: micros, once settled.
        credits: what the winning attempt cost, in its account's credits, once known.
        held: micros set aside for it now, 0 once that is resolved; None when its price was not known.
        held_from: the tenant's account of the ledger that was drawn on.
        end_user: whose eyes it is for beside its tenant's; None when a client token said nobody.
        client_token: the client token that made it; None when a key did.
        image: the tenant's picture it starts from; of one that was given by URL, once that was fetched.
        wish: SHA-256 (hex) over its spec: equal ones may have the same file.
        reused_from: the video whose file it shares.
        gone_at: when its file was let go of, because it expired or the video was deleted.
        deleted_at: when its tenant deleted it: nobody sees it any more, the books still know it.
    """

    id: str
    tenant: str
    spec: VideoSpec
    routing: RoutingWish
    metadata: Metadata
    key: str | None
    fingerprint: str
    status: VideoStatus
    substate: Substate | None
    progress: int
    version: int
    created_at: Millis
    deadline_at: Millis
    started_at: Millis | None = None
    completed_at: Millis | None = None
    expires_at: Millis | None = None
    account: str | None = None
    provider: str | None = None
    adjustments: tuple[Adjustment, ...] = ()
    quoted_low: Micros | None = None
    quoted_high: Micros | None = None
    charged: Micros | None = None
    credits: int | None = None
    held: Micros | None = None
    held_from: str | None = None
    end_user: str | None = None
    client_token: str | None = None
    image: str | None = None
    error: VideoError | None = None
    asset: Asset | None = None
    wish: str | None = None
    reused_from: str | None = None
    gone_at: Millis | None = None
    deleted_at: Millis | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def remixed_from(self) -> str | None:
        """The video of whose frames it starts from one, deleted or not."""
        return None if self.spec.video is None else self.spec.video.video_id

    @property
    def given_up(self) -> bool:
        """Its tenant did not wait for its end: it canceled it, or set a deadline that has passed.

        What the provider does then is what it costs: a deadline of one's own is a cancel by the clock.
        """
        expired = self.error is not None and self.error.code == VideoErrorCode.DEADLINE_EXCEEDED
        return self.status is VideoStatus.CANCELED or (expired and self.routing.deadline_seconds is not None)

    def has_file(self, now: Millis) -> bool:
        """Whether it has a file of its own that is still to be had."""
        kept = self.asset is not None and self.gone_at is None
        return kept and (self.expires_at is None or now < self.expires_at)

    @property
    def may_still_cost(self) -> bool:
        """It was given up, and what its provider does is not known yet: what is held for it stays until then."""
        return self.given_up and bool(self.held)


_Checked = TypeVar("_Checked")


def checked_spec(fields: dict[str, Any]) -> VideoSpec:
    """Untrusted fields as a spec: the one door both edges use.

    Raises:
        InvalidRequest: a field is missing, unknown, of a wrong type or out of range; it names the field.
    """
    return _checked(fields, VideoSpec, "")


def checked_routing(fields: dict[str, Any]) -> RoutingWish:
    """Untrusted routing wishes as values. Raises InvalidRequest as ``checked_spec`` does."""
    return _checked(fields, RoutingWish, "gateway.")


def checked_metadata(fields: Any) -> Metadata:
    """Up to 16 short text pairs. Raises InvalidRequest."""
    if not isinstance(fields, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in fields.items()):
        raise InvalidRequest.field("metadata", "invalid_type", "must be an object whose values are text")
    if len(fields) > MAX_METADATA:
        raise InvalidRequest.field("metadata", "too_many", f"holds at most {MAX_METADATA} pairs")
    for key, value in fields.items():
        if not 1 <= len(key) <= MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE:
            raise InvalidRequest.field(
                "metadata", "too_long", f"keys take 1 to {MAX_METADATA_KEY} characters, values {MAX_METADATA_VALUE}"
            )
    return fields


def _checked(fields: dict[str, Any], into: type[_Checked], prefix: str) -> _Checked:
    try:
        return msgspec.convert(fields, into, strict=True)
    except msgspec.ValidationError as error:
        raise invalid(error, prefix) from error


_PATH = re.compile(r" - at (?:`key` in )?`\$")
_MAX_NAME = 64
"""Characters of an unknown field's name that are said back."""


def _one_of(words: type[StrEnum]) -> str:
    return f"must be one of {', '.join(words)}"


_HINTS = {
    "aspect_ratio": _one_of(AspectRatio),
    "quality": _one_of(Quality),
    "strategy": _one_of(Strategy),
    "on_unsupported": _one_of(OnUnsupported),
    "on_unknown": _one_of(OnUnknown),
    "on_max_wait": _one_of(OnMaxWait),
    "priority": _one_of(Priority),
    "max_cost": 'must be an amount as text, such as "0.50"',
    "amount": 'must be an amount as text, such as "20.00"',
}
"""What to say instead of msgspec's words, by the field's own name; the same at every door."""


def invalid(error: msgspec.ValidationError, prefix: str = "") -> InvalidRequest:
    """msgspec's complaint as ours: ``Expected `int` <= 60 - at `$.seconds``` names field ``seconds``.

    The path of an unknown or a missing field stops at the object it lies in: its name is added.
    """
    problem, *paths = _PATH.split(str(error), maxsplit=1)
    field = prefix + "".join(paths).rstrip("`").lstrip(".")
    inside = field if field in ("", prefix) else f"{field}."
    if problem.startswith("Object missing required field"):
        field, problem = inside + problem.split("`")[1], "is required"
        code = "required"
    elif problem.startswith("Object contains unknown field"):
        name = problem.split("`")[1][:_MAX_NAME]
        field, problem = inside + name, "is not a known field; remove it or mend its name"
        code = "unknown_field"
    else:
        problem = _HINTS.get(field.rpartition(".")[2]) or _plainly(problem)
        code = "invalid_value"
    field = field.rstrip(".") or "body"
    return InvalidRequest(f"{field}: {problem}", errors=(FieldError(field, code, problem),))


def _plainly(problem: str) -> str:
    """msgspec's words without its marks, or better ones."""
    if problem.endswith("of length >= 1"):
        return "must not be empty"
    return problem[:1].lower() + problem[1:].replace("`", "")
