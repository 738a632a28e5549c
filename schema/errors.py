"""Every way a request to the gateway can fail, and every way an upstream can.

* GatewayError            what a caller sees; mapped once to problem+json, once to GraphQL
  x InvalidRequest        422           x NotFound              404
    x MalformedRequest    400           x NotReady              409
  x Unauthenticated       401           x AlreadyEnded          409
  x Forbidden             403           x Gone                  410
    x OriginNotAllowed    403
    x CreatesUsedUp       403             x AllowanceExceeded   402
  x NoRoute               422           x IdempotencyKeyReused  422
  x PayloadTooLarge       413           x Overloaded            503
  x TooManyRequests       429           x InsufficientFunds     402
    x RateLimited         429             x QueueFull           503
  x Quarantined           503           x NotUnknown            409
  x PreconditionRequired  428           x RefTaken              409
  x VersionConflict       412           x ManagedByFile         409
  x KeyReplaced           409           x KeyRevoked            409
  x ChangedMeanwhile      412           x NotInstalled          501
  x ImageInUse            409
  x EventsGone            410
  x RequestTimeout        408           x HeadersTooLarge       431
  x TargetTooLong         414
* ProviderFailure         what an adapter raises: a kind, never an HTTP status
* IllegalMove             a bug: somebody asked the life cycle for a move it does not have

Codes are promises; messages are prose and may change.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import msgspec

from schema.allowance import Allowance
from schema.remedy import Remedy

if TYPE_CHECKING:  # a policy speaks of videos, and those of errors
    from schema.policy import PolicyVersion


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with one field: where (a name or a dotted path), a stable code, and how to mend it."""

    field: str
    code: str
    detail: str


class GatewayError(Exception):
    """The root: subclasses set what a caller may rely on.

    Attributes:
        code: a stable machine-readable word.
        status: the HTTP status it answers with.
        title: a constant sentence for this code.
        kind: the family OpenAI's SDKs know it by (``error.type``).
        permanent: true when sending the same request again can not help; SDKs are told not to retry.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    kind: ClassVar[str] = "server_error"
    permanent: ClassVar[bool] = False

    def __init__(
        self, detail: str = "", *, errors: tuple[FieldError, ...] = (), retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(GatewayError):
    code = "invalid_request"
    status = 422
    title = "The request is not valid"
    kind = "invalid_request_error"
    permanent = True

    @classmethod
    def field(cls, field: str, code: str, detail: str) -> "InvalidRequest":
        """One field is wrong: name it, and say the fix."""
        return cls(f"{field}: {detail}", errors=(FieldError(field, code, detail),))


class MalformedRequest(InvalidRequest):
    code = "malformed_request"
    status = 400
    title = "The request can not be read"


class Unauthenticated(GatewayError):
    """Nobody knows who is calling.

    Attributes:
        presented: there was a key or a token, and it does not work; otherwise there was none.
    """

    code = "unauthenticated"
    status = 401
    title = "A valid API key is needed"
    kind = "authentication_error"
    permanent = True

    def __init__(self, detail: str = "", *, presented: bool = False) -> None:
        super().__init__(detail)
        self.presented = presented

    @property
    def challenge(self) -> str:
        """The header ``WWW-Authenticate`` (RFC 6750, section 3): an error only for what was presented."""
        plain = 'Bearer realm="filmgate"'
        return f'{plain}, error="invalid_token"' if self.presented else plain


class Forbidden(GatewayError):
    code = "forbidden"
    status = 403
    title = "This key may not do that"
    kind = "permission_error"
    permanent = True


class CreatesUsedUp(Forbidden):
    code = "creates_used_up"
    status = 403
    title = "This token has created all the videos it was for"
    kind = "permission_error"
    permanent = True


class OriginNotAllowed(Forbidden):
    code = "origin_not_allowed"
    status = 403
    title = "This key may not be used by that web page"


class NotFound(GatewayError):
    code = "not_found"
    status = 404
    title = "There is no such thing here"
    kind = "not_found_error"
    permanent = True


class NotReady(GatewayError):
    code = "not_ready"
    status = 409
    title = "The video is not finished"
    kind = "invalid_request_error"
    permanent = True


class AlreadyEnded(GatewayError):
    code = "already_ended"
    status = 409
    title = "The video has ended; it can not be changed any more"
    kind = "invalid_request_error"
    permanent = True


class NotUnknown(GatewayError):
    """An operator resolves an attempt whose outcome is known: perhaps somebody else was first."""

    code = "not_unknown"
    status = 409
    title = "What became of this attempt is known; there is nothing to resolve"
    kind = "invalid_request_error"
    permanent = True


class RefTaken(GatewayError):
    code = "ref_taken"
    status = 409
    title = "The provider's id names another attempt"
    kind = "invalid_request_error"
    permanent = True


class ManagedByFile(GatewayError):
    """The configuration file says how this is; there it is changed."""

    code = "managed_by_file"
    status = 409
    title = "The configuration file manages this; change it there"
    kind = "invalid_request_error"
    permanent = True


class ImageInUse(GatewayError):
    code = "image_in_use"
    status = 409
    title = "A video that has not ended starts from this picture; cancel it, or wait for its end"
    kind = "invalid_request_error"
    permanent = True


class KeyRevoked(GatewayError):
    code = "key_revoked"
    status = 409
    title = "This API key was revoked; it can not be changed or rotated, make a new one"
    kind = "invalid_request_error"
    permanent = True


class KeyReplaced(GatewayError):
    code = "key_replaced"
    status = 409
    title = "Another API key takes this one's place already; rotate that one"
    kind = "invalid_request_error"
    permanent = True


class VersionConflict(GatewayError):
    """Somebody else was first: what was to be changed is no longer what the caller knew.

    Attributes:
        expected: the version the caller knew.
        known: that version; None when there never was such a one.
        current: the version there is.
    """

    code = "version_conflict"
    status = 412
    title = "It was changed meanwhile; look at the current version and decide again"
    kind = "invalid_request_error"
    permanent = True

    def __init__(
        self, detail: str = "", *, expected: int, known: "PolicyVersion | None", current: "PolicyVersion"
    ) -> None:
        super().__init__(detail)
        self.expected = expected
        self.known = known
        self.current = current


class ChangedMeanwhile(GatewayError):
    """Somebody else was first: a tenant or an account is no longer at the version the caller knew."""

    code = "changed_meanwhile"
    status = 412
    title = "It is at another version by now; look at it and decide again"
    kind = "invalid_request_error"
    permanent = True


class PreconditionRequired(GatewayError):
    """Without the version it is based on, a change could undo somebody else's."""

    code = "precondition_required"
    status = 428
    title = "Say which version you change: send its ETag as If-Match"
    kind = "invalid_request_error"
    permanent = True


