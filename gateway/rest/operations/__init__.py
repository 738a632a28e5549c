"""What each route promises, for the OpenAPI document: words, parameters, bodies, answers, refusals. Data alone."""

from gateway.rest.operations.accounts import ACCOUNTS
from gateway.rest.operations.audit import AUDIT
from gateway.rest.operations.client_tokens import CLIENT_TOKENS
from gateway.rest.operations.deliveries import DELIVERIES
from gateway.rest.operations.events import EVENTS
from gateway.rest.operations.images import IMAGES
from gateway.rest.operations.keys import KEYS
from gateway.rest.operations.money import MONEY
from gateway.rest.operations.operator import OPERATOR
from gateway.rest.operations.others import OTHERS
from gateway.rest.operations.setups import SETUPS
from gateway.rest.operations.tenant import TENANT
from gateway.rest.operations.videos import VIDEOS
from gateway.rest.operations.webhooks import WEBHOOKS
from gateway.rest.operations.words import Body, Key, Operation, Parameter, Reply

__all__ = ["OPERATIONS", "Body", "Key", "Operation", "Parameter", "Reply"]

OPERATIONS: dict[Key, Operation] = (
    VIDEOS
    | IMAGES
    | EVENTS
    | MONEY
    | TENANT
    | KEYS
    | CLIENT_TOKENS
    | WEBHOOKS
    | DELIVERIES
    | OTHERS
    | ACCOUNTS
    | SETUPS
    | AUDIT
    | OPERATOR
)
"""By method and path. Every route has its row: a test compares."""
