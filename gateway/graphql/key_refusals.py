"""Refusals that whoever changes API keys can expect, as data."""

from gateway.graphql.admin_refusals import ConflictError, ManagedByFileError
from gateway.graphql.refusals import InvalidInputError, NotFoundError, field_errors
from schema.errors import GatewayError, InvalidRequest, KeyReplaced, KeyRevoked, ManagedByFile, NotFound

CreateRefusal = InvalidInputError | NotFoundError
RevokeRefusal = ManagedByFileError | NotFoundError
ChangeRefusal = CreateRefusal | RevokeRefusal | ConflictError


def create_refusal(error: GatewayError) -> CreateRefusal:
    """A refusal to make a key; anything unexpected is raised again."""
    match error:
        case InvalidRequest():
            return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
    raise error


def revoke_refusal(error: GatewayError) -> RevokeRefusal:
    """A refusal to revoke a key; anything unexpected is raised again."""
    match error:
        case ManagedByFile():
            return ManagedByFileError(message=error.detail, code=error.code)
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
    raise error


def change_refusal(error: GatewayError) -> ChangeRefusal:
    """A refusal to change or rotate a key; anything unexpected is raised again."""
    match error:
        case KeyRevoked() | KeyReplaced():
            return ConflictError(message=error.detail, code=error.code)
        case ManagedByFile():
            return revoke_refusal(error)
    return create_refusal(error)
