"""Errors as answers: problem+json (RFC 9457) that OpenAI's SDKs read too. The only map from an error to HTTP."""

import re
from http import HTTPStatus
from typing import Annotated, Literal
from zlib import crc32

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from gateway import turnstile
from gateway.rest.headers import CANCEL_AFTER, IDEMPOTENCY_KEY, IF_MATCH, LAST_EVENT_ID
from gateway.rest.kinds import FRAMEWORKS, Kind, kind_of, link_to
from gateway.rest.policy_views import PolicyVersionView, version_view
from gateway.rest.requests import Call, header
from schema.errors import (
    FieldError,
    GatewayError,
    InsufficientFunds,
    NoRoute,
    Unauthenticated,
    VersionConflict,
)
from schema.ids import VIDEO
from schema.money import CURRENCY, MAX_MICROS
from schema.remedy import Remedy

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"
LONGEST_RETRY = 60
"""Seconds: some SDKs sleep as long as they are told, others give up beyond two minutes (standards RL-4)."""

_SPREAD = 200
"""Milliseconds for each second: how far those are spread who were told to come again."""

_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Micros = Annotated[int, msgspec.Meta(ge=0, le=MAX_MICROS)]
_Sentence = Annotated[str, msgspec.Meta(max_length=4096)]


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with one field; exactly one of `pointer`, `parameter` and `header` says which.

    Attributes:
        pointer: into the body, a JSON pointer.
        parameter: of the query or the path.
        code: a stable word.
        detail: for people.
    """

    pointer: _Name | None = None
    parameter: _Name | None = None
    header: _Name | None = None
    code: _Name
    detail: _Sentence


class ErrorMember(msgspec.Struct, frozen=True, kw_only=True):
    """The same for OpenAI's SDKs, which read nothing else.

    Attributes:
        type: the family, as OpenAI names it.
        param: the first field that is wrong.
    """

    message: _Sentence
    type: _Name
    param: _Name | None
    code: _Name


class FundsMember(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing, in millionths of the currency.

    Attributes:
        needed_micros: the most the video may cost: so much is set aside for it. Of a batch, what all of it may cost at
            the least.
        available_micros: what is left, on your balance or of the budget.
        missing_micros: what lacks.
        period: the budget that is used up, a day (`2026-11-20`) or a month (`2026-11`), UTC; null for your balance.
    """

    currency: Literal["USD"] = CURRENCY
    needed_micros: _Micros
    available_micros: _Micros
    missing_micros: _Micros
    period: Annotated[str, msgspec.Meta(max_length=10)] | None


class VersionsMember(msgspec.Struct, frozen=True, kw_only=True):
    """What you changed, and what it has become meanwhile.

    Attributes:
        expected_version: the one that you named.
        expected: it; null when there never was such a one.
        current: the one in force.
    """

    expected_version: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    expected: PolicyVersionView | None
    current: PolicyVersionView


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not served.

    Attributes:
        type: names the kind of problem; as stable as `code`.
        title: constant for a code.
        detail: what went wrong this time; for people, and may change.
        instance: names this occurrence.
        code: a stable word to decide by.
        request_id: quote it when you ask for help; the logs know it.
        errors: the fields that are wrong.
        funds: what is missing, when money is (402).
        remedy: when nobody can make the video (`no_route`): the smallest change after which somebody could; left out
            where nothing helps.
        versions: both, when somebody else was first (412).
    """

    type: Annotated[str, msgspec.Meta(pattern="^urn:filmgate:problem:", max_length=128)]
    title: _Sentence
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: _Sentence
    instance: Annotated[str, msgspec.Meta(pattern="^urn:filmgate:request:", max_length=128)]
    code: _Name
    request_id: Annotated[str, msgspec.Meta(max_length=64)]
    errors: Annotated[tuple[FieldProblem, ...], msgspec.Meta(max_length=256)]
    error: ErrorMember
    funds: FundsMember | msgspec.UnsetType = msgspec.UNSET
    remedy: Remedy | msgspec.UnsetType = msgspec.UNSET
    versions: VersionsMember | msgspec.UnsetType = msgspec.UNSET


_DETAILS = {
    404: "There is nothing at this path; see /openapi.json for what there is",
    405: "The header Allow says which methods this path knows",
    413: "The body is larger than is taken here",
}
"""What to say instead of the framework's words."""

_HEADERS = frozenset({IDEMPOTENCY_KEY, CANCEL_AFTER, IF_MATCH, LAST_EVENT_ID})
"""Fields of errors that are headers; on a POST or PATCH the others are of the body, elsewhere of the query."""

_VIDEOS = "/v1/videos"
_WITH_BODY = frozenset({"POST", "PATCH"})

_encode = msgspec.json.Encoder().encode


def exception_handlers() -> ExceptionHandlersMap:
    """For Litestar: every error leaves in one shape."""
    return {GatewayError: _refusal, HTTPException: _framework, Exception: _bug}


def alone(error: GatewayError, id: str) -> tuple[bytes, dict[str, str]]:
    """An error of no route's: its body, and its headers beside the type's."""
    kind = kind_of(type(error))
    more = {"link": link_to(kind), **_pauses(error, id), **({"x-should-retry": "false"} if kind.permanent else {})}
    return _encode(_problem(error.status, kind, error.detail, id)), more


def _refusal(call: Call, error: GatewayError) -> Response[bytes]:
    kind = kind_of(type(error))
    turnstile.refused(call.scope["state"], error)
    more = _pauses(error, str(call.scope["state"].get("request_id", "")))
    if error.status == HTTPStatus.UNAUTHORIZED:
        more["www-authenticate"] = (error if isinstance(error, Unauthenticated) else Unauthenticated()).challenge
    return _answer(call, error.status, kind, error.detail, error=error, headers=more)


