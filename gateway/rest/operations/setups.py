"""What the routes promise by which tenants and accounts are set up."""

from msgspec.structs import replace

from gateway.rest import account_setups, admin_accounts, tenancies
from gateway.rest.admin_tenants import PATH as ONE_TENANT
from gateway.rest.bodies import MERGE_PATCH
from gateway.rest.operations.words import (
    IF_MATCH,
    JSON_BODY,
    LIMIT,
    OF_TENANT,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    text,
)
from gateway.rest.policy_views import ChangeTenant
from gateway.rest.setup_views import (
    AccountChanges,
    AccountSetupListView,
    AccountSetupView,
    AccountTestView,
    NewAccount,
    NewCredential,
    NewWebhookSecrets,
)
from gateway.rest.tenancy_views import (
    AnyTenantView,
    FundingGiven,
    Label,
    NewTenant,
    Origins,
    TenantLimitsGiven,
    TenantSetupPageView,
    TenantSetupView,
)
from schema.tenant import Scope

_PRIVATE = ("Cache-Control", "Vary")
_STATE = ("ETag", *_PRIVATE)
_OF_ACCOUNT = Parameter(name="account_id", where="path", says="The account.", schema=text(64))
_FILE = "What a configuration file declares is changed there: `managed_by_file` (409)."
_ONE, _OWN_ONE = account_setups.ONE.replace(":str", ""), account_setups.OWN_ONE.replace(":str", "")


