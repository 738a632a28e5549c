"""A third provider, as somebody would add one: an adapter and its kind. Its upstream is simulated beside it.

It has no idempotency keys, can be polled, and calls back with a shared word instead of a signature.
"""

import hmac
import json
from collections.abc import Callable
from typing import Any

import msgspec

from providers.answers import failure, kind_of_status, parse, percent, ref
from providers.base import (
    Accepted,
    Capabilities,
    Flow,
    Hook,
    Phase,
    Provider,
    ProviderKind,
    Replay,
    Submission,
    Update,
    WireRequest,
    WireResponse,
)
from schema.account import Limits, Secret
from schema.errors import FailureKind, ProviderFailure
from schema.money import CreditRange, Credits
from schema.video import AspectRatio, VideoSpec
from tests.flows.hostile import Dialect

PHASES = {"folding": Phase.RUNNING, "folded": Phase.SUCCEEDED, "torn": Phase.FAILED}
SHAPES = {AspectRatio.WIDE: "landscape", AspectRatio.TALL: "portrait"}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``paper``: what it folds; ``careless``: the adapter has a bug, and trips over the answer to a submit."""

    paper: str = "white"
    careless: bool = False


class Rates:
    """Three sheets a video."""

    refunds_failures = False

    def quote(self, spec: VideoSpec) -> CreditRange:
        return CreditRange(low=3, high=3)

    def estimate(self, spec: VideoSpec) -> Credits:
        return 3


class Papercut:
    """Adapter, Polls and Webhooks in one."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def submit(self, spec: VideoSpec, submission: Submission) -> Flow[Accepted]:
        wish = {
            "text": spec.prompt,
            "paper": self._options.paper,
            "shape": SHAPES[spec.aspect_ratio or AspectRatio.WIDE],
            "tell": submission.callback_url,
        }
        response = yield WireRequest(method="POST", path="/clips", body=json.dumps(wish).encode(), replay=Replay.NEVER)
        if self._options.careless:
            raise KeyError("clip")
        answer = parse(response.body)
        clip = ref(answer.get("clip")) if isinstance(answer, dict) else None
        if clip is None:
            raise failure(response, kind_of_status(response))
        return Accepted(ref=clip)

    def authorize(self, request: WireRequest, credential: Secret) -> WireRequest:
        return request.with_headers(x_paper_key=credential.reveal())

    def poll(self, ref: str) -> Flow[Update]:
        response = yield WireRequest(method="GET", path=f"/clips/{ref}", replay=Replay.SAFE)
        return self._update(response)

    def verify(self, hook: Hook, secrets: tuple[Secret, ...]) -> None:
        words = hook.header("x-paper-word")
        if not any(hmac.compare_digest(word, secret.reveal()) for word in words for secret in secrets):
            raise ProviderFailure(FailureKind.UNAUTHORIZED, "not our word")

    def updates(self, hook: Hook) -> tuple[Update, ...]:
        return (self._update(WireResponse(status=200, body=hook.body)),)

    def _update(self, response: WireResponse) -> Update:
        news: Any = parse(response.body)
        if response.status != 200 or not isinstance(news, dict) or news.get("state") not in PHASES:
            raise failure(response, kind_of_status(response))
        phase = PHASES[news["state"]]
        return Update(
            ref=news["clip"],
            phase=phase,
            progress=percent(news.get("percent")),
            video_url=news.get("file") if phase is Phase.SUCCEEDED else None,
            failure="the paper tore" if phase is Phase.FAILED else None,
        )


def build(options: Options) -> Provider:
    adapter = Papercut(options)
    return Provider(
        name="papercut",
        capabilities=Capabilities(models=("paper-1",), aspect_ratios=tuple(SHAPES), seconds=None),
        rates=Rates(),
        adapter=adapter,
        polls=adapter,
        webhooks=adapter,
    )


PAPERCUT = ProviderKind(
    name="papercut",
    title="Papercut",
    base_url="https://papercut.test",
    options=Options,
    plans={"desk": Limits(concurrent=2)},
    default_plan="desk",
    build=build,
)


def telling(state: Callable[[], dict[str, Any]]) -> Dialect:
    """The simulated upstream's wire: each poll is told the present state."""

    def told(clip: str, url: str) -> bytes:
        now = state()
        return json.dumps({"clip": clip, **now, **({"file": url} if now["state"] == "folded" else {})}).encode()

    return Dialect(
        provider="papercut",
        is_paid=lambda request: request.method == "POST" and request.path == "/clips",
        ref_of=lambda request: request.path.rpartition("/")[2],
        accepted=lambda clip: json.dumps({"clip": clip}).encode(),
        done=told,
    )
