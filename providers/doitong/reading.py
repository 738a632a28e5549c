"""What Doitong's answers mean, to a submit, to a poll, and in a hook. Facts and row ids: README.md here."""

import re
from collections.abc import Mapping
from typing import Any, Final

from providers.answers import failure, kind_of_status, link, parse, percent, prose, ref, shaped, whole, worth_telling
from providers.base import Accepted, Phase, Update, WireResponse
from providers.doitong.wire import Extensions, Fault, Generation, Reply
from schema.errors import FailureKind, ProviderFailure

FAILURES: Final[dict[str, FailureKind]] = {
    "INSUFFICIENT_CREDITS": FailureKind.OUT_OF_CREDITS,  # the only documented one; the others are the usual names (D7)
    "PAYMENT_REQUIRED": FailureKind.OUT_OF_CREDITS,
    "UNAUTHENTICATED": FailureKind.UNAUTHORIZED,
    "UNAUTHORIZED": FailureKind.UNAUTHORIZED,
    "FORBIDDEN": FailureKind.UNAUTHORIZED,
    "BAD_REQUEST": FailureKind.INVALID_REQUEST,
    "BAD_USER_INPUT": FailureKind.INVALID_REQUEST,
    "GRAPHQL_PARSE_FAILED": FailureKind.INVALID_REQUEST,
    "GRAPHQL_VALIDATION_FAILED": FailureKind.INVALID_REQUEST,
    "CONTENT_REJECTED": FailureKind.CONTENT_REJECTED,
    "CONTENT_POLICY_VIOLATION": FailureKind.CONTENT_REJECTED,
    "CONCURRENT_LIMIT_EXCEEDED": FailureKind.BUSY,
    "TOO_MANY_REQUESTS": FailureKind.RATE_LIMITED,
    "DAILY_LIMIT_EXCEEDED": FailureKind.RATE_LIMITED,
    "INTERNAL_SERVER_ERROR": FailureKind.UNAVAILABLE,
    "SERVICE_UNAVAILABLE": FailureKind.UNAVAILABLE,
}
RATE_LIMIT: Final = "RATE_LIMIT"
"""Every code that begins so is a rate limit (D7)."""

POLL_FAILURES: Final[dict[str, FailureKind]] = {
    **FAILURES,
    "NOT_FOUND": FailureKind.NOT_FOUND,
    "GRAPHQL_PARSE_FAILED": FailureKind.UNSUPPORTED,  # our guess at the query is wrong: there is no such question (D4)
    "GRAPHQL_VALIDATION_FAILED": FailureKind.UNSUPPORTED,
}

PHASES: Final[dict[str, Phase]] = {
    "pending": Phase.QUEUED,
    "queued": Phase.QUEUED,
    "submitted": Phase.QUEUED,
    "starting": Phase.QUEUED,
    "processing": Phase.RUNNING,
    "completed": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "error": Phase.FAILED,
    "cancelled": Phase.FAILED,
    "canceled": Phase.FAILED,
    "rejected": Phase.FAILED,
    "expired": Phase.FAILED,
    "timeout": Phase.FAILED,
}
"""Only processing and completed are documented; the others are what its likes say."""

MOST_CREDITS: Final = 1_000_000

_INNARDS = re.compile(r"\{.*\}", re.DOTALL)
_UNKNOWN_QUESTION = "cannot query field"  # GraphQL validators' common words, in any code or none
_UNDEFINED = ("is not defined", "unknown field", "unknown argument")


