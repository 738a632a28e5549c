"""Refusals that a caller can expect, as data: one type per kind, all of them UserErrors."""

from typing import Self

import strawberry

from gateway.graphql.remedies import Remedy
from gateway.graphql.scalars import Amount
from gateway.graphql.spelling import spell
from gateway.turnstile import State, refused
from schema.errors import (
    AlreadyEnded,
    GatewayError,
    Gone,
    IdempotencyKeyReused,
    InsufficientFunds,
    InvalidRequest,
    NoRoute,
    NotFound,
    NotReady,
    TooManyRequests,
)
from schema.errors import FieldError as FieldErrorFacts


@strawberry.interface(description="A refusal one can expect. `... on UserError` catches every kind, also later ones.")
class UserError:
    message: str = strawberry.field(description="A sentence for people; it may change.")
    code: str = strawberry.field(description="A stable word, the same as REST's.")


@strawberry.type(description="One thing wrong with one field.")
class FieldError:
    field: str = strawberry.field(description="The input's field, dotted when nested, such as `routing.maxCost`.")
    code: str = strawberry.field(description="A stable word, such as `required`; new ones may be added.")
    detail: str = strawberry.field(description="What is wrong and how to mend it, for people.")


@strawberry.type(description="The wish can not be understood: mend the fields that `errors` names.")
class InvalidInputError(UserError):
    errors: list[FieldError] = strawberry.field(description="What is wrong, field by field.")


@strawberry.type(description="No account can ever make this video as asked.")
class NoRouteError(UserError):
    errors: list[FieldError] = strawberry.field(description="Which fields stand against which account.")
    remedy: Remedy | None = strawberry.field(
        description="The smallest change after which somebody could make it; null where nothing helps."
    )

    @classmethod
    def of(cls, error: NoRoute) -> Self:
        return cls(
            message=error.detail,
            code=error.code,
            errors=field_errors(error.errors),
            remedy=Remedy.of(error.remedy),
        )


@strawberry.type(description="The idempotency key was used for another wish; use a new one.")
class IdempotencyKeyReusedError(UserError):
    pass


@strawberry.type(
    description="There is not enough money, on your balance or of a budget: nothing was accepted, and the same "
    "idempotency key can be used once there is more."
)
class InsufficientFundsError(UserError):
    needed_micros: Amount = strawberry.field(
        description="The most the video may cost: so much is set aside for it. Of a batch, what all of it may cost at "
        "the least."
    )
    available_micros: Amount = strawberry.field(description="What is left, on your balance or of the budget.")
    missing_micros: Amount = strawberry.field(description="What lacks.")
    period: str | None = strawberry.field(
        description="The budget that is used up, a day (`2026-11-20`) or a month (`2026-11`), UTC; null for your "
        "balance."
    )

    @classmethod
    def of(cls, error: InsufficientFunds) -> Self:
        return cls(
            message=error.detail,
            code=error.code,
            needed_micros=Amount(error.needed),
            available_micros=Amount(error.available),
            missing_micros=Amount(error.missing),
            period=error.period,
        )


@strawberry.type(description="Too much at once; nothing was accepted. Try again later, with the same key.")
class RateLimitedError(UserError):
    retry_after_seconds: int | None = strawberry.field(description="How long to wait before trying again.")


@strawberry.type(description="You have no such thing.")
class NotFoundError(UserError):
    pass


@strawberry.type(description="The video has completed or failed; it can not be changed any more.")
class AlreadyEndedError(UserError):
    pass


CreateRefusal = InvalidInputError | NoRouteError | InsufficientFundsError | IdempotencyKeyReusedError | RateLimitedError
CancelRefusal = NotFoundError | AlreadyEndedError


def create_refusal(error: GatewayError, state: State) -> CreateRefusal:
    """A refusal to create as data; anything unexpected is raised again. The request's state learns of limits."""
    refused(state, error)
    match error:
        case InvalidRequest() | NotReady() | Gone():  # the last two say so of the video that it was to start from
            fields = field_errors(error.errors)
            message = f"{fields[0].field}: {fields[0].detail}" if len(fields) == 1 else error.detail
            return InvalidInputError(message=message, code=error.code, errors=fields)
        case NoRoute():
            return NoRouteError.of(error)
        case InsufficientFunds():
            return InsufficientFundsError.of(error)
        case IdempotencyKeyReused():
            return IdempotencyKeyReusedError(message=error.detail, code=error.code)
        case TooManyRequests():
            return RateLimitedError(
                message=error.detail, code=error.code, retry_after_seconds=error.retry_after_seconds
            )
    raise error


def cancel_refusal(error: GatewayError) -> CancelRefusal:
    """A refusal to cancel as data; anything unexpected is raised again."""
    match error:
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
        case AlreadyEnded():
            return AlreadyEndedError(message=error.detail, code=error.code)
    raise error


def field_errors(errors: tuple[FieldErrorFacts, ...]) -> list[FieldError]:
    return [FieldError(field=spell(error.field), code=error.code, detail=error.detail) for error in errors]
