"""What a provider is: wire requests, wire responses, flows between them, and the protocols an adapter answers.

An adapter is pure. It yields the request it wants sent and returns what the answer means; it never opens a socket,
reads a clock, an environment variable or a secret store. Requests are built without host and without secret, so they
may be logged; ``authorize`` adds the secret last.
"""

from collections.abc import Callable, Generator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Protocol, TypeVar

import msgspec

from schema.account import Account, Limits, Secret
from schema.image import Image, UploadedImage
from schema.money import CreditRange, Credits
from schema.video import AspectRatio, Quality, VideoSpec

T = TypeVar("T")


class Replay(StrEnum):
    """May a request be sent again when nobody can tell whether it arrived?"""

    SAFE = "safe"  # it only reads; always
    KEYED = "keyed"  # the upstream knows our key; the same bytes, under the same key, to the same account
    NEVER = "never"  # it would make a second video


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A picture in a body, too long to be held: what stands before it, the picture, what stands behind it."""

    head: bytes
    image: Image
    tail: bytes

    @property
    def size(self) -> int:
        return len(self.head) + self.image.size + len(self.tail)


class WireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request, free of host and secret.

    Attributes:
        path: begins with a slash; joined to the account's base URL.
        headers: lower-case names.
        attachment: what the body is instead; whoever sends it reads the picture as it goes.
    """

    method: str
    path: str
    headers: dict[str, str] = {}
    body: bytes = b""
    attachment: Attachment | None = None
    replay: Replay = Replay.NEVER

    def with_headers(self, **headers: str) -> "WireRequest":
        """The same request with more headers; underscores in names stand for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return msgspec.structs.replace(self, headers={**self.headers, **more})


class WireResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One whole HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""


Flow = Generator[WireRequest, WireResponse, T]
"""Yield what to send, get what came back, return what it meant; raise ProviderFailure otherwise."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """The act of handing an attempt upstream.

    Attributes:
        key: our idempotency key for it.
        callback_url: where the upstream may tell us the end; None when it must not be sent.
        image: where it keeps the picture to start from; None when it was given none, and is told the wish's own link.
    """

    key: str
    callback_url: str | None = None
    image: UploadedImage | None = None


class Phase(StrEnum):
    """How far an upstream is with a video."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One normalised piece of news about an attempt, polled or called back.

    Attributes:
        ref: whose news it is.
        progress: 0 to 100, None when the upstream said nothing readable.
        seconds_left: its own estimate.
        video_url: set only with SUCCEEDED, and not always then.
        failure: why, in words for people; only with FAILED.
        rejected: FAILED because of the content, so nobody else should be asked.
        drift: a word or shape its documents do not have; kept for operators, decides nothing.
    """

    ref: str
    phase: Phase
    progress: int | None = None
    seconds_left: int | None = None
    video_url: str | None = None
    credits: Credits | None = None
    failure: str | None = None
    rejected: bool = False
    drift: str | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream took it.

    Attributes:
        credits: what it says it charged, if it says so.
        news: what the same answer already tells beyond "begun": an end (a replay may get the finished video), or drift.
    """

    ref: str
    credits: Credits | None = None
    news: Update | None = None


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A call from an upstream to us, exactly as it came: raw body, header names in lower case, duplicates kept."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key == name]


Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^(\*\.)?[A-Za-z0-9.-]+$")]
"""A host that options may name; ``*.example.com`` covers subdomains."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can be *told*. What it can not be told excludes it; nothing is dropped in silence.

    Attributes:
        models: the model names it answers to.
        aspect_ratios: those its wire can say.
        seconds: shortest and longest duration it can be told; None when it can not be told one.
        default_aspect_ratio, default_seconds: what it makes when told nothing; None when it decides itself.
        qualities: those its wire can say beside the plain one.
        image_input: it can start from a picture.
        max_image_bytes: of a picture it is given; None when it can not be given any, only told a link.
        image_seconds: how long it is sure to keep one.
        max_prompt: characters.
        typical_seconds: how long a video usually takes to make, (best, worst), for the first guesses.
        video_hosts: hosts its links may point to; ``*.example.com`` covers subdomains.
        video_types: what its files may be: ``video/mp4``, ``video/webm``, ``video/quicktime``.
    """

    models: tuple[str, ...]
    aspect_ratios: tuple[AspectRatio, ...]
    seconds: tuple[int, int] | None
    default_aspect_ratio: AspectRatio | None = None
    default_seconds: int | None = None
    qualities: tuple[Quality, ...] = ()
    image_input: bool = False
    max_image_bytes: int | None = None
    image_seconds: int = 3600
    max_prompt: int = 2000
    typical_seconds: tuple[int, int] = (60, 300)
    video_hosts: tuple[str, ...] = ()
    video_types: tuple[str, ...] = ("video/mp4",)


