"""What can be asked: the same reads as REST, spelled for GraphQL."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import strawberry
from strawberry.scalars import ID

from gateway.graphql import account_setups as setups
from gateway.graphql import accounts as of_accounts
from gateway.graphql import admin, audit, batches, events, keys, policies, tenancies
from gateway.graphql import client_tokens as of_tokens
from gateway.graphql import images as of_images
from gateway.graphql import webhook_deliveries as deliveries
from gateway.graphql import webhook_endpoints as webhooks
from gateway.graphql.connections import After, Before, First, Last, Paging, VideoConnection
from gateway.graphql.context import Info, asked_below
from gateway.graphql.models import Model
from gateway.graphql.money import Balance, LedgerConnection
from gateway.graphql.nodes import Node
from gateway.graphql.orders import CreateVideoInput
from gateway.graphql.quotes import Quote
from gateway.graphql.reconciliation import Reconciliation, reconcile
from gateway.graphql.tenants import Tenant
from gateway.graphql.videos import Video
from gateway.services.pages import MAX_PAGE
from schema.errors import InvalidRequest
from schema.ids import names_entry, names_video
from schema.lifecycle import VideoStatus
from schema.tenant import Principal, Scope

Status = Annotated[VideoStatus | None, strawberry.argument(description="Only videos that are here in their life.")]
VideoId = Annotated[ID, strawberry.argument(description="The video's id.")]
Wish = Annotated[
    CreateVideoInput,
    strawberry.argument(description="The wish, as `createVideo` takes it; its idempotency key means nothing here."),
]
NodeId = Annotated[ID, strawberry.argument(description="The thing's id.")]
NodeIds = Annotated[list[ID], strawberry.argument(description="Their ids, at most 100.")]


@strawberry.type(description="Who is calling.")
class Viewer:
    tenant: Tenant = strawberry.field(description="The tenant the API key belongs to.")
    scopes: list[Scope] = strawberry.field(description="What the key may do.")

    @classmethod
    def of(cls, principal: Principal) -> "Viewer":
        return cls(tenant=Tenant.of(principal.tenant), scopes=sorted(principal.scopes))


@strawberry.type(description="What can be asked.")
class Query:
    @strawberry.field(description="One of your videos; null when you have none with this id.")
    async def video(self, info: Info, id: VideoId) -> Video | None:
        return (await _videos(info, [id]))[0]

    @strawberry.field(
        description="Your videos, newest first. Page forward with `first` and `after`, backward with `last` and "
        "`before`; not with both."
    )
    async def videos(
        self,
        info: Info,
        *,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: Status = None,
    ) -> VideoConnection:
        (tenant, grant), gateway = info.context.browser(Scope.VIDEOS_READ), info.context.gateway
        paging = Paging(first=first, after=after, last=last, before=before)
        wish = msgspec.structs.replace(paging.wish(status), grant=grant)
        page = await gateway.videos.page(tenant.id, wish)
        await info.context.know(page.videos, asked_below(info))
        return paging.connection(page)

    batch: batches.Batch | None = strawberry.field(
        resolver=batches.batch, description="One of your batches; null when you have none with this id."
    )

    @strawberry.field(description="Anything of yours by its id; null when you have nothing with this id.")
    async def node(self, info: Info, id: NodeId) -> Node | None:
        return (await _videos(info, [id]))[0]

    @strawberry.field(description="Several things of yours by their ids, in that order; null where there is none.")
    async def nodes(self, info: Info, ids: NodeIds) -> list[Node | None]:
        if len(ids) > MAX_PAGE:
            raise InvalidRequest.field("ids", "too_many", f"holds at most {MAX_PAGE}")
        return list(await _videos(info, ids))

    @strawberry.field(
        description="What a video would cost now, and where it would be made. Nothing is sent, counted or kept."
    )
    async def quote(self, info: Info, input: Wish) -> Quote:  # noqa: A002  # GraphQL's name
        tenant, grant = info.context.browser(Scope.VIDEOS_READ)
        order = input.order(tenant, None)
        return Quote.of(await info.context.gateway.quotes.quote(tenant, order.spec, order.routing, grant))

    image: of_images.Image | None = strawberry.field(
        resolver=of_images.image, description="One of your pictures; null when you have none with this id."
    )
    images: of_images.ImageConnection = strawberry.field(
        resolver=of_images.images,
        description="Your pictures, newest first. Page forward with `first` and `after`, backward with `last` and "
        "`before`; not with both. They are sent through REST, `POST /v1/images`.",
    )

    @strawberry.field(description="How you stand.")
    async def balance(self, info: Info) -> Balance:
        tenant = info.context.tenant(Scope.VIDEOS_READ)
        return Balance.of(await info.context.gateway.ledger.balance(tenant), tenant.funding.mode)

    @strawberry.field(
        description="What your money did, newest first. Page forward with `first` and `after`, backward with `last` "
        "and `before`; not with both."
    )
    async def ledger(
        self, info: Info, *, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> LedgerConnection:
        tenant, gateway = info.context.tenant(Scope.VIDEOS_READ), info.context.gateway
        paging = Paging(first=first, after=after, last=last, before=before)
        window = paging.window(names_entry)
        page = await gateway.ledger.page(
            tenant.id,
            after=window.after,
            before=window.before,
            limit=window.limit,
            newest_first=window.newest_first,
        )
        return LedgerConnection.of(page, paging, tenant.id)

    @strawberry.field(description="The models you can ask for, and who serves them.")
    def models(self, info: Info) -> list[Model]:
        gateway = info.context.gateway
        models = gateway.decisions.models(info.context.browser(Scope.VIDEOS_READ)[0])
        return [Model.of(name, gateway.accounts.those(accounts)) for name, accounts in models.items()]

    @strawberry.field(description="Who is calling: the tenant and the scopes of the API key.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.principal)

    client_tokens: of_tokens.ClientTokenPage = strawberry.field(
        resolver=of_tokens.client_tokens, description="Your client tokens and what each has used, newest first."
    )
    signing_keys: list[of_tokens.SigningKey] = strawberry.field(
        resolver=of_tokens.signing_keys,
        description="For operators: the keys that sign client tokens, oldest first; the last one signs.",
    )
    tenant: Tenant = strawberry.field(
        resolver=policies.show_tenant, description="Your tenant, and how its videos are routed."
    )
    policy_replay: policies.PolicyReplay = strawberry.field(
        resolver=policies.policy_replay,
        description="What another policy had changed: the latest decisions are made again under the policy in force "
        "with changes, from the facts of then and what the accounts can do now. Nothing is sent or written.",
    )
    api_keys: keys.ApiKeyConnection = strawberry.field(
        resolver=keys.api_keys, description="Your tenant's API keys, newest first; needs `TENANT_ADMIN`."
    )
    api_key: keys.ApiKey | None = strawberry.field(
        resolver=keys.show_api_key, description="One of them; null when there is none with this id."
    )
    webhook_deliveries: deliveries.WebhookDeliveryConnection = strawberry.field(
        resolver=deliveries.webhook_deliveries,
        description="What a webhook endpoint, or the address that a video was given, was told and is to be told, "
        "newest first; needs `TENANT_ADMIN`.",
    )
    webhook_delivery: deliveries.WebhookDelivery | None = strawberry.field(
        resolver=deliveries.webhook_delivery, description="One of them; null when there is none with this id."
    )
    webhook_endpoints: webhooks.WebhookEndpointConnection = strawberry.field(
        resolver=webhooks.webhook_endpoints, description="Your webhook endpoints, newest first; needs `TENANT_ADMIN`."
    )
    webhook_endpoint: webhooks.WebhookEndpoint | None = strawberry.field(
        resolver=webhooks.show_webhook_endpoint, description="One of them; null when there is none with this id."
    )
    webhook_secret: webhooks.WebhookSecret | None = strawberry.field(
        resolver=webhooks.webhook_secret,
        description="What signs for addresses that are given video by video; null until it was rotated once.",
    )
    providers: list[of_accounts.ProviderAccount] = strawberry.field(
        resolver=of_accounts.providers, description="How the accounts are that can make your videos."
    )
    accounts: list[of_accounts.Account] = strawberry.field(
        resolver=of_accounts.accounts, description="For operators: every account, and who paused it."
    )
    account_events: of_accounts.AccountEventPage = strawberry.field(
        resolver=of_accounts.account_events, description="For operators: what happened to accounts, newest first."
    )
    account_setups: list[setups.AccountSetup] = strawberry.field(
        resolver=setups.account_setups_,
        description="How accounts are set up: every one for operators, with `own` those of your tenant.",
    )
    tenants: tenancies.TenantPage = strawberry.field(
        resolver=tenancies.tenants, description="For operators: the tenants as they are set up, by id."
    )
    event_log: events.EventConnection = strawberry.field(
        resolver=events.event_log, description="What happened to you, newest first; `events` watches it."
    )
    audit_log: audit.AuditConnection = strawberry.field(
        resolver=audit.audit_log,
        description="Who changed what, and when, newest first: all of it for operators, with `own` your tenant's part.",
    )
    configuration: audit.Configuration = strawberry.field(
        resolver=audit.configuration,
        description="For operators: how the process that answers stands to its configuration file.",
    )
    master_keys: list[audit.MasterKey] = strawberry.field(
        resolver=audit.master_keys, description="For operators: which master keys the stored secrets lie under."
    )
    unknown_attempts: admin.UnknownAttemptPage = strawberry.field(
        resolver=admin.unknown_attempts,
        description="For operators: attempts whose outcome nobody knows, oldest first.",
    )
    resolutions: admin.ResolutionPage = strawberry.field(
        resolver=admin.resolutions,
        description="For operators: what was found out about unknown attempts, newest first.",
    )
    suspense: list[admin.Suspense] = strawberry.field(
        resolver=admin.suspense, description="For operators: what each account may have billed, while nobody knows."
    )
    reconciliation: Reconciliation = strawberry.field(
        resolver=reconcile,
        description="For operators: what accounts say they billed against the ledger, 31 days at most.",
    )
    incidents: admin.IncidentPage = strawberry.field(
        resolver=admin.incidents, description="For operators: what must not happen and did, newest first."
    )


async def _videos(info: Info, ids: Sequence[str]) -> Sequence[Video | None]:
    """The caller's videos with these ids, in that order; None where there is none."""
    context = info.context
    tenant, grant = context.browser(Scope.VIDEOS_READ)
    named = [id for id in ids if names_video(id)]
    found = await context.gateway.videos.some(tenant.id, named, grant) if named else {}
    await context.know(list(found.values()), asked_below(info))
    return [Video.of(found[id]) if id in found else None for id in ids]
