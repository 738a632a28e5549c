"""Refusals that an operator can expect, as data."""

import strawberry

from gateway.graphql.refusals import (
    IdempotencyKeyReusedError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    UserError,
    field_errors,
)
from schema.errors import (
    ChangedMeanwhile,
    GatewayError,
    IdempotencyKeyReused,
    InvalidRequest,
    ManagedByFile,
    NotFound,
    NotUnknown,
    RefTaken,
    TooManyRequests,
)


@strawberry.type(description="What you say does not fit what is known by now; perhaps somebody else was first.")
class ConflictError(UserError):
    pass


@strawberry.type(description="The configuration file says how it is; change it there.")
class ManagedByFileError(UserError):
    pass


CorrectionRefusal = NotFoundError | InvalidInputError
ResolutionRefusal = CorrectionRefusal | ConflictError
SetupRefusal = ResolutionRefusal | ManagedByFileError
TestRefusal = NotFoundError | RateLimitedError
BookingRefusal = CorrectionRefusal | IdempotencyKeyReusedError


def _refusal(error: GatewayError) -> CorrectionRefusal:
    """What several can be refused with."""
    match error:
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
        case InvalidRequest():
            return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
    raise error


def resolution_refusal(error: GatewayError) -> ResolutionRefusal:
    """A refusal to resolve an attempt as data; anything unexpected is raised again."""
    if isinstance(error, NotUnknown | RefTaken):
        return ConflictError(message=error.detail, code=error.code)
    return _refusal(error)


def booking_refusal(error: GatewayError) -> BookingRefusal:
    """A refusal to book an operator's entry as data; anything unexpected is raised again."""
    if isinstance(error, IdempotencyKeyReused):
        return IdempotencyKeyReusedError(message=error.detail, code=error.code)
    return _refusal(error)


def account_refusal(error: GatewayError) -> CorrectionRefusal:
    """A refusal to act on an account as data; anything unexpected is raised again."""
    return _refusal(error)


def setup_refusal(error: GatewayError) -> SetupRefusal:
    """A refusal to set up a tenant or an account as data; anything unexpected is raised again."""
    if isinstance(error, ChangedMeanwhile):
        return ConflictError(message=error.detail, code=error.code)
    if isinstance(error, ManagedByFile):
        return ManagedByFileError(message=error.detail, code=error.code)
    return _refusal(error)


def test_refusal(error: GatewayError) -> TestRefusal:
    """A refusal to ask an account as data; anything unexpected is raised again."""
    match error:
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
        case TooManyRequests():
            return RateLimitedError(
                message=error.detail, code=error.code, retry_after_seconds=error.retry_after_seconds
            )
    raise error
