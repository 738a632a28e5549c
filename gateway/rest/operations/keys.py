"""What the routes of API keys promise, for a tenant's administrators and for operators."""

from msgspec.structs import replace

from gateway.rest import keys
from gateway.rest.key_views import ApiKeyPageView, ApiKeyView, CreateApiKey, MadeApiKeyView, RotateApiKey, UpdateApiKey
from gateway.rest.operations.words import (
    JSON_BODY,
    LIMIT,
    OF_TENANT,
    PATCH_BODY,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    behind,
    text,
)
from schema.ids import KEY, pattern
from schema.tenant import Scope

_ONE, _ROTATE = keys.ONE.replace(":str", ""), keys.ROTATE.replace(":str", "")
_ANY = keys.ANY.replace(":str", "")
_OF_KEY = Parameter(name="key_id", where="path", says="The key.", schema=text(30, pattern=pattern(KEY)))
_RIGHTS = (
    "A key can give, change and rotate only what it may do itself; an operator's may do all. What the configuration "
    "file manages is changed there: `managed_by_file` (409)."
)
_SOON = "It is effective here at once, and at every other replica within five seconds."

_LIST = Operation(
    id="listApiKeys",
    tag="keys",
    summary="List your API keys",
    says="Newest first, those that work no more too.",
    scope=Scope.TENANT_ADMIN,
    parameters=(behind(KEY, "this key"), LIMIT),
    replies={200: Reply(says="A page of keys.", shape=ApiKeyPageView)},
    refusals=(400, 422),
)
_CREATE = Operation(
    id="createApiKey",
    tag="keys",
    summary="Make an API key",
    says=f"The answer holds its text, this once. {_RIGHTS} Without an answer, look at the list: a key that you can not "
    "use is revoked.",
    scope=Scope.TENANT_ADMIN,
    body=Body(types=JSON_BODY, shape=CreateApiKey),
    replies={201: Reply(says="The key, with its text.", shape=MadeApiKeyView, headers=("Location",))},
    refusals=(400, 413, 415, 422),
)
_RETRIEVE = Operation(
    id="getApiKey",
    tag="keys",
    summary="See an API key",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_KEY,),
    replies={200: Reply(says="The key.", shape=ApiKeyView)},
    refusals=(404,),
)
_CHANGE = Operation(
    id="updateApiKey",
    tag="keys",
    summary="Change what an API key may do, from where, and how long",
    says=f"A JSON merge patch (RFC 7396). {_RIGHTS} {_SOON}",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_KEY,),
    body=Body(types=PATCH_BODY, shape=UpdateApiKey),
    replies={200: Reply(says="The key, as it is now.", shape=ApiKeyView)},
    refusals=(400, 404, 409, 413, 415, 422),
)
_REVOKED = Operation(
    id="revokeApiKey",
    tag="keys",
    summary="Revoke an API key",
    says=f"Whoever holds it gets no further, and its open streams end. {_SOON} Revoking a revoked key changes nothing. "
    "A key may revoke itself; operators' keys are revoked by operators. What the configuration file manages is revoked "
    "by taking it out of the file: `managed_by_file` (409).",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_KEY,),
    replies={200: Reply(says="The key, revoked.", shape=ApiKeyView)},
    refusals=(404, 409),
)
_ROTATED = Operation(
    id="rotateApiKey",
    tag="keys",
    summary="Make an API key that takes another's place",
    says=f"The new one may do the same, for as long, anew; its text is in the answer, this once. The old one goes on "
    f"for a while, so that both work while you bring the new one out. {_RIGHTS}",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_KEY,),
    body=Body(types=JSON_BODY, shape=RotateApiKey),
    replies={201: Reply(says="The new key, with its text.", shape=MadeApiKeyView, headers=("Location",))},
    refusals=(400, 404, 409, 413, 415, 422),
)


def _for_operators(operation: Operation, id: str, summary: str) -> Operation:
    return replace(
        operation,
        id=id,
        tag="operator",
        summary=summary,
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT, *operation.parameters),
        refusals=tuple(sorted({404, *operation.refusals})),
    )


KEYS: dict[Key, Operation] = {
    ("get", keys.PATH): _LIST,
    ("post", keys.PATH): _CREATE,
    ("get", keys.PATH + _ONE): _RETRIEVE,
    ("patch", keys.PATH + _ONE): _CHANGE,
    ("delete", keys.PATH + _ONE): _REVOKED,
    ("post", keys.PATH + _ROTATE): _ROTATED,
    ("get", _ANY): _for_operators(_LIST, "listApiKeysOf", "List a tenant's API keys"),
    ("post", _ANY): _for_operators(_CREATE, "createApiKeyFor", "Make an API key for a tenant"),
    ("get", _ANY + _ONE): _for_operators(_RETRIEVE, "getApiKeyOf", "See a tenant's API key"),
    ("patch", _ANY + _ONE): _for_operators(_CHANGE, "updateApiKeyOf", "Change what a tenant's API key may do"),
    ("delete", _ANY + _ONE): _for_operators(_REVOKED, "revokeApiKeyOf", "Revoke a tenant's API key"),
    ("post", _ANY + _ROTATE): _for_operators(_ROTATED, "rotateApiKeyOf", "Rotate a tenant's API key"),
}
