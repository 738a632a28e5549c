"""Tenants as operators set them up, over GraphQL."""

from collections.abc import Awaitable
from typing import Annotated, Self

import strawberry

from gateway.auth import hand_of
from gateway.graphql.admin import First, operator
from gateway.graphql.admin_refusals import ConflictError, ManagedByFileError, SetupRefusal, setup_refusal
from gateway.graphql.context import Info
from gateway.graphql.policy_inputs import RoutingPolicyInput, plain
from gateway.graphql.refusals import InvalidInputError, NotFoundError
from gateway.graphql.scalars import Moment, moment
from gateway.graphql.tenants import Tenant
from schema import tenant
from schema.directory import TenantRecord
from schema.errors import GatewayError
from schema.money import format_micros
from schema.ownership import ManagedBy
from schema.tenant import FundingMode

AfterTenant = Annotated[strawberry.ID | None, strawberry.argument(description="Only what comes behind this tenant.")]


@strawberry.type(description="What a tenant may spend, as it is written: decimal text; null is no limit.")
class TenantTerms:
    mode: FundingMode = strawberry.field(description="When it pays.")
    opening: str = strawberry.field(description="A prepaid tenant's first top-up.")
    per_day: str | None = strawberry.field(description="A budget, by the UTC day a video is accepted in.")
    per_month: str | None = strawberry.field(description="A budget, by the UTC month.")
    per_video: str | None = strawberry.field(description="The most one video may cost.")
    warn_percent: list[int] = strawberry.field(description="Shares of a budget that are told.")

    @classmethod
    def of(cls, facts: tenant.Funding) -> Self:
        return cls(
            mode=facts.mode,
            opening=format_micros(facts.opening),
            per_day=_amount(facts.per_day),
            per_month=_amount(facts.per_month),
            per_video=_amount(facts.per_video),
            warn_percent=list(facts.warn_percent),
        )


@strawberry.type(description="What a tenant may take of what all share; null is no limit.")
class TenantSetupLimits:
    queued: int = strawberry.field(description="Accepted videos that have not started.")
    weight: int = strawberry.field(description="Its share when several wait for one account.")
    concurrent: int | None = strawberry.field(description="Videos in the making at once.")
    per_minute: int | None = strawberry.field(description="Videos it may create in a minute.")
    reads_per_minute: int | None = strawberry.field(description="Other requests in a minute, at each replica.")

    @classmethod
    def of(cls, facts: tenant.TenantLimits) -> Self:
        return cls(
            queued=facts.queued,
            weight=facts.weight,
            concurrent=facts.concurrent,
            per_minute=facts.per_minute,
            reads_per_minute=facts.reads_per_minute,
        )


@strawberry.type(description="A tenant as it is set up, in the words it is changed with.")
class TenantSetup:
    tenant: Tenant = strawberry.field(description="The tenant, with its routing policy.")
    origins: list[str] = strawberry.field(description="Web origins whose pages may call for it.")
    funding: TenantTerms = strawberry.field(description="What it may spend.")
    limits: TenantSetupLimits = strawberry.field(description="What it may take of what all share.")
    retention_days: int | None = strawberry.field(description="How long its finished files are kept; null is for ever.")
    version: int = strawberry.field(description="Give it as `expectedVersion` to change it.")
    managed_by: ManagedBy = strawberry.field(description="Where it is changed.")
    file: str | None = strawberry.field(description="The file's name, where one manages it.")
    created_at: Moment = strawberry.field(description="When it was made.")
    updated_at: Moment = strawberry.field(description="When it was last changed.")
    removed_at: Moment | None = strawberry.field(description="Null while it is there.")

    @classmethod
    def of(cls, facts: TenantRecord) -> Self:
        whose, owned = facts.tenant, facts.ownership
        return cls(
            tenant=Tenant.of(whose),
            origins=list(whose.origins),
            funding=TenantTerms.of(whose.funding),
            limits=TenantSetupLimits.of(whose.limits),
            retention_days=whose.retention.days,
            version=owned.version,
            managed_by=owned.managed_by,
            file=owned.source,
            created_at=Moment(owned.created_at),
            updated_at=Moment(owned.updated_at),
            removed_at=moment(owned.removed_at),
        )


@strawberry.type(description="Some tenants, by id.")
class TenantPage:
    nodes: list[TenantSetup] = strawberry.field(description="The tenants.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.input(description="What a tenant may spend. What is left out stays; null is no limit.")
class TenantFundingInput:
    mode: FundingMode | None = strawberry.field(default=strawberry.UNSET, description="When it pays.")
    opening: str | None = strawberry.field(default=strawberry.UNSET, description="A prepaid tenant's first top-up.")
    per_day: str | None = strawberry.field(default=strawberry.UNSET, description='Decimal text such as "20.00".')
    per_month: str | None = strawberry.field(default=strawberry.UNSET, description="The same for a month.")
    per_video: str | None = strawberry.field(default=strawberry.UNSET, description="The most one video may cost.")
    warn_percent: list[int] | None = strawberry.field(default=strawberry.UNSET, description="1 to 100 each.")


@strawberry.input(description="What a tenant may take of what all share. What is left out stays; null is the default.")
class TenantLimitsInput:
    queued: int | None = strawberry.field(default=strawberry.UNSET, description="Videos that have not started.")
    weight: int | None = strawberry.field(default=strawberry.UNSET, description="Its share, 1 to 1000.")
    concurrent: int | None = strawberry.field(default=strawberry.UNSET, description="Videos in the making at once.")
    per_minute: int | None = strawberry.field(default=strawberry.UNSET, description="Videos created in a minute.")
    reads_per_minute: int | None = strawberry.field(default=strawberry.UNSET, description="Other requests in a minute.")


@strawberry.input(description="How long a tenant's finished files are kept.")
class TenantRetentionInput:
    days: int | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 36500; null is the gateway's own default."
    )


