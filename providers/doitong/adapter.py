"""Doitong: one GraphQL mutation or one REST call, with an idempotency key; it calls us back. Facts: README.md here.

How to ask about a video is documented nowhere, so polling is a setting (D4), and hooks are the way the end is learned.
What its answers mean is in reading.py, what its hooks prove in hooks.py.
"""

import re
from typing import Annotated, Final, Literal
from urllib.parse import quote

import msgspec

from providers.auth import bearer, header_key
from providers.base import (
    Accepted,
    Capabilities,
    Flow,
    Host,
    Polls,
    Provider,
    Replay,
    Submission,
    Update,
    WireRequest,
)
from providers.doitong.hooks import Hooks
from providers.doitong.reading import accepted, news
from providers.doitong.wire import (
    GENERATE,
    STATUS_QUERY,
    GenerateInput,
    GenerateOptions,
    GraphQLRequest,
    Ratio,
    Text,
    TextToVideo,
)
from providers.wishes import refuse_inexpressible
from schema.account import Limits, Secret
from schema.money import CreditRange, Credits
from schema.video import AspectRatio, Quality, VideoSpec

GRAPHQL: Final = "/graphql"
TEXT_TO_VIDEO: Final = "/v1/text_to_video"
SERVICE: Final = "veo3"

RATIOS: Final[dict[AspectRatio, Ratio]] = {
    AspectRatio.WIDE: "16:9",
    AspectRatio.TALL: "9:16",
    AspectRatio.SQUARE: "1:1",
}

PLANS: Final = {
    "free": Limits(per_minute=10, concurrent=1, per_day=100),
    "starter": Limits(per_minute=30, concurrent=3, per_day=1_000),
    "pro": Limits(per_minute=60, concurrent=10, per_day=10_000),
    "enterprise": Limits(),
}

PRICES: Final[dict[Quality, CreditRange]] = {
    Quality.STANDARD: CreditRange(low=100, high=200),
    Quality.HIGH: CreditRange(low=300, high=500),
}
SHORTEST, LONGEST, DEFAULT_SECONDS = 5, 10, 5

_VARIABLE = re.compile(r"query\b[^({]*\(\s*\$([A-Za-z_]\w*)\s*:", re.ASCII)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account at Doitong may set.

    Attributes:
        transport: which of its two doors submits go through (D17).
        webhook_in: where GraphQL carries our callback URL: beside the other options, at the top of the input, or not
            at all (D3). REST has one place for it; ``none`` holds there too.
        status_query: ``default`` (a guess), the text of a query with one variable, or empty for none (D4).
        status_path: a REST address to poll, such as ``/v1/videos/{ref}``; used when there is no query.
        version: sent when given (D15).
        high_quality: offer its Pro mode by ``quality: "high"`` (D13). Only GraphQL can say it.
        allow_unsigned: without a webhook secret, believe every hook (D5). Never in production.
        video_hosts: hosts its finished videos may be fetched from (D5c).
    """

    transport: Literal["graphql", "rest"] = "graphql"
    webhook_in: Literal["options", "input", "none"] = "options"
    status_query: Annotated[str, msgspec.Meta(max_length=4000)] = "default"
    status_path: Annotated[str, msgspec.Meta(max_length=500)] = ""
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    high_quality: bool = True
    allow_unsigned: bool = False
    video_hosts: tuple[Host, ...] = ("cdn.doitong.com",)


class Rates:
    """100 to 200 credits, in Pro mode 300 to 500, for 5 to 10 seconds; the straight line between is our guess (D12).

    Nobody says that a failure is given back, so it is not (D21).
    """

    refunds_failures = False

    def quote(self, spec: VideoSpec) -> CreditRange:
        return PRICES[spec.quality or Quality.STANDARD]

    def estimate(self, spec: VideoSpec) -> Credits:
        price = self.quote(spec)
        beyond = min(max(spec.seconds or DEFAULT_SECONDS, SHORTEST), LONGEST) - SHORTEST
        return price.low + (price.high - price.low) * beyond // (LONGEST - SHORTEST)


class Doitong:
    """The adapter: submits through the door its options name."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._can = capabilities(options)

    def submit(self, spec: VideoSpec, submission: Submission) -> Flow[Accepted]:
        refuse_inexpressible(spec, self._can)
        callback = None if self._options.webhook_in == "none" else submission.callback_url
        rest = self._options.transport == "rest"
        request = _rest_order(spec, self._options, callback) if rest else _graphql_order(spec, self._options, callback)
        response = yield request.with_headers(idempotency_key=submission.key)
        return accepted(response, bare=rest, callback_sent=callback is not None)

    def authorize(self, request: WireRequest, credential: Secret) -> WireRequest:
        return bearer(request, credential) if request.path == GRAPHQL else header_key(request, "x-api-key", credential)


