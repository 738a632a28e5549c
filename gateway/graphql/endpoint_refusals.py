"""Refusals that whoever changes webhook endpoints can expect, as data."""

from gateway.graphql.admin_refusals import ManagedByFileError
from gateway.graphql.refusals import InvalidInputError, NotFoundError, field_errors
from schema.errors import GatewayError, InvalidRequest, ManagedByFile, NotFound

CreateRefusal = InvalidInputError | NotFoundError
RemoveRefusal = ManagedByFileError | NotFoundError
ChangeRefusal = CreateRefusal | RemoveRefusal


def missing_refusal(error: GatewayError) -> NotFoundError:
    """A refusal because something is not there; anything else is raised again."""
    if isinstance(error, NotFound):
        return NotFoundError(message=error.detail, code=error.code)
    raise error


def create_refusal(error: GatewayError) -> CreateRefusal:
    """A refusal to make an endpoint; anything unexpected is raised again."""
    if isinstance(error, InvalidRequest):
        return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
    return missing_refusal(error)


def remove_refusal(error: GatewayError) -> RemoveRefusal:
    """A refusal to remove an endpoint or rotate its secret; anything unexpected is raised again."""
    if isinstance(error, ManagedByFile):
        return ManagedByFileError(message=error.detail, code=error.code)
    return missing_refusal(error)


def change_refusal(error: GatewayError) -> ChangeRefusal:
    """A refusal to change an endpoint; anything unexpected is raised again."""
    return remove_refusal(error) if isinstance(error, ManagedByFile) else create_refusal(error)