@strawberry.input(description="A tenant to be; it has no keys yet.")
class CreateTenantInput:
    id: str = strawberry.field(description="Letters, digits, dots, dashes and underscores.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="For people; the id unless said.")
    test: bool | None = strawberry.field(
        default=strawberry.UNSET, description="It reaches sandbox accounts only; this can not be changed later."
    )
    origins: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Whose pages may call for it.")
    funding: TenantFundingInput | None = strawberry.field(default=strawberry.UNSET, description="What it may spend.")
    limits: TenantLimitsInput | None = strawberry.field(default=strawberry.UNSET, description="What it may take.")
    retention: TenantRetentionInput | None = strawberry.field(
        default=strawberry.UNSET, description="How long its files are kept."
    )
    routing: RoutingPolicyInput | None = strawberry.field(
        default=strawberry.UNSET, description="What its routing policy begins with."
    )


@strawberry.input(description="Changes of a tenant: what is left out stays, null gives a field its default.")
class TenantChangesInput:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="For people.")
    origins: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Whose pages may call for it.")
    funding: TenantFundingInput | None = strawberry.field(default=strawberry.UNSET, description="What it may spend.")
    limits: TenantLimitsInput | None = strawberry.field(default=strawberry.UNSET, description="What it may take.")
    retention: TenantRetentionInput | None = strawberry.field(
        default=strawberry.UNSET, description="How long its files are kept."
    )


@strawberry.input(description="How to change a tenant; its routing policy is changed by `updateTenantPolicy`.")
class UpdateTenantInput:
    tenant: strawberry.ID = strawberry.field(description="The tenant.")
    expected_version: int = strawberry.field(description="The version you change.")
    changes: TenantChangesInput = strawberry.field(description="What to change.")


@strawberry.input(description="Which tenant to remove.")
class RemoveTenantInput:
    tenant: strawberry.ID = strawberry.field(description="The tenant.")
    expected_version: int = strawberry.field(description="The version you know.")


@strawberry.type(description="It is done, and in force at every replica within a second.")
class TenantSetupSuccess:
    setup: TenantSetup = strawberry.field(description="The tenant, as it is set up now.")


@strawberry.type(description="The tenant's keys work no more; what was accepted is brought to its end.")
class RemoveTenantSuccess:
    tenant: strawberry.ID = strawberry.field(description="Which tenant it was.")
    removed_at: Moment | None = strawberry.field(description="When.")


CreateTenantPayload = Annotated[
    TenantSetupSuccess | InvalidInputError,
    strawberry.union("CreateTenantPayload", description="What createTenant answers. Every refusal is a UserError."),
]
UpdateTenantPayload = Annotated[
    TenantSetupSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union("UpdateTenantPayload", description="What updateTenant answers. Every refusal is a UserError."),
]
RemoveTenantPayload = Annotated[
    RemoveTenantSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union("RemoveTenantPayload", description="What removeTenant answers. Every refusal is a UserError."),
]
CreateTenantArgument = Annotated[CreateTenantInput, strawberry.argument(description="The tenant.")]
UpdateTenantArgument = Annotated[UpdateTenantInput, strawberry.argument(description="Which tenant, and what.")]
RemoveTenantArgument = Annotated[RemoveTenantInput, strawberry.argument(description="Which tenant.")]


async def tenants(info: Info, first: First = 20, after: AfterTenant = None) -> TenantPage:
    gateway, _ = operator(info)
    page = gateway.tenancies.page(after=after, limit=first)
    return TenantPage(nodes=[TenantSetup.of(record) for record in page.records], has_more=page.more)


async def create_tenant(info: Info, input: CreateTenantArgument) -> CreateTenantPayload:  # noqa: A002  # GraphQL's name
    gateway, _ = operator(info)
    done = _done(gateway.tenancies.create(plain(input), by=hand_of(info.context.principal)))
    return await done  # type: ignore[return-value]  # a new one is neither stale, nor a file's, nor missing


async def update_tenant(info: Info, input: UpdateTenantArgument) -> UpdateTenantPayload:  # noqa: A002  # GraphQL's name
    gateway, _ = operator(info)
    changes, hand = plain(input.changes), hand_of(info.context.principal)
    return await _done(gateway.tenancies.update(input.tenant, input.expected_version, changes, by=hand))


async def remove_tenant(info: Info, input: RemoveTenantArgument) -> RemoveTenantPayload:  # noqa: A002  # GraphQL's name
    gateway, _ = operator(info)
    try:
        gone = await gateway.tenancies.remove(input.tenant, input.expected_version, by=hand_of(info.context.principal))
    except GatewayError as error:
        return setup_refusal(error)
    return RemoveTenantSuccess(tenant=strawberry.ID(gone.tenant.id), removed_at=moment(gone.ownership.removed_at))


async def _done(doing: Awaitable[TenantRecord]) -> TenantSetupSuccess | SetupRefusal:
    try:
        return TenantSetupSuccess(setup=TenantSetup.of(await doing))
    except GatewayError as error:
        return setup_refusal(error)


def _amount(micros: int | None) -> str | None:
    return None if micros is None else format_micros(micros)