class Gone(GatewayError):
    code = "gone"
    status = 410
    title = "There is no such file any more, or there never was"
    kind = "invalid_request_error"
    permanent = True


class EventsGone(Gone):
    """Whoever resumes there would miss what is not kept any more."""

    code = "events_gone"
    status = 410
    title = "What came after that event is no longer kept in full; begin anew from how things are now"
    kind = "invalid_request_error"
    permanent = True


class NotInstalled(GatewayError):
    code = "not_installed"
    status = 501
    title = "This gateway has not installed what that takes"
    kind = "server_error"
    permanent = True


class PayloadTooLarge(GatewayError):
    code = "payload_too_large"
    status = 413
    title = "The request is too large"
    kind = "invalid_request_error"
    permanent = True


class TargetTooLong(GatewayError):
    code = "target_too_long"
    status = 414
    title = "The address asked for is too long"
    kind = "invalid_request_error"
    permanent = True


class HeadersTooLarge(GatewayError):
    code = "headers_too_large"
    status = 431
    title = "The headers are too large, or too many"
    kind = "invalid_request_error"
    permanent = True


class RequestTimeout(GatewayError):
    """The request did not arrive in time. Nothing was done by it, so it may be sent again."""

    code = "request_timeout"
    status = 408
    title = "The request took too long to arrive"
    kind = "invalid_request_error"


class IdempotencyKeyReused(GatewayError):
    code = "idempotency_key_reused"
    status = 422
    title = "This idempotency key was used for another wish"
    kind = "idempotency_error"
    permanent = True


class NoRoute(GatewayError):
    """No account may ever make this video as asked; ``errors`` say which field excludes whom.

    Attributes:
        remedy: the smallest change after which somebody could; None when nothing helps.
    """

    code = "no_route"
    status = 422
    title = "No provider account can make this video as asked"
    kind = "invalid_request_error"
    permanent = True

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = (), remedy: Remedy | None = None) -> None:
        super().__init__(detail, errors=errors)
        self.remedy = remedy


