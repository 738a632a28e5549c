"""Errors as callers see them: every one has a code, and what is our fault is logged and not shown."""

import re
from enum import StrEnum
from typing import Any

import structlog
from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from gateway.graphql.spelling import spell, spell_change
from schema.errors import GatewayError, InvalidRequest, NoRoute

log = structlog.get_logger()


class Code(StrEnum):
    """``extensions.code`` of errors that no GatewayError is behind; those have their own code in capitals."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    BAD_REQUEST = "BAD_REQUEST"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_ID_REQUIRED = "PERSISTED_QUERY_ID_REQUIRED"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


_LONGEST = 500
"""Characters of a message: GraphQL quotes names of any length back."""

_SUGGESTION = re.compile(r" ?Did you mean .*\?$", re.DOTALL)


def shown(error: GraphQLError, *, explorable: bool) -> GraphQLError:
    """An error as the caller may see it. What is not the caller's doing is logged here."""
    if "code" in (error.extensions or {}):
        return error
    cause = error.original_error
    if isinstance(cause, GatewayError):
        return _copy(error, worded(cause), facts(cause))
    if _is_callers(error):
        message = error.message if explorable else _SUGGESTION.sub("", error.message)
        return _copy(error, message, {"code": Code.BAD_USER_INPUT})
    log.error("graphql.failed", path=error.path, exc_info=cause or error)
    return _copy(error, GatewayError.title, {"code": Code.INTERNAL_SERVER_ERROR, **_request_id()})


def coded(error: GraphQLError, code: Code) -> GraphQLError:
    """The same error with a code. A copy would look once more in which lines it stands, which takes a while. What it
    was found in is let go: errors are remembered, and that is many times as large.
    """
    error.message = error.message[:_LONGEST]
    error.extensions = {"code": code}
    error.nodes = None
    return error.with_traceback(None)


def worded(error: GatewayError) -> str:
    """What it says, the field that it begins with as this door calls it."""
    name = error.errors[0].field if error.errors else ""
    named = bool(name) and error.detail.startswith(f"{name}: ")
    return spell(name) + error.detail[len(name) :] if named else error.detail


def facts(error: GatewayError) -> dict[str, Any]:
    """What a machine may rely on: the code, the fields that are wrong, what would help, when to try again."""
    code = Code.BAD_USER_INPUT if isinstance(error, InvalidRequest) else error.code.upper()
    found: dict[str, Any] = {"code": code}
    if error.errors:
        found["errors"] = [
            {"field": spell(field.field), "code": field.code, "detail": field.detail} for field in error.errors
        ]
    if isinstance(error, NoRoute) and error.remedy is not None:
        changes = [{**spell_change(change)._asdict(), "by": change.by.name} for change in error.remedy.changes]
        found["remedy"] = {"account": error.remedy.account, "changes": changes}
    if error.retry_after_seconds is not None:
        found["retryAfterSeconds"] = error.retry_after_seconds
    return found


def _is_callers(error: GraphQLError) -> bool:
    """Whether GraphQL itself refused an input: a variable (no path), or an argument (it points at the document)."""
    if error.path is None:
        return error.original_error is None or isinstance(error.original_error, GraphQLError)
    cause = error.original_error
    if isinstance(cause, StrawberryInputCoercionError):
        return True
    return isinstance(cause, GraphQLError) and cause.nodes is not None


def _copy(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message[:_LONGEST],
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _request_id() -> dict[str, str]:
    id = structlog.contextvars.get_contextvars().get("request_id")
    return {} if id is None else {"requestId": id}
