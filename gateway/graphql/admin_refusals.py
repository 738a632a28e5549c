"""Refusals that an operator can expect, as data."""

import strawberry

from gateway.graphql.refusals import (
    IdempotencyKeyReusedError,
    InvalidInputError,
    NotFoundError,
    UserError,
    field_errors,
)
from schema.errors import GatewayError, IdempotencyKeyReused, InvalidRequest, NotFound, NotUnknown, RefTaken


@strawberry.type(description="What you say does not fit what is known by now; perhaps somebody else was first.")
class ConflictError(UserError):
    pass


CorrectionRefusal = NotFoundError | InvalidInputError
ResolutionRefusal = CorrectionRefusal | ConflictError
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
