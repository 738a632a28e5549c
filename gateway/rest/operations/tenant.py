"""What the routes of a tenant and of its routing policy promise, for itself and for operators."""

from msgspec.structs import replace

from gateway.rest import tenant
from gateway.rest.admin_tenants import PATH as ONE_TENANT
from gateway.rest.operations.words import (
    IF_MATCH,
    JSON_BODY,
    LIMIT,
    OF_TENANT,
    PATCH_BODY,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    text,
)
from gateway.rest.policy_views import (
    ChangeTenant,
    PolicyPageView,
    RestorePolicy,
    TenantView,
)
from gateway.rest.replay_views import PolicyReplayView, ReplayPolicy
from schema.tenant import Scope

_PRIVATE = ("Cache-Control", "Vary")
_POLICIES, _RESTORE, _REPLAY = tenant.POLICIES, tenant.RESTORE.replace(":int", ""), tenant.REPLAY
_OF_VERSION = Parameter(
    name="version",
    where="path",
    says="The version to come back to.",
    schema={"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**53 - 1},
)
_OLDER = Parameter(
    name="after",
    where="query",
    says="Those older than this version.",
    schema=text(15, pattern="^[0-9]{1,15}$"),
)
_WHO_MAY = (
    "A tenant whose configuration has a `routing` table is managed there: `managed_by_file` (409). If another version "
    "is in force than the one you name, nothing is changed, and the problem's `versions` hold both (412). The change "
    "is effective at every replica within a second."
)

_RETRIEVE = Operation(
    id="getTenant",
    tag="tenant",
    summary="See who you are, and how your videos are routed",
    scope=Scope.VIDEOS_READ,
    replies={200: Reply(says="Your tenant.", shape=TenantView, headers=("ETag", *_PRIVATE))},
)
_CHANGE = Operation(
    id="updateTenant",
    tag="tenant",
    summary="Change how your videos are routed",
    says=f"`routing` is a JSON merge patch (RFC 7396), as `application/json` too. {_WHO_MAY} What changes "
    "nothing makes no new version.",
    scope=Scope.TENANT_ADMIN,
    parameters=(IF_MATCH,),
    body=Body(types=PATCH_BODY, shape=ChangeTenant),
    replies={200: Reply(says="Your tenant, as it is now.", shape=TenantView, headers=("ETag", *_PRIVATE))},
    refusals=(400, 409, 412, 413, 415, 422, 428),
)
_HISTORY = Operation(
    id="listPolicies",
    tag="tenant",
    summary="See how your videos were routed, and who changed that",
    scope=Scope.VIDEOS_READ,
    parameters=(_OLDER, LIMIT),
    replies={200: Reply(says="A page of versions, newest first.", shape=PolicyPageView, headers=_PRIVATE)},
    refusals=(400, 422),
)
_RESTORED = Operation(
    id="restorePolicy",
    tag="tenant",
    summary="Route your videos again as an old version says",
    says=f"That makes a new version. {_WHO_MAY}",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_VERSION, IF_MATCH),
    body=Body(types=JSON_BODY, shape=RestorePolicy),
    replies={200: Reply(says="Your tenant, as it is now.", shape=TenantView, headers=("ETag", *_PRIVATE))},
    refusals=(400, 404, 409, 412, 413, 415, 422, 428),
)
_REPLAYED = Operation(
    id="replayPolicy",
    tag="tenant",
    summary="Ask what another policy had changed",
    says="Your latest decisions are made again under the policy in force with these changes, from the facts of then "
    "and what your accounts can do now; each video's own wish stays. Nothing is sent, and nothing is written.",
    scope=Scope.VIDEOS_READ,
    body=Body(types=JSON_BODY, shape=ReplayPolicy),
    replies={200: Reply(says="What had changed.", shape=PolicyReplayView)},
    refusals=(400, 413, 415, 422),
)


def _for_operators(operation: Operation, id: str, summary: str) -> Operation:
    return replace(
        operation,
        id=id,
        tag="operator",
        summary=summary,
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT, *operation.parameters),
        replies={status: replace(reply, says=_NEUTRAL[reply.says]) for status, reply in operation.replies.items()},
        refusals=tuple(sorted({404, *operation.refusals})),
    )


_NEUTRAL = {
    "Your tenant, as it is now.": "The tenant, as it is now.",
    "A page of versions, newest first.": "A page of versions, newest first.",
    "What had changed.": "What had changed.",
}
"""How an operator is told the same."""

_ANY = ONE_TENANT.replace(":str", "")

TENANT: dict[Key, Operation] = {
    ("get", tenant.PATH): _RETRIEVE,
    ("patch", tenant.PATH): _CHANGE,
    ("get", tenant.PATH + _POLICIES): _HISTORY,
    ("post", tenant.PATH + _RESTORE): _RESTORED,
    ("post", tenant.PATH + _REPLAY): _REPLAYED,
    ("get", _ANY + _POLICIES): _for_operators(_HISTORY, "listPoliciesOf", "See how a tenant's videos were routed"),
    ("post", _ANY + _RESTORE): _for_operators(_RESTORED, "restorePolicyOf", "Route a tenant's videos as before"),
    ("post", _ANY + _REPLAY): _for_operators(_REPLAYED, "replayPolicyOf", "Ask what another policy had changed"),
}