def accepted(response: WireResponse, *, bare: bool, callback_sent: bool) -> Accepted:
    """An id means the video exists, whatever stands beside it (D2)."""
    answer = parse(response.body)
    generation = _generation(answer, bare=bare and response.status // 100 == 2)
    if generation is None:
        raise _refusal(response, answer, callback_sent=callback_sent)
    update = _update(generation, _errors(answer))
    return Accepted(ref=update.ref, credits=update.credits, news=worth_telling(update))


def news(response: WireResponse, asked: str, *, bare: bool) -> Update:
    """What the answer to a poll about ``asked`` tells."""
    answer = parse(response.body)
    generation = _generation(answer, bare=bare) if response.status // 100 == 2 else None
    if generation is None:
        raise _unanswered(response, answer, bare=bare)
    if ref(generation.id) != asked:
        raise failure(response, FailureKind.PROTOCOL, "asked about one video, told about another")
    if not isinstance(generation.status, str):
        raise failure(response, FailureKind.PROTOCOL, "a status without a status")
    return _update(generation, _errors(answer))


def told(body: bytes) -> Update:
    """The news in a hook's body.

    Raises:
        ProviderFailure: PROTOCOL, it tells of no video.
    """
    generation = _generation(parse(body), bare=True)
    if generation is None or not isinstance(generation.status, str):
        raise ProviderFailure(FailureKind.PROTOCOL, "a hook that tells of no video")
    return _update(generation)


def _generation(answer: Any, *, bare: bool) -> Generation | None:
    """The one video an answer tells of (D1): under the documented key, under the key the page's own example has in its
    stead, from REST and in hooks without any key (D17), or under the only key that holds one.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    keys: Mapping[str, Any] = data if isinstance(data, dict) else {}
    places = [
        [keys.get("generate")],
        [value for key, value in keys.items() if key.casefold() == "generatevideo"],
        *([[answer], [data]] if bare else []),
        list(keys.values()),
    ]
    for place in places:
        found = [generation for value in place if (generation := _with_id(value)) is not None]
        if len(found) == 1:
            return found[0]
    return None


def _with_id(value: Any) -> Generation | None:
    generation = shaped(value, Generation)
    return generation if generation is not None and ref(generation.id) is not None else None


def _refusal(response: WireResponse, answer: Any, *, callback_sent: bool) -> ProviderFailure:
    """The first error's code decides, then the status (D7). A code we do not know proves nothing."""
    faults = _errors(answer) or _bare_errors(answer)
    kind = _kind(faults, FAILURES) or kind_of_status(response)
    if callback_sent and _callback_refused(kind, answer, faults):
        kind = FailureKind.CALLBACK_REFUSED
    return _failure(response, kind, faults)


def _unanswered(response: WireResponse, answer: Any, *, bare: bool) -> ProviderFailure:
    faults = _errors(answer) or _bare_errors(answer)
    kind = _kind(faults, POLL_FAILURES)
    if any(_UNKNOWN_QUESTION in _message(fault).casefold() for fault in faults):
        kind = FailureKind.UNSUPPORTED
    elif kind is None and response.status in (404, 410):  # an object says "no such video", a page "no such address"
        kind = FailureKind.NOT_FOUND if bare and isinstance(answer, dict) else FailureKind.UNSUPPORTED
    elif kind is None and response.status == 200 and not faults and _answered_null(answer):
        kind = FailureKind.NOT_FOUND
    return _failure(response, kind or kind_of_status(response), faults)


def _failure(response: WireResponse, kind: FailureKind, faults: tuple[Fault, ...]) -> ProviderFailure:
    first = _extensions(faults[0]) if faults else Extensions()
    words = [fault.message for fault in faults]
    return failure(response, kind, *words, required=first.credits_required, available=first.credits_available)


def _errors(answer: Any) -> tuple[Fault, ...]:
    """``errors``, as far as they can be read."""
    reply = shaped(answer, Reply) or Reply()
    errors = reply.errors if isinstance(reply.errors, list) else []
    return tuple(fault for error in errors if (fault := shaped(error, Fault)) is not None)


def _bare_errors(answer: Any) -> tuple[Fault, ...]:
    """``{"error": …}`` or ``{"message": …, "code": …}``: what a REST server says when it says no ``errors``."""
    reply = shaped(answer, Reply) or Reply()
    inner = shaped(reply.error, Fault) or Fault(message=reply.error)
    fault = Fault(message=inner.message or reply.message, code=inner.code or reply.code)
    return () if fault == Fault() else (fault,)


def _extensions(fault: Fault) -> Extensions:
    return shaped(fault.extensions, Extensions) or Extensions()


def _message(fault: Fault) -> str:
    return fault.message if isinstance(fault.message, str) else ""


def _kind(faults: tuple[Fault, ...], kinds: Mapping[str, FailureKind]) -> FailureKind | None:
    code = next((code for fault in faults if isinstance(code := _extensions(fault).code or fault.code, str)), "")
    code = code.strip().upper()
    return FailureKind.RATE_LIMITED if code.startswith(RATE_LIMIT) else kinds.get(code)


def _callback_refused(kind: FailureKind, answer: Any, faults: tuple[Fault, ...]) -> bool:
    """A validation error names the field that carried our callback URL (D3).

    Validators that give no code and answer 200 are believed when GraphQL's own rule agrees: no ``data``, nothing run.
    """
    if kind is FailureKind.INVALID_REQUEST:
        return any(map(_names_callback, faults))
    unrun = kind is FailureKind.PROTOCOL and isinstance(answer, dict) and "data" not in answer
    return unrun and any(_names_callback(fault) and _undefined(fault) for fault in faults)


def _names_callback(fault: Fault) -> bool:
    """It is named by the complaint itself, not by the copy of our input inside it."""
    return "webhookurl" in f"{_INNARDS.sub('', _message(fault))} {_extensions(fault).field}".casefold()


def _undefined(fault: Fault) -> bool:
    return any(words in _message(fault).casefold() for words in _UNDEFINED)


def _answered_null(answer: Any) -> bool:
    data = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(data, dict) and bool(data) and all(value is None for value in data.values())


def _update(generation: Generation, errors: tuple[Fault, ...] = ()) -> Update:
    word = generation.status.strip().casefold() if isinstance(generation.status, str) else ""
    phase = PHASES.get(word, Phase.RUNNING)  # a word we do not know is a video still being made
    return Update(
        ref=ref(generation.id) or "",
        phase=phase,
        progress=percent(generation.progress),
        video_url=link(generation.url) if phase is Phase.SUCCEEDED else None,
        credits=whole(generation.credit_cost, most=MOST_CREDITS),
        failure=_reason(generation) if phase is Phase.FAILED else None,
        rejected=phase is Phase.FAILED and _content_rejected(generation),
        drift=_drift(generation, word, errors),
    )


def _reason(generation: Generation) -> str:
    """The first of the places where a reason might stand (D6)."""
    metadata = generation.metadata if isinstance(generation.metadata, dict) else {}
    words = (generation.error, generation.message, generation.reason, generation.failure_reason, metadata.get("error"))
    return prose(*words) or "Doitong gave no reason"


def _content_rejected(generation: Generation) -> bool:
    fault = shaped(generation.error, Fault)
    return fault is not None and _kind((fault,), FAILURES) is FailureKind.CONTENT_REJECTED


def _drift(generation: Generation, word: str, errors: tuple[Fault, ...]) -> str | None:
    if word not in PHASES:
        return f"status: {prose(generation.status) or 'unreadable'}"[:100]
    return f"errors beside an id: {prose(*[error.message for error in errors])}"[:100] if errors else None
