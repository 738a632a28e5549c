"""What the routes promise by which the audit trail, the configuration and the master keys are seen."""

from msgspec.structs import replace

from gateway.rest import audit, configuration
from gateway.rest.audit import AuditPageView
from gateway.rest.configuration import ConfigurationView, RekeyedView, RekeySecrets, SecretsView
from gateway.rest.operations.words import JSON_BODY, LIMIT, Body, Key, Operation, Parameter, Reply, behind, text
from schema.ids import TRAIL, pattern
from schema.tenant import Scope

_PRIVATE = ("Cache-Control", "Vary")
_MOMENT = text(12, pattern="^[0-9]{1,12}$")
_OF_TENANT = Parameter(name="tenant", where="query", says="Only what is this tenant's.", schema=text(64))
_FILTERS = (
    Parameter(
        name="subject",
        where="query",
        says="Only what was done to the thing with this id.",
        schema=text(audit.MAX_SUBJECT),
    ),
    Parameter(
        name="action",
        where="query",
        says="Only actions that begin so, such as `account.`.",
        schema=text(audit.MAX_ACTION),
    ),
    Parameter(name="since", where="query", says="Not earlier, in seconds since the Unix epoch.", schema=_MOMENT),
    Parameter(name="until", where="query", says="Earlier than this, in seconds since the Unix epoch.", schema=_MOMENT),
)
_BEFORE = Parameter(
    name="before", where="query", says="Those before this entry.", schema=text(30, pattern=pattern(TRAIL))
)
_PAGE = (behind(TRAIL, "this entry"), _BEFORE, LIMIT)

_LIST = Operation(
    id="listAudit",
    tag="operator",
    summary="See who changed what, and when",
    says="Entries are added in the transaction that makes the change, and never changed: the database refuses that.",
    scope=Scope.OPERATOR,
    parameters=(_OF_TENANT, *_FILTERS, *_PAGE),
    replies={200: Reply(says="A page of entries, newest first.", shape=AuditPageView, headers=_PRIVATE)},
    refusals=(400, 422),
)

AUDIT: dict[Key, Operation] = {
    ("get", audit.PATH): _LIST,
    ("get", audit.EXPORT): Operation(
        id="exportAudit",
        tag="operator",
        summary="Take the whole audit trail away",
        says="An entry a line, as JSON, the oldest first.",
        scope=Scope.OPERATOR,
        parameters=(_OF_TENANT, *_FILTERS),
        replies={
            200: Reply(says="The entries.", media="application/jsonl", headers=("Content-Disposition", *_PRIVATE))
        },
        refusals=(400, 422),
    ),
    ("get", audit.OWN): replace(
        _LIST,
        id="listOwnAudit",
        tag="tenant",
        summary="See who changed what is yours",
        says="Whoever is none of your own keys is told as `operator`.",
        scope=Scope.TENANT_ADMIN,
        parameters=(*_FILTERS, *_PAGE),
    ),
    ("get", configuration.PATH): Operation(
        id="getConfiguration",
        tag="operator",
        summary="See how the process stands to its configuration file",
        says="SIGHUP makes it read the file again.",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="How it stands.", shape=ConfigurationView)},
    ),
    ("get", configuration.SECRETS): Operation(
        id="getSecrets",
        tag="operator",
        summary="See which master keys the stored secrets lie under",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="Master keys by their ids.", shape=SecretsView)},
    ),
    ("post", configuration.REKEY): Operation(
        id="rekeySecrets",
        tag="operator",
        summary="Put every stored secret under the current master key",
        says="Some at a time, while everything goes on; it can be stopped anywhere and asked for again.",
        scope=Scope.OPERATOR,
        body=Body(types=JSON_BODY, shape=RekeySecrets),
        replies={200: Reply(says="How far it is.", shape=RekeyedView)},
        refusals=(400, 415, 422),
    ),
}
