"""What can be done: expected refusals come back as data, one union per mutation."""

from typing import Annotated

import strawberry

from gateway.graphql import account_setups as setups
from gateway.graphql import accounts, admin, audit, batches, files, images, keys, policies, tenancies
from gateway.graphql import client_tokens as of_tokens
from gateway.graphql import webhook_deliveries as deliveries
from gateway.graphql import webhook_endpoints as webhooks
from gateway.graphql.context import Info
from gateway.graphql.orders import CreateVideoInput
from gateway.graphql.refusals import (
    AlreadyEndedError,
    IdempotencyKeyReusedError,
    InsufficientFundsError,
    InvalidInputError,
    NoRouteError,
    NotFoundError,
    RateLimitedError,
    cancel_refusal,
    create_refusal,
)
from gateway.graphql.videos import Video
from gateway.policy.client_tokens import granted
from schema.errors import GatewayError, NotFound
from schema.ids import names_video
from schema.tenant import Scope


@strawberry.type(description="The video is accepted: it is durable, and it will end.")
class CreateVideoSuccess:
    video: Video = strawberry.field(description="The video.")
    replayed: bool = strawberry.field(
        description="An earlier equal wish with this idempotency key had made it; this is that video as it is now."
    )


@strawberry.type(description="The video is canceled for you. A provider that has it may still finish it.")
class CancelVideoSuccess:
    video: Video = strawberry.field(description="The video.")


@strawberry.input(description="Which video to cancel.")
class CancelVideoInput:
    id: strawberry.ID = strawberry.field(description="The video's id.")


CreateVideoPayload = Annotated[
    CreateVideoSuccess
    | InvalidInputError
    | NoRouteError
    | InsufficientFundsError
    | IdempotencyKeyReusedError
    | RateLimitedError,
    strawberry.union("CreateVideoPayload", description="What createVideo answers. Every refusal is a UserError."),
]
CancelVideoPayload = Annotated[
    CancelVideoSuccess | NotFoundError | AlreadyEndedError,
    strawberry.union("CancelVideoPayload", description="What cancelVideo answers. Every refusal is a UserError."),
]
CreateVideoArgument = Annotated[CreateVideoInput, strawberry.argument(description="The wish.")]
CancelVideoArgument = Annotated[CancelVideoInput, strawberry.argument(description="Which video.")]


