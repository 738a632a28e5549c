"""veo3o1: plain REST in one envelope. No idempotency key, no webhooks, so we poll. Facts and rows: README.md here."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec

from providers.answers import failure, kind_of_status, link, parse, percent, prose, ref, shaped, whole, worth_telling
from providers.auth import bearer
from providers.base import (
    Accepted,
    Attachment,
    Capabilities,
    Flow,
    Host,
    Phase,
    Provider,
    Replay,
    Submission,
    Update,
    WireRequest,
    WireResponse,
)
from providers.veo3o1.wire import GenerateVideo, Reply, Shortage, Task, UploadedFile
from providers.wishes import refuse_inexpressible
from schema.account import Limits, Secret
from schema.errors import FailureKind, ProviderFailure
from schema.image import ENDINGS, MEGABYTE, Image, UploadedImage
from schema.money import CreditRange, Credits
from schema.video import MAX_PROMPT, AspectRatio, VideoSpec

OK: Final = 0

FAILURES: Final[dict[int, FailureKind]] = {
    1000: FailureKind.INVALID_REQUEST,
    1001: FailureKind.OUT_OF_CREDITS,
    1002: FailureKind.UNAUTHORIZED,
    1003: FailureKind.RATE_LIMITED,
    5000: FailureKind.UNAVAILABLE,  # with no key to deduplicate by, this may have been billed (V3)
}

REFUSED: Final = frozenset({1000, 1001, 1002, 1003})

RATIOS: Final[dict[AspectRatio, Literal["auto", "16:9", "9:16"]]] = {
    AspectRatio.AUTO: "auto",
    AspectRatio.WIDE: "16:9",
    AspectRatio.TALL: "9:16",
}

MISSING_REF: Final = {404: FailureKind.NOT_FOUND, 410: FailureKind.NOT_FOUND}
"""No code is documented for an unknown uuid: 404 or 1000, both are taken for it."""

PHASES: Final[dict[str, Phase]] = {
    "pending": Phase.QUEUED,
    "processing": Phase.RUNNING,
    "completed": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
}

PLANS: Final = {"default": Limits(per_minute=10, concurrent=1)}
"""One video at a time by its terms (V7); the rate is our own caution, no number is published (V8)."""

CREDITS_PER_VIDEO: Final = 2
VIDEO_HOSTS: Final = ("veo3o1.com", "*.veo3o1.com", "*.r2.dev", "*.r2.cloudflarestorage.com")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account at veo3o1 may set.

    Attributes:
        max_prompt: characters; it has a limit and does not say which (V5).
        max_image_bytes: its documents say 10 MB and 50 MB; the smaller one is safe (V6).
        image_seconds: how long a picture that it was given may be named again; no lifetime is documented (V14).
        video_hosts: hosts its finished videos may be fetched from; none is documented (V10).
    """

    max_prompt: Annotated[int, msgspec.Meta(ge=1, le=MAX_PROMPT)] = MAX_PROMPT
    max_image_bytes: Annotated[int, msgspec.Meta(ge=1, le=50 * MEGABYTE)] = 10 * MEGABYTE
    image_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 3600
    video_hosts: tuple[Host, ...] = VIDEO_HOSTS


class Rates:
    """Two credits a video, whatever it shows (its pricing guide; its example of code 1001 agrees).

    They come back when it fails: a promise of its terms that no answer shows (V16).
    """

    refunds_failures = True

    def quote(self, spec: VideoSpec) -> CreditRange:  # noqa: ARG002 (flat)
        return CreditRange(low=CREDITS_PER_VIDEO, high=CREDITS_PER_VIDEO)

    def estimate(self, spec: VideoSpec) -> Credits:  # noqa: ARG002 (flat)
        return CREDITS_PER_VIDEO


class Veo3o1:
    """Adapter, Polls and Uploads in one: they share an envelope and a credential."""

    def __init__(self, options: Options) -> None:
        self._can = capabilities(options)

    def submit(self, spec: VideoSpec, submission: Submission) -> Flow[Accepted]:
        refuse_inexpressible(spec, self._can)
        response = yield WireRequest(
            method="POST",
            path="/generate-video",
            headers={"content-type": "application/json", "accept": "application/json"},
            body=msgspec.json.encode(_order(spec, submission.image)),
            replay=Replay.NEVER,
        )
        return _accepted(response)

    def authorize(self, request: WireRequest, credential: Secret) -> WireRequest:
        return bearer(request, credential)

    def poll(self, ref: str) -> Flow[Update]:
        response = yield WireRequest(
            method="GET",
            path=f"/video-status/{quote(ref, safe='')}",
            headers={"accept": "application/json"},
            replay=Replay.SAFE,
        )
        return _news(response, ref)

    def upload(self, image: Image) -> Flow[UploadedImage]:
        most = self._can.max_image_bytes
        if most is not None and image.size > most:
            raise ProviderFailure(FailureKind.UNSUPPORTED, f"takes pictures of {most} bytes at most")
        boundary, form = _multipart(image)
        response = yield WireRequest(
            method="POST",
            path="/upload-video-image",
            headers={"content-type": f"multipart/form-data; boundary={boundary}", "accept": "application/json"},
            attachment=form,
            replay=Replay.SAFE,  # an upload is free: a second one leaves a file nobody uses
        )
        return _uploaded(response)


def build(options: Options | None) -> Provider:
    """veo3o1 as one account uses it; None is all defaults."""
    options = options or Options()
    adapter = Veo3o1(options)
    return Provider(
        name="veo3o1",
        capabilities=capabilities(options),
        rates=Rates(),
        adapter=adapter,
        polls=adapter,
        uploads=adapter,
    )