class StatusQuery:
    """Polls by a GraphQL query; its first variable takes the ref, the answer is read as the mutation's is."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._variable = _variable(query)

    def poll(self, ref: str) -> Flow[Update]:
        body = GraphQLRequest(query=self._query, variables={self._variable: ref})
        response = yield _json("POST", GRAPHQL, msgspec.json.encode(body), Replay.SAFE)
        return news(response, ref, bare=False)


class StatusPath:
    """Polls by a REST address."""

    def __init__(self, path: str) -> None:
        self._path = path

    def poll(self, ref: str) -> Flow[Update]:
        path = self._path.replace("{ref}", quote(ref, safe=""))
        response = yield WireRequest(
            method="GET", path=path, headers={"accept": "application/json"}, replay=Replay.SAFE
        )
        return news(response, ref, bare=True)


def build(options: Options | None) -> Provider:
    """Doitong as one account uses it; None is all defaults.

    Raises:
        ValueError: an option makes no sense, or all of them together leave no way to learn the end.
    """
    options = options or Options()
    hooks = None if options.webhook_in == "none" else Hooks(allow_unsigned=options.allow_unsigned)
    polls = _polls(options)
    if hooks is None and polls is None:
        raise ValueError('webhook_in: "none" needs a status_query or a status_path, or the end is never learned')
    return Provider(
        name="doitong",
        capabilities=capabilities(options),
        rates=Rates(),
        adapter=Doitong(options),
        polls=polls,
        webhooks=hooks,
    )


def capabilities(options: Options) -> Capabilities:
    """What Doitong's veo3 can be told. A picture is for another of its models (D19)."""
    return Capabilities(
        models=("veo-3", "doitong/veo3"),
        aspect_ratios=tuple(RATIOS),
        default_aspect_ratio=AspectRatio.WIDE,
        seconds=(SHORTEST, LONGEST),
        default_seconds=DEFAULT_SECONDS,
        qualities=(Quality.HIGH,) if options.high_quality and options.transport == "graphql" else (),
        typical_seconds=(60, 300),  # its one example took 60
        video_hosts=options.video_hosts,
    )


def _graphql_order(spec: VideoSpec, options: Options, callback: str | None) -> WireRequest:
    wish = GenerateInput(
        type="VIDEO",
        provider=SERVICE,
        input=Text(spec.prompt),
        options=GenerateOptions(
            duration=spec.seconds or DEFAULT_SECONDS,
            aspect_ratio=_ratio(spec),
            version=options.version,
            quality="high" if spec.quality is Quality.HIGH else None,
            webhook_url=callback if options.webhook_in == "options" else None,
        ),
        webhook_url=callback if options.webhook_in == "input" else None,
    )
    body = msgspec.json.encode(GraphQLRequest(query=GENERATE, variables={"input": wish}))
    return _json("POST", GRAPHQL, body, Replay.KEYED)


def _rest_order(spec: VideoSpec, options: Options, callback: str | None) -> WireRequest:
    wish = TextToVideo(
        service=SERVICE,
        prompt=spec.prompt,
        duration=spec.seconds or DEFAULT_SECONDS,
        aspect_ratio=_ratio(spec),
        version=options.version,
        webhook_url=callback,
    )
    return _json("POST", TEXT_TO_VIDEO, msgspec.json.encode(wish), Replay.KEYED)


def _ratio(spec: VideoSpec) -> Ratio | None:
    """``auto`` has no word here: left out, Doitong makes 16:9 (V13)."""
    return RATIOS.get(spec.aspect_ratio) if spec.aspect_ratio else None


def _json(method: str, path: str, body: bytes, replay: Replay) -> WireRequest:
    headers = {"content-type": "application/json", "accept": "application/json"}
    return WireRequest(method=method, path=path, headers=headers, body=body, replay=replay)


def _polls(options: Options) -> Polls | None:
    if options.status_path and (not options.status_path.startswith("/") or options.status_path.count("{ref}") != 1):
        raise ValueError("status_path: must begin with / and hold {ref} once, such as /v1/videos/{ref}")
    query = STATUS_QUERY if options.status_query == "default" else options.status_query.strip()
    if query:
        return StatusQuery(query)
    return StatusPath(options.status_path) if options.status_path else None


def _variable(query: str) -> str:
    """The query's first variable. A mutation is refused: asking must never make a second video (D4)."""
    found = _VARIABLE.match(query)
    if found is None:
        raise ValueError("status_query: must be a GraphQL query with one variable, such as query($id: ID!) { … }")
    return found[1]