class ChangeAnyTenant(ChangeTenant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a tenant, a JSON merge patch: either its `routing`, or of the rest."""

    name: Label | None = None
    origins: Origins | None = None
    funding: FundingGiven | None = None
    limits: TenantLimitsGiven | None = None


_LIST = Operation(
    id="listAccountSetups",
    tag="operator",
    summary="See how every account is set up",
    scope=Scope.OPERATOR,
    replies={200: Reply(says="The accounts, by id.", shape=AccountSetupListView, headers=_PRIVATE)},
    refusals=(400,),
)
_CREATE = Operation(
    id="createAccount",
    tag="operator",
    summary="Set up an account",
    says="Every mistake is named at once. It serves within a second, at every replica.",
    scope=Scope.OPERATOR,
    body=Body(types=JSON_BODY, shape=NewAccount),
    replies={201: Reply(says="The account.", shape=AccountSetupView, headers=_STATE)},
    refusals=(400, 413, 415, 422),
)
_RETRIEVE = Operation(
    id="getAccountSetup",
    tag="operator",
    summary="See how an account is set up",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT,),
    replies={200: Reply(says="The account.", shape=AccountSetupView, headers=_STATE)},
    refusals=(404,),
)
_UPDATE = Operation(
    id="updateAccount",
    tag="operator",
    summary="Change how an account is set up",
    says=f"A JSON merge patch (RFC 7396); its secrets have routes of their own. {_FILE}",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT, IF_MATCH),
    body=Body(types=(MERGE_PATCH[1], MERGE_PATCH[0]), shape=AccountChanges),
    replies={200: Reply(says="The account, as it is now.", shape=AccountSetupView, headers=_STATE)},
    refusals=(400, 404, 409, 412, 413, 415, 422, 428),
)
_REMOVE = Operation(
    id="removeAccount",
    tag="operator",
    summary="Remove an account",
    says=f"It gets no more videos; those it has are watched to their ends. {_FILE}",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT, IF_MATCH),
    replies={200: Reply(says="The account, as it was.", shape=AccountSetupView, headers=_STATE)},
    refusals=(400, 404, 409, 412, 428),
)
_ROTATE = Operation(
    id="rotateAccountCredential",
    tag="operator",
    summary="Give an account another credential",
    says="What was sent with the former one is asked about with that, as long as the provider takes it; so change it "
    f"here first, and withdraw the old one there when those videos have ended. {_FILE}",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT,),
    body=Body(types=JSON_BODY, shape=NewCredential),
    replies={200: Reply(says="The account, as it is now.", shape=AccountSetupView, headers=_STATE)},
    refusals=(400, 404, 409, 413, 415, 422),
)
_WEBHOOK_SECRETS = Operation(
    id="setAccountWebhookSecrets",
    tag="operator",
    summary="Give an account other webhook secrets",
    says="The current one first; calls signed with any of them are taken, and those that they replace for "
    f"`overlap_seconds` more. {_FILE}",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT,),
    body=Body(types=JSON_BODY, shape=NewWebhookSecrets),
    replies={200: Reply(says="The account, as it is now.", shape=AccountSetupView, headers=_STATE)},
    refusals=(400, 404, 409, 413, 415, 422),
)
_TEST = Operation(
    id="testAccount",
    tag="operator",
    summary="Ask an account whether it is there and takes its credential",
    says="A question about a job, which costs nothing but one of its requests a minute.",
    scope=Scope.OPERATOR,
    parameters=(_OF_ACCOUNT,),
    replies={200: Reply(says="What that showed.", shape=AccountTestView)},
    refusals=(404, 429),
)


def _own(operation: Operation, id: str, summary: str) -> Operation:
    return replace(operation, id=id, tag="tenant", summary=summary, scope=Scope.TENANT_ADMIN)


_ANY = ONE_TENANT.replace(":str", "")
_BOTH = Parameter(
    name="If-Match",
    where="header",
    required=True,
    says="Required: the tenant's ETag, which names the version of its policy and that of the rest, so that nobody's "
    "change is undone unseen. The policy's alone is enough to change `routing`.",
    schema=text(34, pattern='^"[0-9]{1,15}(\\.[0-9]{1,15})?"$'),
)
_AFTER = Parameter(name="after", where="query", says="Those behind this tenant.", schema=text(64, minLength=1))

SETUPS: dict[Key, Operation] = {
    ("get", account_setups.SETUPS): _LIST,
    ("post", admin_accounts.PATH): _CREATE,
    ("get", _ONE): _RETRIEVE,
    ("patch", _ONE): _UPDATE,
    ("delete", _ONE): _REMOVE,
    ("post", _ONE + account_setups.CREDENTIAL): _ROTATE,
    ("post", _ONE + account_setups.WEBHOOK_SECRETS): _WEBHOOK_SECRETS,
    ("post", _ONE + account_setups.TEST): _TEST,
    ("get", account_setups.OWN): _own(_LIST, "listOwnAccounts", "See your own accounts"),
    ("post", account_setups.OWN): _own(_CREATE, "createOwnAccount", "Set up an account of your own"),
    ("get", _OWN_ONE): _own(_RETRIEVE, "getOwnAccount", "See how one of your own accounts is set up"),
    ("patch", _OWN_ONE): _own(_UPDATE, "updateOwnAccount", "Change one of your own accounts"),
    ("delete", _OWN_ONE): _own(_REMOVE, "removeOwnAccount", "Remove one of your own accounts"),
    ("post", _OWN_ONE + account_setups.CREDENTIAL): _own(
        _ROTATE, "rotateOwnAccountCredential", "Give one of your own accounts another credential"
    ),
    ("post", _OWN_ONE + account_setups.WEBHOOK_SECRETS): _own(
        _WEBHOOK_SECRETS, "setOwnAccountWebhookSecrets", "Give one of your own accounts other webhook secrets"
    ),
    ("post", _OWN_ONE + account_setups.TEST): _own(
        _TEST, "testOwnAccount", "Ask one of your own accounts whether it takes its credential"
    ),
    ("get", tenancies.PATH): Operation(
        id="listTenants",
        tag="operator",
        summary="List the tenants",
        scope=Scope.OPERATOR,
        parameters=(_AFTER, LIMIT),
        replies={200: Reply(says="A page of tenants, by id.", shape=TenantSetupPageView, headers=_PRIVATE)},
        refusals=(400, 422),
    ),
    ("post", tenancies.PATH): Operation(
        id="createTenant",
        tag="operator",
        summary="Make a tenant",
        says="Every mistake is named at once. `routing` is what its policy begins with; it has no keys yet.",
        scope=Scope.OPERATOR,
        body=Body(types=JSON_BODY, shape=NewTenant),
        replies={201: Reply(says="The tenant.", shape=AnyTenantView, headers=_STATE)},
        refusals=(400, 413, 415, 422),
    ),
    ("get", _ANY): Operation(
        id="getAnyTenant",
        tag="operator",
        summary="See a tenant, and how its videos are routed",
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT,),
        replies={200: Reply(says="The tenant.", shape=AnyTenantView, headers=_STATE)},
        refusals=(404,),
    ),
    ("patch", _ANY): Operation(
        id="updateAnyTenant",
        tag="operator",
        summary="Change a tenant, or how its videos are routed",
        says=f"A JSON merge patch (RFC 7396); `routing` is changed by a request of its own. {_FILE} The change is "
        "effective at every replica within a second.",
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT, _BOTH),
        body=Body(types=(MERGE_PATCH[1], MERGE_PATCH[0]), shape=ChangeAnyTenant),
        replies={200: Reply(says="The tenant, as it is now.", shape=AnyTenantView, headers=_STATE)},
        refusals=(400, 404, 409, 412, 413, 415, 422, 428),
    ),
    ("delete", _ANY): Operation(
        id="removeTenant",
        tag="operator",
        summary="Remove a tenant",
        says="Its keys stop at once and its own accounts get no more videos; videos that were accepted are brought to "
        f"their ends. {_FILE}",
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT, _BOTH),
        replies={200: Reply(says="The tenant, as it was.", shape=TenantSetupView, headers=_PRIVATE)},
        refusals=(400, 404, 409, 412, 422, 428),
    ),
}
