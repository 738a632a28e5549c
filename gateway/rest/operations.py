"""What each route promises, for the OpenAPI document: words, parameters, bodies, answers, refusals. Data alone."""

from typing import Any, Literal

import msgspec

from gateway.policy.receipts import WELL_KNOWN, KeySet
from gateway.rest import admin, admin_attempts, admin_tenants, health, hooks, ledger, models, quotes, videos
from gateway.rest.admin import IncidentPageView, QuarantineView, ReleasedView, ReleaseQuarantine
from gateway.rest.admin_attempts import (
    BindAttempt,
    ResolutionPageView,
    ResolutionView,
    SuspenseListView,
    UnknownAttemptPageView,
    VoidAttempt,
)
from gateway.rest.admin_tenants import Correction, OperatorEntryView, TopUp
from gateway.rest.headers import MAX_WAIT
from gateway.rest.ledger import BalanceView, LedgerPageView
from gateway.rest.models import ModelListView, ModelView
from gateway.rest.quotes import QuoteView
from gateway.rest.receipts import KEYS_TYPE
from gateway.rest.reconciliation import PATH as RECONCILIATION
from gateway.rest.reconciliation import ReconciliationView
from gateway.rest.views import VideoPageView, VideoView
from gateway.rest.wishes import BODY_TYPES, CreateVideo
from gateway.services.hooks import MAX_HOOK
from gateway.services.videos import MAX_PAGE
from schema.ids import ATTEMPT, ENTRY, INCIDENT, RESOLUTION, VIDEO, pattern
from schema.incident import IncidentKind
from schema.lifecycle import AttemptState, VideoStatus
from schema.quote import Decision
from schema.receipt import SignedReceipt
from schema.tenant import Scope

JSON_SCHEMA = dict[str, Any]
Key = tuple[Literal["get", "post"], str]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a request. ``where`` is OpenAPI's ``in``."""

    name: str
    where: Literal["path", "query", "header"]
    says: str
    schema: JSON_SCHEMA


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A request's body: a Struct in several spellings, or bytes."""

    types: tuple[str, ...]
    shape: type | None
    max_bytes: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer. ``shape`` is None for bytes of ``media``, and both are None where there is no body.

    ``also`` is another media type it can have, as bytes.
    """

    says: str
    shape: type | None = None
    media: str | None = "application/json"
    also: str | None = None
    headers: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Attributes:
        scope: what the caller's key must have; None needs no key.
        refusals: the statuses it may refuse with, beside those every route has.
    """

    id: str
    tag: str
    summary: str
    says: str = ""
    scope: Scope | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    replies: dict[int, Reply]
    refusals: tuple[int, ...] = ()


def _text(length: int, **more: Any) -> JSON_SCHEMA:
    return {"type": "string", "maxLength": length, **more}


_LENIENT: JSON_SCHEMA = {"type": "string"}
"""A header whose nonsense is ignored, however long."""


