"""What the operator's routes promise."""

import msgspec

from gateway.rest import admin, admin_attempts, admin_tenants
from gateway.rest.admin import IncidentPageView, QuarantineView, ReleasedView, ReleaseQuarantine
from gateway.rest.admin_attempts import (
    BindAttempt,
    ResolutionPageView,
    ResolutionView,
    SuspenseListView,
    UnknownAttemptPageView,
    VoidAttempt,
)
from gateway.rest.admin_tenants import Correction, OperatorEntryView, TopUp
from gateway.rest.ledger import BalanceView
from gateway.rest.operations.words import (
    DAY,
    IDEMPOTENCY,
    JSON_BODY,
    LIMIT,
    OF_ATTEMPT,
    OF_TENANT,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    behind,
    text,
)
from gateway.rest.reconciliation import PATH as RECONCILIATION
from gateway.rest.reconciliation import ReconciliationView
from schema.ids import ATTEMPT, INCIDENT, RESOLUTION
from schema.incident import IncidentKind
from schema.lifecycle import AttemptState
from schema.tenant import Scope

_ATTEMPTS = admin_attempts.PATH
_ONCE = msgspec.structs.replace(
    IDEMPOTENCY, says="Makes it safe to send this again: with the same key it is booked once."
)
_TENANTS = admin_tenants.PATH.replace(":str", "")

OPERATOR: dict[Key, Operation] = {
    ("get", _ATTEMPTS): Operation(
        id="listUnknownAttempts",
        tag="operator",
        summary="List attempts whose outcome nobody knows",
        says="With what helps to find them in the provider's own books. The oldest come first.",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(
                name="state",
                where="query",
                says="Always the unknown ones.",
                schema={"type": "string", "enum": [AttemptState.UNKNOWN], "default": AttemptState.UNKNOWN},
            ),
            Parameter(name="account", where="query", says="Only those at this account.", schema=text(64)),
            Parameter(name="tenant", where="query", says="Only those of this tenant.", schema=text(64)),
            behind(ATTEMPT, "this attempt"),
            LIMIT,
        ),
        replies={200: Reply(says="A page of attempts.", shape=UnknownAttemptPageView)},
        refusals=(400, 422),
    ),
    ("post", _ATTEMPTS + "/{attempt_id}/bind"): Operation(
        id="bindAttempt",
        tag="operator",
        summary="Say which job of the provider's an unknown attempt is",
        says="It is watched to its end from now on. A video that still waits for it completes and is charged as usual; "
        "one that has ended stays as it is, and the file is an extra output.",
        scope=Scope.OPERATOR,
        parameters=(OF_ATTEMPT,),
        body=Body(types=JSON_BODY, shape=BindAttempt),
        replies={200: Reply(says="What was written down.", shape=ResolutionView)},
        refusals=(400, 404, 409, 415, 422),
    ),
    ("post", _ATTEMPTS + "/{attempt_id}/void"): Operation(
        id="voidAttempt",
        tag="operator",
        summary="Say that an unknown attempt was never made, or gave nothing",
        says="It has failed, and cost what you say. A video that waits for nothing else fails, and costs its tenant "
        "nothing.",
        scope=Scope.OPERATOR,
        parameters=(OF_ATTEMPT,),
        body=Body(types=JSON_BODY, shape=VoidAttempt),
        replies={200: Reply(says="What was written down.", shape=ResolutionView)},
        refusals=(400, 404, 409, 415, 422),
    ),
    ("get", admin_attempts.RESOLUTIONS): Operation(
        id="listResolutions",
        tag="operator",
        summary="List what operators found out about unknown attempts",
        scope=Scope.OPERATOR,
        parameters=(behind(RESOLUTION, "this resolution"), LIMIT),
        replies={200: Reply(says="A page of resolutions, newest first.", shape=ResolutionPageView)},
        refusals=(400, 422),
    ),
    ("get", admin_attempts.SUSPENSE): Operation(
        id="getSuspense",
        tag="operator",
        summary="See what accounts may have billed, while nobody knows",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="Every account's.", shape=SuspenseListView)},
    ),
    ("post", _TENANTS + "/top-ups"): Operation(
        id="topUpTenant",
        tag="operator",
        summary="Give a prepaid tenant money to spend",
        scope=Scope.OPERATOR,
        parameters=(
            OF_TENANT,
            _ONCE,
        ),
        body=Body(types=JSON_BODY, shape=TopUp),
        replies={
            201: Reply(
                says="Booked; or, with `Idempotent-Replayed`, booked earlier.",
                shape=OperatorEntryView,
                headers=("Idempotent-Replayed",),
            )
        },
        refusals=(400, 404, 415, 422),
    ),
    ("post", _TENANTS + "/adjustments"): Operation(
        id="adjustTenant",
        tag="operator",
        summary="Correct a prepaid tenant's balance",
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT, _ONCE),
        body=Body(types=JSON_BODY, shape=Correction),
        replies={
            201: Reply(
                says="Booked; or, with `Idempotent-Replayed`, booked earlier under the same key.",
                shape=OperatorEntryView,
                headers=("Idempotent-Replayed",),
            )
        },
        refusals=(400, 404, 415, 422),
    ),
    ("get", _TENANTS + "/balance"): Operation(
        id="getTenantBalance",
        tag="operator",
        summary="See how a tenant stands",
        scope=Scope.OPERATOR,
        parameters=(OF_TENANT,),
        replies={200: Reply(says="The tenant's balance.", shape=BalanceView)},
        refusals=(404,),
    ),
    ("get", admin.INCIDENTS): Operation(
        id="listIncidents",
        tag="operator",
        summary="List what must not happen, and did",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(
                name="kind",
                where="query",
                says="Only those of this kind.",
                schema={"type": "string", "enum": list(IncidentKind)},
            ),
            behind(INCIDENT, "this incident"),
            LIMIT,
        ),
        replies={200: Reply(says="A page of incidents, newest first.", shape=IncidentPageView)},
        refusals=(400, 422),
    ),
    ("get", admin.QUARANTINE): Operation(
        id="getQuarantine",
        tag="operator",
        summary="See whether the gateway was restored and waits for you",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="How it stands.", shape=QuarantineView)},
    ),
    ("post", admin.QUARANTINE + "/release"): Operation(
        id="releaseQuarantine",
        tag="operator",
        summary="Confirm a restored database and end its quarantine",
        says="Without a quarantine nothing happens; one that broke off can be said again.",
        scope=Scope.OPERATOR,
        body=Body(types=JSON_BODY, shape=ReleaseQuarantine),
        replies={200: Reply(says="What became of videos that had not been sent.", shape=ReleasedView)},
        refusals=(400, 415, 422),
    ),
    ("get", RECONCILIATION): Operation(
        id="reconcile",
        tag="operator",
        summary="Compare what accounts say they billed with the ledger",
        says="Costs they reported and balances they told, against what is booked, for 31 days at most. A difference "
        "with a hint may be in order; one without names the attempts to look at.",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(name="from", where="query", says="The first day, UTC; yesterday unless said.", schema=DAY),
            Parameter(name="to", where="query", says="The last day, included; today unless said.", schema=DAY),
            Parameter(name="account", where="query", says="Only this account.", schema=text(64)),
        ),
        replies={200: Reply(says="What was compared, and what came of it.", shape=ReconciliationView)},
        refusals=(400, 422),
    ),
}
