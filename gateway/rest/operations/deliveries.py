"""What the routes of deliveries to webhook endpoints promise."""

from msgspec.structs import replace

from gateway.rest import webhook_deliveries as deliveries
from gateway.rest.delivery_views import (
    DeliveryPageView,
    ReplayedView,
    ReplaySince,
    TestedView,
    TestEndpoint,
    WholeDeliveryView,
)
from gateway.rest.operations.words import (
    JSON_BODY,
    LIMIT,
    OF_VIDEO,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    behind,
    text,
)
from schema.delivery import DeliveryState
from schema.ids import ENDPOINT, MESSAGE, pattern
from schema.tenant import Scope

_ENDPOINT, _VIDEO = deliveries.OF_ENDPOINT.replace(":str", ""), deliveries.OF_VIDEO.replace(":str", "")
_ONE = deliveries.ONE.replace(":str", "")
_OF_ENDPOINT = Parameter(
    name="endpoint_id", where="path", says="The webhook endpoint.", schema=text(30, pattern=pattern(ENDPOINT))
)
_OF_DELIVERY = Parameter(
    name="delivery_id", where="path", says="The delivery.", schema=text(30, pattern=pattern(MESSAGE))
)
_STATE = Parameter(
    name="state", where="query", says="Only those.", schema={"type": "string", "enum": list(DeliveryState)}
)
_AGAIN = (
    "It takes its place in its video's order, keeps its `webhook-id` and its bytes, is signed anew, and has the whole "
    "schedule before it."
)

_LIST = Operation(
    id="listWebhookDeliveries",
    tag="webhooks",
    summary="List what a webhook endpoint was told",
    says="Newest first, those that wait too. What has ended is kept for `webhooks.keep_days`.",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_ENDPOINT, behind(MESSAGE, "this delivery"), LIMIT, _STATE),
    replies={200: Reply(says="A page of deliveries.", shape=DeliveryPageView, headers=("Cache-Control", "Vary"))},
    refusals=(400, 404, 422),
)
_RETRIEVE = Operation(
    id="getWebhookDelivery",
    tag="webhooks",
    summary="See a delivery and each of its tries",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_ENDPOINT, _OF_DELIVERY),
    replies={200: Reply(says="The delivery.", shape=WholeDeliveryView, headers=("Cache-Control", "Vary"))},
    refusals=(404,),
)
_REPLAY = Operation(
    id="replayWebhookDelivery",
    tag="webhooks",
    summary="Send a delivery that has ended once more",
    says=f"{_AGAIN} One that has not ended is sent anyway. `not_ready` (409) while its endpoint is disabled.",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_ENDPOINT, _OF_DELIVERY),
    replies={202: Reply(says="The delivery, on its way.", shape=WholeDeliveryView)},
    refusals=(404, 409),
)
_REPLAY_SINCE = Operation(
    id="replayWebhookDeliveries",
    tag="webhooks",
    summary="Send a webhook endpoint again what it was told since a moment",
    says=f"Of each delivery: {_AGAIN[0].lower()}{_AGAIN[1:]} 10,000 at most; ask again for more.",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_ENDPOINT,),
    body=Body(types=JSON_BODY, shape=ReplaySince),
    replies={202: Reply(says="How many are on their way.", shape=ReplayedView)},
    refusals=(400, 404, 409, 413, 415, 422),
)
_TEST = Operation(
    id="testWebhookEndpoint",
    tag="webhooks",
    summary="Send a webhook endpoint a sample event",
    says="At once and signed, also while it is disabled; it is not tried again, and not kept in the log.",
    scope=Scope.TENANT_ADMIN,
    parameters=(_OF_ENDPOINT,),
    body=Body(types=JSON_BODY, shape=TestEndpoint),
    replies={200: Reply(says="How it took it.", shape=TestedView)},
    refusals=(400, 404, 413, 415, 422),
)


def _of_video(operation: Operation, id: str, summary: str) -> Operation:
    parameters = (OF_VIDEO, *operation.parameters[1:])
    return replace(operation, id=id, summary=summary, parameters=parameters)


DELIVERIES: dict[Key, Operation] = {
    ("get", _ENDPOINT + deliveries.ALL): _LIST,
    ("get", _ENDPOINT + _ONE): _RETRIEVE,
    ("post", _ENDPOINT + _ONE + deliveries.REPLAY): _REPLAY,
    ("post", _ENDPOINT + deliveries.REPLAY): _REPLAY_SINCE,
    ("post", _ENDPOINT + deliveries.TEST): _TEST,
    ("get", _VIDEO + deliveries.ALL): _of_video(
        _LIST, "listVideoDeliveries", "List what the address that a video was given was told"
    ),
    ("get", _VIDEO + _ONE): _of_video(
        _RETRIEVE, "getVideoDelivery", "See a delivery to a video's address, and each of its tries"
    ),
    ("post", _VIDEO + _ONE + deliveries.REPLAY): _of_video(
        _REPLAY, "replayVideoDelivery", "Send a delivery to a video's address once more"
    ),
}