_ID = _text(32, pattern=pattern(VIDEO))
_ENTRY = _text(30, pattern=pattern(ENTRY))
_VIDEO = Parameter(name="video_id", where="path", says="The video.", schema=_ID)
_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    says="Makes it safe to send the wish again: the same key and the same wish give the same video. Quotes around it "
    "do not matter. One tenant's keys mean nothing to another.",
    schema=_text(257, minLength=1, pattern='^("[\\x21-\\x7e]{1,255}"|[\\x21-\\x7e]{1,255})$'),
)
_PREFER = Parameter(
    name="Prefer",
    where="header",
    says=f"`wait=N` holds the request until the video has ended, N seconds at most ({MAX_WAIT:.0f} without N, and at "
    "most).",
    schema=_LENIENT,
)
_IF_NONE_MATCH = Parameter(
    name="If-None-Match", where="header", says="ETags you have; a match is answered with 304.", schema=_LENIENT
)
_CANCEL_AFTER = Parameter(
    name="Cancel-After",
    where="header",
    says="Cancel the video by itself when it has not ended by then: seconds, or `30s`, `5m`, `1h30m45s`. The same as "
    "`gateway.cancel_after_seconds`; a part of the wish.",
    schema=_text(24, pattern="^([0-9]+|([0-9]+h)?([0-9]+m)?([0-9]+s)?)$"),
)
_LIMIT = Parameter(
    name="limit",
    where="query",
    says="How many.",
    schema={"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE, "default": 20},
)
_ORDER = Parameter(
    name="order",
    where="query",
    says="By age; the newest first unless said.",
    schema={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
)
_POLL = ("openai-poll-after-ms", "Retry-After")
_CACHE = ("ETag", "Cache-Control", "Vary")
_FILE = ("ETag", "Cache-Control", "Vary", "Accept-Ranges", "Content-Disposition")

_ATTEMPT = Parameter(name="attempt_id", where="path", says="The attempt.", schema=_text(30, pattern=pattern(ATTEMPT)))
_TENANT = Parameter(name="tenant_id", where="path", says="The tenant.", schema=_text(64))
_JSON = ("application/json",)


def _after(prefix: str, what: str) -> Parameter:
    schema = _text(30, pattern=pattern(prefix))
    return Parameter(name="after", where="query", says=f"Those behind {what}.", schema=schema)


_ATTEMPTS = admin_attempts.PATH
_OF_TENANT = admin_tenants.PATH.replace(":str", "")
_DAY: JSON_SCHEMA = _text(10, pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_VIDEOS = videos.PATH
_ONE = videos.PATH + "/{video_id}"

OPERATIONS: dict[Key, Operation] = {
    ("post", _VIDEOS): Operation(
        id="createVideo",
        tag="videos",
        summary="Ask for a video",
        says="Accepted means durable, not finished: the video will end, whatever happens to this process. Look at "
        "`Location` until its `status` is `completed`, `failed` or `canceled`. Forms write nested fields with "
        "brackets, as OpenAI's SDKs do: `gateway[only][]=main`. The most it may cost is set aside; with too little "
        "money nothing is accepted (402), and the same `Idempotency-Key` can be used once there is more.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(_KEY, _CANCEL_AFTER, _PREFER),
        body=Body(types=BODY_TYPES, shape=CreateVideo),
        replies={
            202: Reply(
                says="Accepted; or, with `Idempotent-Replayed`, accepted earlier, and shown as it is now.",
                shape=VideoView,
                headers=("Location", *_POLL, "Idempotent-Replayed", "Preference-Applied"),
            )
        },
        refusals=(400, 402, 413, 415, 422, 429),
    ),
    ("get", _VIDEOS): Operation(
        id="listVideos",
        tag="videos",
        summary="List your videos",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="after", where="query", says="Those behind this video, in the order asked.", schema=_ID),
            Parameter(name="before", where="query", says="Those before this video; not with `after`.", schema=_ID),
            _LIMIT,
            _ORDER,
            Parameter(
                name="status",
                where="query",
                says="Only those in this state.",
                schema={"type": "string", "enum": list(VideoStatus)},
            ),
        ),
        replies={200: Reply(says="A page of videos.", shape=VideoPageView, headers=("Link", "Cache-Control", "Vary"))},
        refusals=(400, 422),
    ),
    ("get", _ONE): Operation(
        id="getVideo",
        tag="videos",
        summary="Look at a video",
        scope=Scope.VIDEOS_READ,
        parameters=(_VIDEO, _IF_NONE_MATCH, _PREFER),
        replies={
            200: Reply(says="The video as it is.", shape=VideoView, headers=(*_CACHE, *_POLL, "Preference-Applied")),
            304: Reply(says="It has not changed.", media=None, headers=(*_CACHE, *_POLL, "Preference-Applied")),
        },
        refusals=(404,),
    ),
    ("post", _ONE + "/cancel"): Operation(
        id="cancelVideo",
        tag="videos",
        summary="Stop waiting for a video",
        says="Before a provider has it this is free. No provider can be stopped: one that has begun may still finish, "
        "and then you are charged what that cost, at most what is held for it; when it fails, or nobody can tell, "
        "nothing. Until that is known `gateway.provider_may_still_bill` is true and the hold stays. Canceling a "
        "canceled video changes nothing.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(_VIDEO,),
        replies={200: Reply(says="The canceled video.", shape=VideoView)},
        refusals=(404, 409),
    ),
    ("get", _ONE + "/route"): Operation(
        id="getVideoRoute",
        tag="videos",
        summary="See why a video went where it went",
        says="The decision as it was made: every account, best first, and what spoke against it. Times are "
        "milliseconds since the Unix epoch.",
        scope=Scope.VIDEOS_READ,
        parameters=(_VIDEO,),
        replies={200: Reply(says="The decision.", shape=Decision, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("get", _ONE + "/content"): Operation(
        id="downloadVideo",
        tag="videos",
        summary="Download a finished video",
        says="Several ranges at once are answered with the whole file.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            _VIDEO,
            Parameter(
                name="variant",
                where="query",
                says="The film; there are no pictures of it in this version.",
                schema={"type": "string", "enum": ["video"], "default": "video"},
            ),
            Parameter(
                name="output",
                where="query",
                says="An attempt's id: its extra output is meant, not the video's own file.",
                schema=_text(30, pattern=pattern(ATTEMPT)),
            ),
            Parameter(name="Range", where="header", says="One range of bytes.", schema=_LENIENT),
            Parameter(
                name="If-Range", where="header", says="Its ETag: the range counts while it holds.", schema=_LENIENT
            ),
            _IF_NONE_MATCH,
        ),
        replies={
            200: Reply(says="The file.", media="video/mp4", headers=_FILE),
            206: Reply(says="A part of the file.", media="video/mp4", headers=(*_FILE, "Content-Range")),
            304: Reply(says="You have it already.", media=None, headers=("ETag", "Cache-Control", "Vary")),
        },
        refusals=(404, 409, 410, 416, 422),
    ),
    ("get", _ONE + "/receipt"): Operation(
        id="getVideoReceipt",
        tag="videos",
        summary="Get a signed receipt of a video that has ended",
        says="What was asked, adjusted, tried, waited for, quoted, held and charged, in a form that can be verified "
        f"without us: `filmgate receipts verify`, or any JOSE library with the keys at `{WELL_KNOWN}`. "
        "The same facts give the same bytes; when something is learnt later, `revision` grows.",
        scope=Scope.VIDEOS_READ,
        parameters=(_VIDEO, _IF_NONE_MATCH),
        replies={
            200: Reply(says="The receipt; `signature` is its last member.", shape=SignedReceipt, headers=_CACHE),
            304: Reply(says="You have it already.", media=None, headers=_CACHE),
        },
        refusals=(404, 409),
    ),
    ("get", WELL_KNOWN): Operation(
        id="getReceiptKeys",
        tag="videos",
        summary="Get the public keys that receipts are signed with",
        replies={200: Reply(says="The keys.", shape=KeySet, media=KEYS_TYPE, headers=("Cache-Control",))},
    ),
    ("post", quotes.PATH): Operation(
        id="createQuote",
        tag="money",
        summary="Ask what a video would cost",
        says="Takes what `POST /v1/videos` takes. Nothing is sent, counted or kept, so it may be asked as often as you "
        "like, by any key that may read. The answer is a promise: give its `id` as `gateway.quote_id` with the same "
        "wish before it expires, and you are charged `high_micros` at most, whatever happens to prices meanwhile. It "
        "sets no money aside: `missing_micros` tells what you would lack now.",
        scope=Scope.VIDEOS_READ,
        parameters=(_CANCEL_AFTER,),
        body=Body(types=BODY_TYPES, shape=CreateVideo),
        replies={200: Reply(says="The quote.", shape=QuoteView)},
        refusals=(400, 413, 415, 422),
    ),
    ("get", ledger.BALANCE): Operation(
        id="getBalance",
        tag="money",
        summary="See how you stand",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="Your balance.", shape=BalanceView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", ledger.PATH): Operation(
        id="listLedger",
        tag="money",
        summary="See what your money did",
        says="Every entry is a transfer between your accounts `available` (or `owed`, when you pay afterwards), `held` "
        "and `spent`, and sums to zero. As CSV (`Accept: text/csv`, or `format=csv`) it is all of it at once, oldest "
        "first, a line a posting; a text that a spreadsheet would take for a formula has an apostrophe before it.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="after", where="query", says="Those behind this entry, in the order asked.", schema=_ENTRY),
            Parameter(name="before", where="query", says="Those before this entry; not with `after`.", schema=_ENTRY),
            _LIMIT,
            _ORDER,
            Parameter(
                name="format",
                where="query",
                says="What the answer is; it counts more than `Accept`. CSV goes with no other parameter.",
                schema={"type": "string", "enum": ["json", "csv"], "default": "json"},
            ),
        ),
        replies={
            200: Reply(
                says="A page of entries, or all of them as CSV.",
                shape=LedgerPageView,
                also=ledger.CSV_TYPE,
                headers=("Link", "Content-Disposition", "Cache-Control", "Vary"),
            )
        },
        refusals=(400, 422),
    ),
    ("get", models.PATH): Operation(
        id="listModels",
        tag="models",
        summary="List what can be asked for",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="The models.", shape=ModelListView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", models.PATH + "/{model}"): Operation(
        id="getModel",
        tag="models",
        summary="Look at a model",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="model", where="path", says="Its name; a slash in it may stand as it is.", schema=_text(64)),
        ),
        replies={200: Reply(says="The model.", shape=ModelView, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("get", _ATTEMPTS): Operation(
        id="listUnknownAttempts",
        tag="operator",
        summary="List attempts whose outcome nobody knows",
        says="With what helps to find them in the provider's own books. The oldest come first.",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(
                name="state",
                where="query",
                says="Always the unknown ones.",
                schema={"type": "string", "enum": [AttemptState.UNKNOWN], "default": AttemptState.UNKNOWN},
            ),
            Parameter(name="account", where="query", says="Only those at this account.", schema=_text(64)),
            Parameter(name="tenant", where="query", says="Only those of this tenant.", schema=_text(64)),
            _after(ATTEMPT, "this attempt"),
            _LIMIT,
        ),
        replies={200: Reply(says="A page of attempts.", shape=UnknownAttemptPageView)},
        refusals=(400, 422),
    ),
    ("post", _ATTEMPTS + "/{attempt_id}/bind"): Operation(
        id="bindAttempt",
        tag="operator",
        summary="Say which job of the provider's an unknown attempt is",
        says="It is watched to its end from now on. A video that still waits for it completes and is charged as usual; "
        "one that has ended stays as it is, and the file is an extra output.",
        scope=Scope.OPERATOR,
        parameters=(_ATTEMPT,),
        body=Body(types=_JSON, shape=BindAttempt),
        replies={200: Reply(says="What was written down.", shape=ResolutionView)},
        refusals=(400, 404, 409, 415, 422),
    ),
    ("post", _ATTEMPTS + "/{attempt_id}/void"): Operation(
        id="voidAttempt",
        tag="operator",
        summary="Say that an unknown attempt was never made, or gave nothing",
        says="It has failed, and cost what you say. A video that waits for nothing else fails, and costs its tenant "
        "nothing.",
        scope=Scope.OPERATOR,
        parameters=(_ATTEMPT,),
        body=Body(types=_JSON, shape=VoidAttempt),
        replies={200: Reply(says="What was written down.", shape=ResolutionView)},
        refusals=(400, 404, 409, 415, 422),
    ),
    ("get", admin_attempts.RESOLUTIONS): Operation(
        id="listResolutions",
        tag="operator",
        summary="List what operators found out about unknown attempts",
        scope=Scope.OPERATOR,
        parameters=(_after(RESOLUTION, "this resolution"), _LIMIT),
        replies={200: Reply(says="A page of resolutions, newest first.", shape=ResolutionPageView)},
        refusals=(400, 422),
    ),
    ("get", admin_attempts.SUSPENSE): Operation(
        id="getSuspense",
        tag="operator",
        summary="See what accounts may have billed, while nobody knows",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="Every account's.", shape=SuspenseListView)},
    ),
    ("post", _OF_TENANT + "/top-ups"): Operation(
        id="topUpTenant",
        tag="operator",
        summary="Give a prepaid tenant money to spend",
        scope=Scope.OPERATOR,
        parameters=(
            _TENANT,
            msgspec.structs.replace(
                _KEY, says="Makes it safe to send the top-up again: with the same key it is booked once."
            ),
        ),
        body=Body(types=_JSON, shape=TopUp),
        replies={
            201: Reply(
                says="Booked; or, with `Idempotent-Replayed`, booked earlier.",
                shape=OperatorEntryView,
                headers=("Idempotent-Replayed",),
            )
        },
        refusals=(400, 404, 415, 422),
    ),
    ("post", _OF_TENANT + "/adjustments"): Operation(
        id="adjustTenant",
        tag="operator",
        summary="Correct a prepaid tenant's balance",
        scope=Scope.OPERATOR,
        parameters=(_TENANT,),
        body=Body(types=_JSON, shape=Correction),
        replies={201: Reply(says="Booked.", shape=OperatorEntryView)},
        refusals=(400, 404, 415, 422),
    ),
    ("get", _OF_TENANT + "/balance"): Operation(
        id="getTenantBalance",
        tag="operator",
        summary="See how a tenant stands",
        scope=Scope.OPERATOR,
        parameters=(_TENANT,),
        replies={200: Reply(says="The tenant's balance.", shape=BalanceView)},
        refusals=(404,),
    ),
    ("get", admin.INCIDENTS): Operation(
        id="listIncidents",
        tag="operator",
        summary="List what must not happen, and did",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(
                name="kind",
                where="query",
                says="Only those of this kind.",
                schema={"type": "string", "enum": list(IncidentKind)},
            ),
            _after(INCIDENT, "this incident"),
            _LIMIT,
        ),
        replies={200: Reply(says="A page of incidents, newest first.", shape=IncidentPageView)},
        refusals=(400, 422),
    ),
    ("get", admin.QUARANTINE): Operation(
        id="getQuarantine",
        tag="operator",
        summary="See whether the gateway was restored and waits for you",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="How it stands.", shape=QuarantineView)},
    ),
    ("post", admin.QUARANTINE + "/release"): Operation(
        id="releaseQuarantine",
        tag="operator",
        summary="Confirm a restored database and end its quarantine",
        says="Without a quarantine nothing happens; one that broke off can be said again.",
        scope=Scope.OPERATOR,
        body=Body(types=_JSON, shape=ReleaseQuarantine),
        replies={200: Reply(says="What became of videos that had not been sent.", shape=ReleasedView)},
        refusals=(400, 415, 422),
    ),
    ("get", RECONCILIATION): Operation(
        id="reconcile",
        tag="operator",
        summary="Compare what accounts say they billed with the ledger",
        says="Costs they reported and balances they told, against what is booked, for 31 days at most. A difference "
        "with a hint may be in order; one without names the attempts to look at.",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(name="from", where="query", says="The first day, UTC; yesterday unless said.", schema=_DAY),
            Parameter(name="to", where="query", says="The last day, included; today unless said.", schema=_DAY),
            Parameter(name="account", where="query", says="Only this account.", schema=_text(64)),
        ),
        replies={200: Reply(says="What was compared, and what came of it.", shape=ReconciliationView)},
        refusals=(400, 422),
    ),
    ("post", hooks.PATH.replace(":str", "")): Operation(
        id="hearProvider",
        tag="hooks",
        summary="Where providers call back",
        says="Not for you: we give providers this address, one for each attempt, and believe what they have signed.",
        parameters=(
            Parameter(name="provider", where="path", says="Who calls.", schema=_text(64)),
            Parameter(name="token", where="path", says="Names the attempt.", schema=_text(128)),
        ),
        body=Body(types=("application/json",), shape=None, max_bytes=MAX_HOOK),
        replies={204: Reply(says="Heard.", media=None)},
        refusals=(401, 404, 413),
    ),
    ("get", health.LIVE): Operation(
        id="isLive",
        tag="health",
        summary="Is the process alive?",
        replies={200: Reply(says="It is.", shape=health.HealthView)},
    ),
    ("get", health.READY): Operation(
        id="isReady",
        tag="health",
        summary="Can it serve now?",
        replies={200: Reply(says="It can.", shape=health.HealthView)},
    ),
    ("get", "/openapi.json"): Operation(
        id="getOpenAPI",
        tag="health",
        summary="This document",
        replies={200: Reply(says="The document.", shape=dict, headers=("Cache-Control",))},
    ),
}
"""By method and path. Every route has its row: a test compares."""
