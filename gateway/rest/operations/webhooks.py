"""What the routes of webhook endpoints promise."""

from gateway.rest import webhook_endpoints as routes
from gateway.rest.endpoint_views import (
    CreateWebhookEndpoint,
    DeletedWebhookEndpointView,
    MadeWebhookSecretView,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookEndpointPageView,
    WebhookEndpointView,
    WebhookEndpointWithSecretView,
    WebhookEventTypesView,
    WebhookSecretView,
)
from gateway.rest.operations.words import JSON_BODY, LIMIT, Body, Key, Operation, Parameter, Reply, behind, text
from schema.ids import ENDPOINT, pattern
from schema.tenant import Scope

OF_ENDPOINT = Parameter(
    name="endpoint_id", where="path", says="The webhook endpoint.", schema=text(30, pattern=pattern(ENDPOINT))
)
_FILE = "What the configuration file manages is changed there: `managed_by_file` (409)."
_PUBLIC = "Its address must be one of the public internet, or an origin that the operator exempted."
_ONE, _ROTATE = routes.ONE.replace(":str", ""), routes.ROTATE.replace(":str", "")

WEBHOOKS: dict[Key, Operation] = {
    ("get", routes.PATH): Operation(
        id="listWebhookEndpoints",
        tag="webhooks",
        summary="List your webhook endpoints",
        says="Newest first.",
        scope=Scope.TENANT_ADMIN,
        parameters=(behind(ENDPOINT, "this endpoint"), LIMIT),
        replies={200: Reply(says="A page of endpoints.", shape=WebhookEndpointPageView)},
        refusals=(400, 422),
    ),
    ("post", routes.PATH): Operation(
        id="createWebhookEndpoint",
        tag="webhooks",
        summary="Make a webhook endpoint",
        says=f"The answer holds its signing secret, this once. {_PUBLIC}",
        scope=Scope.TENANT_ADMIN,
        body=Body(types=JSON_BODY, shape=CreateWebhookEndpoint),
        replies={
            201: Reply(
                says="The endpoint, with its secret.", shape=WebhookEndpointWithSecretView, headers=("Location",)
            )
        },
        refusals=(400, 413, 415, 422),
    ),
    ("get", _ONE): Operation(
        id="getWebhookEndpoint",
        tag="webhooks",
        summary="See a webhook endpoint",
        scope=Scope.TENANT_ADMIN,
        parameters=(OF_ENDPOINT,),
        replies={200: Reply(says="The endpoint.", shape=WebhookEndpointView)},
        refusals=(404,),
    ),
    ("post", _ONE): Operation(
        id="updateWebhookEndpoint",
        tag="webhooks",
        summary="Change a webhook endpoint, disable it, or enable it again",
        says=f"What is left out stays. {_PUBLIC} {_FILE} It can be disabled and enabled here nevertheless. What waits "
        "for one that is disabled is skipped.",
        scope=Scope.TENANT_ADMIN,
        parameters=(OF_ENDPOINT,),
        body=Body(types=JSON_BODY, shape=UpdateWebhookEndpoint),
        replies={200: Reply(says="The endpoint, as it is now.", shape=WebhookEndpointView)},
        refusals=(400, 404, 409, 413, 415, 422),
    ),
    ("delete", _ONE): Operation(
        id="deleteWebhookEndpoint",
        tag="webhooks",
        summary="Remove a webhook endpoint",
        says=f"It is told nothing more, and its secrets are forgotten. {_FILE}",
        scope=Scope.TENANT_ADMIN,
        parameters=(OF_ENDPOINT,),
        replies={200: Reply(says="It is gone.", shape=DeletedWebhookEndpointView)},
        refusals=(404, 409),
    ),
    ("post", _ROTATE): Operation(
        id="rotateWebhookEndpointSecret",
        tag="webhooks",
        summary="Give a webhook endpoint another signing secret",
        says="The answer holds it, this once. When the old one is kept active, both sign while it lasts; it never is "
        "more than these two. What the configuration file gives is changed there: `managed_by_file` (409).",
        scope=Scope.TENANT_ADMIN,
        parameters=(OF_ENDPOINT,),
        body=Body(types=JSON_BODY, shape=RotateWebhookSecret, required=False),
        replies={200: Reply(says="The endpoint, with its secret.", shape=WebhookEndpointWithSecretView)},
        refusals=(400, 404, 409, 413, 415, 422),
    ),
    ("get", routes.TYPES): Operation(
        id="listWebhookEventTypes",
        tag="webhooks",
        summary="See what endpoints can be told of",
        scope=Scope.TENANT_ADMIN,
        replies={200: Reply(says="The types of events.", shape=WebhookEventTypesView)},
        refusals=(422,),
    ),
    ("get", routes.SECRET): Operation(
        id="getWebhookSecret",
        tag="webhooks",
        summary="See what signs for addresses that are given video by video",
        says="There is none until it was rotated once.",
        scope=Scope.TENANT_ADMIN,
        replies={200: Reply(says="All of it but its text.", shape=WebhookSecretView)},
        refusals=(404, 422),
    ),
    ("post", routes.ROTATE_SECRET): Operation(
        id="rotateWebhookSecret",
        tag="webhooks",
        summary="Make that secret, or another one in its place",
        says="The answer holds it, this once. When the old one is kept active, both sign while it lasts.",
        scope=Scope.TENANT_ADMIN,
        body=Body(types=JSON_BODY, shape=RotateWebhookSecret, required=False),
        replies={200: Reply(says="The secret.", shape=MadeWebhookSecretView)},
        refusals=(400, 413, 415, 422),
    ),
}