def _pauses(error: GatewayError, id: str) -> dict[str, str]:
    """When to come again, if the error says; up to a fifth later by the request's id, so that not all come at once."""
    if error.retry_after_seconds is None:
        return {}
    seconds = min(max(error.retry_after_seconds, 1), LONGEST_RETRY)
    later = crc32(id.encode()) % (seconds * _SPREAD)
    return {"retry-after": str(seconds), "retry-after-ms": str(min(seconds * 1000 + later, LONGEST_RETRY * 1000))}


def _versions(error: GatewayError | None) -> VersionsMember | msgspec.UnsetType:
    if not isinstance(error, VersionConflict):
        return msgspec.UNSET
    return VersionsMember(
        expected_version=error.expected,
        expected=None if error.known is None else version_view(error.known),
        current=version_view(error.current),
    )


def _funds(error: GatewayError | None) -> FundsMember | msgspec.UnsetType:
    if not isinstance(error, InsufficientFunds):
        return msgspec.UNSET
    return FundsMember(
        needed_micros=error.needed,
        available_micros=error.available,
        missing_micros=error.missing,
        period=error.period,
    )


def _remedy(error: GatewayError | None) -> Remedy | msgspec.UnsetType:
    return error.remedy if isinstance(error, NoRoute) and error.remedy is not None else msgspec.UNSET


def _framework(call: Call, error: HTTPException) -> Response[bytes]:
    """Litestar's own refusals: what it could not route, and bodies it stopped reading."""
    status = HTTPStatus.NOT_FOUND if _names_nothing(call, error) else error.status_code
    kind = FRAMEWORKS.get(status) or Kind("refused", status, HTTPStatus(status).phrase)
    more = {} if status != error.status_code else dict(error.headers or {})
    if "allow" in more:
        more["allow"] = allowed(more["allow"].split(", "))
    if status == HTTPStatus.UNAUTHORIZED:
        more.setdefault("www-authenticate", Unauthenticated().challenge)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("http.broken_off", status=status, reason=error.detail)  # the caller hung up while sending
        return _answer(call, status, kind, kind.title, headers=more)
    return _answer(call, status, kind, _DETAILS.get(status, error.detail), headers=more)


def _names_nothing(call: Call, error: HTTPException) -> bool:
    """No method would do: the path ends in what is not like a video's id, as ``/v1/videos/characters`` does."""
    folder, _, id = call.scope["path"].rpartition("/")
    of_videos = "DELETE" in (error.headers or {}).get("allow", "")  # other paths there have names and no DELETE
    return (
        error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        and folder == _VIDEOS
        and of_videos
        and not id.startswith(VIDEO)
    )


def _bug(call: Call, error: Exception) -> Response[bytes]:
    """Anything else: logged with its traceback, answered without a word of it."""
    log.error("http.failed", exc_info=error, route=call.scope.get("path_template"))
    detail = "Something went wrong here; quote the request id when you report it"
    return _answer(call, 500, FRAMEWORKS[500], detail)


def _answer(
    call: Call,
    status: int,
    kind: Kind,
    detail: str,
    *,
    error: GatewayError | None = None,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    more = {**(headers or {}), "link": link_to(kind)}
    id = str(call.scope["state"].get("request_id", ""))
    call.scope["state"]["problem"] = kind.code  # for the access log
    if kind.permanent or _unsafe_to_repeat(call, status):
        more["x-should-retry"] = "false"
    errors = () if error is None else tuple(_located(call, one) for one in error.errors)
    body = _problem(status, kind, detail, id, error=error, errors=errors)
    return Response(_encode(body), status_code=status, media_type=PROBLEM_TYPE, headers=more)


def _problem(
    status: int,
    kind: Kind,
    detail: str,
    id: str,
    *,
    error: GatewayError | None = None,
    errors: tuple[FieldProblem, ...] = (),
) -> Problem:
    param = error.errors[0].field if error is not None and error.errors else None
    return Problem(
        type=f"urn:filmgate:problem:{kind.code}",
        title=kind.title,
        status=status,
        detail=detail,
        instance=f"urn:filmgate:request:{id}",
        code=kind.code,
        request_id=id,
        errors=errors,
        error=ErrorMember(message=detail, type=kind.family, param=param, code=kind.code),
        funds=_funds(error),
        remedy=_remedy(error),
        versions=_versions(error),
    )


def _unsafe_to_repeat(call: Call, status: int) -> bool:
    """After a bug in a POST nobody knows whether it took effect, and SDKs repeat a 500 unless told not to."""
    keyed = header(call.scope, IDEMPOTENCY_KEY.lower().encode()) is not None
    return status == HTTPStatus.INTERNAL_SERVER_ERROR and call.scope["method"] == "POST" and not keyed


def _located(call: Call, error: FieldError) -> FieldProblem:
    if error.field in _HEADERS:
        return FieldProblem(header=error.field, code=error.code, detail=error.detail)
    if call.scope["method"] in _WITH_BODY:
        return FieldProblem(pointer=pointer(error.field), code=error.code, detail=error.detail)
    return FieldProblem(parameter=error.field, code=error.code, detail=error.detail)


def pointer(field: str) -> str:
    """``gateway.only[0]`` as a JSON pointer in a fragment, ``#/gateway/only/0``; the whole body is ``#``."""
    if field == "body":
        return "#"
    escaped = field.replace("~", "~0").replace("/", "~1")
    return "#/" + re.sub(r"\[(\w*)\]", r".\1", escaped).replace(".", "/")


def allowed(methods: list[str]) -> str:
    """An ``Allow`` header: HEAD goes wherever GET does, and OPTIONS everywhere."""
    return ", ".join(sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())}))