class InsufficientFunds(GatewayError):
    """Nothing was accepted: money is missing, on a balance or of a budget.

    Attributes:
        needed, available, missing: micros.
        period: the budget that is used up (``2026-11-20``, ``2026-11``); None for prepaid money.
    """

    code = "insufficient_funds"
    status = 402
    title = "There is not enough money for what was asked"
    kind = "insufficient_quota"
    permanent = True

    def __init__(
        self, detail: str = "", *, needed: int, available: int, missing: int, period: str | None = None
    ) -> None:
        super().__init__(detail)
        self.needed = needed
        self.available = available
        self.missing = missing
        self.period = period


class AllowanceExceeded(InsufficientFunds):
    """A client token's own allowance is used up; its tenant may well have the money."""

    code = "allowance_exceeded"
    status = 402
    title = "This token's allowance does not cover what was asked"
    kind = "insufficient_quota"
    permanent = True


class TooManyRequests(GatewayError):
    """A limit of the tenant's is reached.

    Attributes:
        allowance: which, and what is left of it; None when it is not one that answers tell.
    """

    code = "too_many_requests"
    status = 429
    title = "Too many requests; slow down"
    kind = "rate_limit_error"

    def __init__(
        self, detail: str = "", *, retry_after_seconds: int | None = None, allowance: Allowance | None = None
    ) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.allowance = allowance


class RateLimited(TooManyRequests):
    """More was asked for in a minute than the tenant may ask for."""

    code = "rate_limited"
    status = 429
    title = "That is more than you may ask for in a minute"


class Overloaded(GatewayError):
    code = "overloaded"
    status = 503
    title = "The gateway can not take this now; nothing was accepted"


class QueueFull(Overloaded):
    """So many videos of all tenants wait to start that one more would only wait longer."""

    code = "queue_full"
    status = 503
    title = "Too many videos wait to start; nothing was accepted"


class Quarantined(GatewayError):
    """The database was restored from a backup: until an operator confirms it, nothing new is accepted."""

    code = "quarantined"
    status = 503
    title = "The gateway was restored from a backup, and an operator must confirm it first; nothing was accepted"


class FailureKind(StrEnum):
    """The closed set of words for what went wrong at an upstream."""

    INVALID_REQUEST = "invalid_request"  # it says our request is wrong
    CONTENT_REJECTED = "content_rejected"  # it will not make this content
    UNSUPPORTED = "unsupported"  # it can not make this kind of video
    CALLBACK_REFUSED = "callback_refused"  # it does not know the field that carries our callback URL
    OUT_OF_CREDITS = "out_of_credits"  # our account there is empty
    UNAUTHORIZED = "unauthorized"  # our credential there is refused
    RATE_LIMITED = "rate_limited"  # too much, too fast; nothing was begun
    BUSY = "busy"  # it refuses by name for now; nothing was begun
    UNREACHABLE = "unreachable"  # nothing was sent
    UNAVAILABLE = "unavailable"  # a server error: something may have been begun
    LOST = "lost"  # sent, and no whole answer came
    PROTOCOL = "protocol"  # an answer came and can not be read
    NOT_FOUND = "not_found"  # it does not know this ref
    GENERATION_FAILED = "generation_failed"  # it tried to make the video and failed
    INCOMPLETE = "incomplete"  # it said completed and gave no usable file
    DEADLINE_EXCEEDED = "deadline_exceeded"  # nobody told us the end in time


class ProviderFailure(Exception):
    """An upstream did not do what was asked.

    Attributes:
        kind: which of the closed words.
        detail: for people only; nothing decides by it. Cut short, free of secrets.
        retry_after: seconds the upstream asks us to stay away, if it said so.
        credits_required, credits_available: what an empty account told us, if it did.
        headers: the answer's, names in lower case; empty when none came. Set by who asked.
    """

    def __init__(
        self,
        kind: FailureKind,
        detail: str = "",
        *,
        retry_after: float | None = None,
        credits_required: int | None = None,
        credits_available: int | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else str(kind))
        self.kind = kind
        self.detail = detail[:500]
        self.retry_after = retry_after
        self.credits_required = credits_required
        self.credits_available = credits_available
        self.headers: dict[str, str] = {}


class IllegalMove(Exception):
    """The life cycle has no such move; the caller's facts are stale or wrong."""