class RateCard(Protocol):
    """What videos cost at a provider, in its credits.

    Attributes:
        refunds_failures: it gives back what a video that failed has cost.
    """

    refunds_failures: bool

    def quote(self, spec: VideoSpec) -> CreditRange:
        """The bounds: what is held is the top."""
        ...

    def estimate(self, spec: VideoSpec) -> Credits:
        """What is booked when the upstream never says what it charged."""
        ...


class Adapter(Protocol):
    """What every provider answers. No method does I/O, reads a clock, or knows where secrets are kept."""

    def submit(self, spec: VideoSpec, submission: Submission) -> Flow[Accepted]:
        """Ask for one video. Yields exactly one request, the paid one.

        Raises:
            ProviderFailure: refused, or an answer that can not be read.
        """
        ...

    def authorize(self, request: WireRequest, credential: Secret) -> WireRequest:
        """The request with the account's secret added."""
        ...


class Polls(Protocol):
    """The extra a provider answers when it can be asked how a video is doing."""

    def poll(self, ref: str) -> Flow[Update]: ...


class Webhooks(Protocol):
    """The extra a provider answers when it calls us back. ``verify`` raises; ``updates`` trusts."""

    def verify(self, hook: Hook, secrets: tuple[Secret, ...]) -> int | None:
        """The place of the secret that signed the raw body; None when its provider signs otherwise, or nothing.

        Raises:
            ProviderFailure: UNAUTHORIZED, none of them did; one answer for every cause, in the time of every other.
        """
        ...

    def updates(self, hook: Hook) -> tuple[Update, ...]:
        """The news in a verified hook. Raises ProviderFailure(PROTOCOL) when it can not be read."""
        ...


class Uploads(Protocol):
    """The extra a provider answers when it must be given pictures before it can use them."""

    def upload(self, image: Image) -> Flow[UploadedImage]: ...


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider set up with one account's options: its adapter and the extras it has."""

    name: str
    capabilities: Capabilities
    rates: RateCard
    adapter: Adapter
    polls: Polls | None = None
    webhooks: Webhooks | None = None
    uploads: Uploads | None = None

    def __post_init__(self) -> None:
        if self.polls is None and self.webhooks is None:
            raise ValueError(f"{self.name} could never tell us that a video is done: give it polls or webhooks")


class ProviderKind(msgspec.Struct, frozen=True, kw_only=True):
    """A provider we know, before an account is set up with it.

    Attributes:
        name: the word configuration and model names use.
        base_url: where it lives unless an account says otherwise.
        options: the type of its own settings; every field has a default.
        limits: what its documents allow an account, by plan.
        build: options to provider. Raises ValueError naming the option that is wrong.
    """

    name: str
    title: str
    base_url: str
    options: type[Any]
    plans: Mapping[str, Limits]
    default_plan: str
    build: Callable[[Any], Provider]

    def of(self, account: Account) -> Provider:
        """The provider as this account uses it."""
        return self.build(account.options)