@strawberry.type(description="What can be done.")
class Mutation:
    @strawberry.mutation(
        description="Ask for a video. Success means accepted, not finished: follow it with `videoEvents`, or read it "
        "again."
    )
    async def create_video(self, info: Info, input: CreateVideoArgument) -> CreateVideoPayload:  # noqa: A002  # GraphQL's name
        (tenant, grant), gateway = info.context.creator(), info.context.gateway
        try:
            order = granted(input.order(tenant, info.context.take_header_key()), grant)
            accepted = await gateway.videos.accept(tenant, order)
        except GatewayError as error:
            return create_refusal(error, info.context.state)
        return CreateVideoSuccess(video=Video.of(accepted.video), replayed=accepted.replayed)

    @strawberry.mutation(
        description="Stop waiting for a video. Before a provider has it this is free. After that no provider can be "
        "stopped: if it finishes, you are charged what that cost, at most what is held for it, and nothing if it fails "
        "or nobody can tell. Canceling a canceled one changes nothing."
    )
    async def cancel_video(self, info: Info, input: CancelVideoArgument) -> CancelVideoPayload:  # noqa: A002  # GraphQL's name
        (tenant, grant), gateway = info.context.browser(Scope.VIDEOS_WRITE), info.context.gateway
        if not names_video(input.id):
            return cancel_refusal(NotFound())
        try:
            if grant is not None:
                await gateway.videos.get(tenant.id, input.id, grant)
            video = await gateway.cancels.cancel(tenant.id, input.id)
        except GatewayError as error:
            return cancel_refusal(error)
        return CancelVideoSuccess(video=Video.of(video))

    delete_video: files.DeleteVideoPayload = strawberry.mutation(
        resolver=files.delete_video,
        description="Delete a video that has ended: it is found no more, and its files go. The ledger and its receipt "
        "stay. Deleting a deleted one changes nothing.",
    )
    create_content_link: files.CreateContentLinkPayload = strawberry.mutation(
        resolver=files.create_content_link,
        description="Make a link to a video's file that works for a while without a key.",
    )
    delete_image: images.DeleteImagePayload = strawberry.mutation(
        resolver=images.delete_image, description="Delete a picture that no unfinished video starts from."
    )
    update_tenant_policy: policies.UpdateTenantPolicyPayload = strawberry.mutation(
        resolver=policies.update_tenant_policy,
        description="Change how a tenant's videos are routed; what changes nothing makes no new version.",
    )
    restore_tenant_policy: policies.RestoreTenantPolicyPayload = strawberry.mutation(
        resolver=policies.restore_tenant_policy,
        description="Route a tenant's videos again as an old version says; that makes a new version.",
    )
    create_api_key: keys.CreateApiKeyPayload = strawberry.mutation(
        resolver=keys.create_api_key,
        description="Make an API key; `key` holds its text, this once. A key can give only what it may do itself; an "
        "operator's may give all.",
    )
    update_api_key: keys.UpdateApiKeyPayload = strawberry.mutation(
        resolver=keys.update_api_key, description="Change what an API key may do, from where, and how long."
    )
    rotate_api_key: keys.RotateApiKeyPayload = strawberry.mutation(
        resolver=keys.rotate_api_key,
        description="Make an API key that takes another's place; the old one goes on for a while.",
    )
    revoke_api_key: keys.RevokeApiKeyPayload = strawberry.mutation(
        resolver=keys.revoke_api_key,
        description="Let an API key work no more; its open streams end. Revoking a revoked one changes nothing.",
    )
    replay_delivery: deliveries.ReplayDeliveryPayload = strawberry.mutation(
        resolver=deliveries.replay_delivery,
        description="Send a delivery that has ended once more, in its place, under its id, with its bytes.",
    )
    replay_deliveries: deliveries.ReplayDeliveriesPayload = strawberry.mutation(
        resolver=deliveries.replay_deliveries,
        description="Send a webhook endpoint again what it was told since a moment, each as `replayDelivery` does; "
        "10,000 at most.",
    )
    test_webhook_endpoint: deliveries.TestWebhookEndpointPayload = strawberry.mutation(
        resolver=deliveries.test_webhook_endpoint,
        description="Send a webhook endpoint a sample event at once, signed; it is not tried again, and not kept.",
    )
    create_webhook_endpoint: webhooks.CreateWebhookEndpointPayload = strawberry.mutation(
        resolver=webhooks.create_webhook_endpoint,
        description="Make a webhook endpoint; `signingSecret` is shown this once.",
    )
    update_webhook_endpoint: webhooks.UpdateWebhookEndpointPayload = strawberry.mutation(
        resolver=webhooks.update_webhook_endpoint,
        description="Change a webhook endpoint, disable it, or enable it again.",
    )
    delete_webhook_endpoint: webhooks.DeleteWebhookEndpointPayload = strawberry.mutation(
        resolver=webhooks.delete_webhook_endpoint, description="Remove a webhook endpoint."
    )
    rotate_webhook_endpoint_secret: webhooks.RotateWebhookEndpointSecretPayload = strawberry.mutation(
        resolver=webhooks.rotate_webhook_endpoint_secret,
        description="Give a webhook endpoint another signing secret; `signingSecret` is shown this once.",
    )
    rotate_webhook_secret: webhooks.RotateWebhookSecretPayload = strawberry.mutation(
        resolver=webhooks.rotate_webhook_secret,
        description="Make the secret that signs for addresses given video by video, or another one in its place.",
    )
    create_videos: batches.CreateVideosPayload = strawberry.mutation(
        resolver=batches.create_videos,
        description="Ask for several videos at once. All wishes are checked first, and `errors` name every wrong one; "
        "then all are accepted together, or with the mode `AFFORDABLE` the first ones, as many as are covered. "
        "Once in a request.",
    )
    create_client_token: of_tokens.CreateClientTokenPayload = strawberry.mutation(
        resolver=of_tokens.create_client_token,
        description="Make a token for somebody's browser: a JWT that works for minutes and for one purpose. It ends "
        "with the key that made it.",
    )
    revoke_client_token: of_tokens.RevokeClientTokenPayload = strawberry.mutation(
        resolver=of_tokens.revoke_client_token,
        description="End a client token before its time. Its videos go on.",
    )
    rotate_signing_key: of_tokens.RotateSigningKeyPayload = strawberry.mutation(
        resolver=of_tokens.rotate_signing_key, description="For operators: sign client tokens with a new key."
    )
    pause_account: accounts.PauseAccountPayload = strawberry.mutation(
        resolver=accounts.pause_account, description="For operators: give an account no more videos."
    )
    resume_account: accounts.ResumeAccountPayload = strawberry.mutation(
        resolver=accounts.resume_account, description="For operators: give a paused account videos again."
    )
    reset_account: accounts.ResetAccountPayload = strawberry.mutation(
        resolver=accounts.reset_account, description="For operators: forget an account's failures."
    )
    set_account_credits: accounts.SetAccountCreditsPayload = strawberry.mutation(
        resolver=accounts.set_account_credits, description="For operators: say what balance an account has."
    )
    create_account: setups.CreateAccountPayload = strawberry.mutation(
        resolver=setups.create_account,
        description="Set up an account: for operators, or with `own` one of your tenant's.",
    )
    update_account: setups.UpdateAccountPayload = strawberry.mutation(
        resolver=setups.update_account, description="Change how an account is set up; its secrets stay."
    )
    remove_account: setups.RemoveAccountPayload = strawberry.mutation(
        resolver=setups.remove_account,
        description="Remove an account: it gets no more videos, those it has are watched to their ends.",
    )
    rotate_account_credential: setups.RotateAccountCredentialPayload = strawberry.mutation(
        resolver=setups.rotate_account_credential,
        description="Give an account another credential; what was sent with the former one is asked about with that, "
        "as long as the provider takes it.",
    )
    set_account_webhook_secrets: setups.SetAccountWebhookSecretsPayload = strawberry.mutation(
        resolver=setups.set_account_webhook_secrets,
        description="Give an account other webhook secrets, the current one first.",
    )
    test_account: setups.TestAccountPayload = strawberry.mutation(
        resolver=setups.test_account,
        description="Ask an account whether it is there and takes its credential; that costs nothing but a request.",
    )
    create_tenant: tenancies.CreateTenantPayload = strawberry.mutation(
        resolver=tenancies.create_tenant, description="For operators: make a tenant."
    )
    update_tenant: tenancies.UpdateTenantPayload = strawberry.mutation(
        resolver=tenancies.update_tenant, description="For operators: change a tenant, all but its routing."
    )
    remove_tenant: tenancies.RemoveTenantPayload = strawberry.mutation(
        resolver=tenancies.remove_tenant,
        description="For operators: remove a tenant; what was accepted is brought to its end.",
    )
    rekey_secrets: audit.RekeySecretsPayload = strawberry.mutation(
        resolver=audit.rekey_secrets,
        description="For operators: put every stored secret under the current master key, while everything goes on.",
    )
    bind_attempt: admin.BindAttemptPayload = strawberry.mutation(
        resolver=admin.bind_attempt,
        description="For operators: say which job of the provider's an unknown attempt is. It is watched to its end; a "
        "video that still waits for it completes and is charged as usual.",
    )
    void_attempt: admin.VoidAttemptPayload = strawberry.mutation(
        resolver=admin.void_attempt,
        description="For operators: say that an unknown attempt was never made, or gave nothing. A video that waits "
        "for nothing else fails.",
    )
    top_up: admin.TopUpPayload = strawberry.mutation(
        resolver=admin.top_up, description="For operators: give a prepaid tenant money to spend."
    )
    adjust_balance: admin.AdjustBalancePayload = strawberry.mutation(
        resolver=admin.adjust_balance, description="For operators: correct a prepaid tenant's balance."
    )