def capabilities(options: Options) -> Capabilities:
    """What veo3o1 can be told. Nothing about duration, resolution, quality, seed or sound (V12)."""
    return Capabilities(
        models=("veo-3", "veo-3.1", "veo3o1/veo-3.1"),
        aspect_ratios=tuple(RATIOS),
        default_aspect_ratio=AspectRatio.AUTO,
        seconds=None,
        image_input=True,
        max_image_bytes=options.max_image_bytes,
        image_seconds=options.image_seconds,
        max_prompt=options.max_prompt,
        typical_seconds=(60, 300),  # "1-2 minutes" in one document, "2-5" in another (V9)
        video_hosts=options.video_hosts,
    )


def _order(spec: VideoSpec, image: UploadedImage | None) -> GenerateVideo:
    """What it was given goes before a link of the wish's own: that could show another picture by now."""
    url = spec.image_url if image is None else image.url
    if url is None and spec.pictured:
        raise ProviderFailure(FailureKind.UNSUPPORTED, "was not given the picture")
    return GenerateVideo(
        generation_type="image_to_video" if url else "text_to_video",
        prompt=spec.prompt,
        aspect_ratio=RATIOS[spec.aspect_ratio] if spec.aspect_ratio else None,
        image_url=url,
        image_key=None if image is None else image.key,
    )


def _accepted(response: WireResponse) -> Accepted:
    """An id wins over everything but a named refusal: with it the video can be asked about."""
    reply = _reply(response)
    code = _code(reply)
    task = shaped(reply.data, Task) or Task()
    uuid = ref(task.uuid)
    if code in REFUSED or uuid is None:
        raise _refusal(response, reply, code)
    return Accepted(ref=uuid, news=worth_telling(_update(task, uuid, reply.msg)))


def _news(response: WireResponse, asked: str) -> Update:
    reply = _reply(response)
    code = _code(reply)
    task = shaped(reply.data, Task)
    if response.status // 100 != 2 or code != OK or task is None:
        raise _unanswered(response, reply, code)
    if task.uuid is not None and ref(task.uuid) != asked:
        raise failure(response, FailureKind.PROTOCOL, "asked about one video, told about another")
    if not isinstance(task.status, str):
        raise failure(response, FailureKind.PROTOCOL, "a status without a status")
    return _update(task, asked, reply.msg)


def _uploaded(response: WireResponse) -> UploadedImage:
    reply = _reply(response)
    code = _code(reply)
    file = shaped(reply.data, UploadedFile)
    url = link(file.image_url) if file else None
    if response.status // 100 != 2 or code != OK or file is None or url is None:
        raise _refusal(response, reply, code)
    return UploadedImage(url=url, key=file.image_key)


def _reply(response: WireResponse) -> Reply:
    return shaped(parse(response.body), Reply) or Reply()


def _code(reply: Reply) -> int | None:
    """The envelope's code, as a number or as digits (V2); None when there is none."""
    if isinstance(reply.code, bool) or not isinstance(reply.code, int | str):
        return None
    text = str(reply.code)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _refusal(response: WireResponse, reply: Reply, code: int | None) -> ProviderFailure:
    """Their code decides, then the status. "Success" without what it promised is neither yes nor no."""
    if code == OK:
        return failure(response, FailureKind.PROTOCOL, "said success, and what that promises is missing")
    kind = FAILURES.get(code) if code is not None else None
    short = shaped(reply.data, Shortage) or Shortage()
    return failure(
        response, kind or kind_of_status(response), reply.msg, required=short.required, available=short.current
    )


def _unanswered(response: WireResponse, reply: Reply, code: int | None) -> ProviderFailure:
    if code == 1000:
        return failure(response, FailureKind.NOT_FOUND, reply.msg)
    if code not in FAILURES and response.status in MISSING_REF:
        return failure(response, MISSING_REF[response.status], reply.msg)
    if code == OK and response.status // 100 != 2:
        return failure(response, kind_of_status(response), reply.msg)
    return _refusal(response, reply, code)


def _update(task: Task, uuid: str, msg: Any) -> Update:
    word = task.status.strip().casefold() if isinstance(task.status, str) else ""
    phase = PHASES.get(word, Phase.RUNNING)  # a word we do not know is a video still being made (V17)
    return Update(
        ref=uuid,
        phase=phase,
        progress=percent(task.progress),
        seconds_left=whole(task.estimated_time, most=86_400),
        video_url=link(task.video_url) if phase is Phase.SUCCEEDED else None,
        failure=_reason(task, msg) if phase is Phase.FAILED else None,
        drift=None if word in PHASES else f"status: {prose(task.status) or 'unreadable'}"[:100],
    )


def _reason(task: Task, msg: Any) -> str:
    """The first of the places where a reason might stand (V4); the envelope's own "Success" is none."""
    success = isinstance(msg, str) and msg.strip().casefold() == "success"
    words = (task.error, task.error_message, task.fail_reason, task.message, None if success else msg)
    return prose(*words) or "veo3o1 gave no reason"


def _multipart(image: Image) -> tuple[str, Attachment]:
    """One file as a form, the same bytes for the same picture. The file's own name is not theirs to know."""
    boundary = f"filmgate-{image.sha256[:32]}"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="image.{ENDINGS[image.media_type]}"\r\n'
        f"Content-Type: {image.media_type}\r\n\r\n"
    )
    return boundary, Attachment(head=head.encode(), image=image, tail=f"\r\n--{boundary}--\r\n".encode())
