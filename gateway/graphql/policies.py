"""How routing policies are changed, and what another policy had changed, in GraphQL's words."""

from typing import Annotated, Self

import strawberry

from gateway.auth import actor_of, require
from gateway.graphql.admin_refusals import ManagedByFileError
from gateway.graphql.context import Info
from gateway.graphql.policy_inputs import RoutingPolicyInput
from gateway.graphql.refusals import InvalidInputError, NotFoundError, UserError, field_errors
from gateway.graphql.scalars import Amount, amount
from gateway.graphql.tenants import PolicyVersion, Tenant
from gateway.policy.replaying import Choice, Difference, Move, Report, Skip, Totals
from schema import tenant
from schema.errors import GatewayError, InvalidRequest, ManagedByFile, NotFound, VersionConflict
from schema.tenant import Scope

_OF_TENANT = "Whose, for operators; your own when left out."


@strawberry.type(description="Somebody else was first: another version is in force than the one you expected.")
class VersionConflictError(UserError):
    expected: PolicyVersion | None = strawberry.field(
        description="The version you expected; null when there never was such a one."
    )
    current: PolicyVersion = strawberry.field(description="The version in force.")


@strawberry.type(description="The policy is in force, at every replica within a second.")
class UpdateTenantPolicySuccess:
    tenant: Tenant = strawberry.field(description="The tenant.")
    policy: PolicyVersion = strawberry.field(description="The version in force; the same as before if nothing changed.")


@strawberry.type(description="What the old version said is in force again, as a new version.")
class RestoreTenantPolicySuccess:
    tenant: Tenant = strawberry.field(description="The tenant.")
    policy: PolicyVersion = strawberry.field(description="The version in force.")


@strawberry.input(description="How to change a routing policy.")
class UpdateTenantPolicyInput:
    expected_version: int = strawberry.field(description="The version you change.")
    routing: RoutingPolicyInput = strawberry.field(description="What to change of it.")
    note: str = strawberry.field(default="", description="Why; kept with the new version.")
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)


@strawberry.input(description="Which version of a routing policy to come back to.")
class RestoreTenantPolicyInput:
    expected_version: int = strawberry.field(description="The version in force.")
    version: int = strawberry.field(description="The version to come back to.")
    note: str = strawberry.field(default="", description="Why; kept with the new version.")
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)


@strawberry.input(description="Another policy to try on what has been.")
class PolicyReplayInput:
    routing: RoutingPolicyInput = strawberry.field(description="How it differs from the policy in force.")
    last: int = strawberry.field(default=100, description="How many of the latest videos to look at, 1 to 1000.")
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)


UpdateTenantPolicyPayload = Annotated[
    UpdateTenantPolicySuccess | VersionConflictError | ManagedByFileError | InvalidInputError | NotFoundError,
    strawberry.union(
        "UpdateTenantPolicyPayload", description="What updateTenantPolicy answers. Every refusal is a UserError."
    ),
]
RestoreTenantPolicyPayload = Annotated[
    RestoreTenantPolicySuccess | VersionConflictError | ManagedByFileError | InvalidInputError | NotFoundError,
    strawberry.union(
        "RestoreTenantPolicyPayload", description="What restoreTenantPolicy answers. Every refusal is a UserError."
    ),
]
UpdateArgument = Annotated[UpdateTenantPolicyInput, strawberry.argument(description="What to change.")]
RestoreArgument = Annotated[RestoreTenantPolicyInput, strawberry.argument(description="What to come back to.")]
ReplayArgument = Annotated[PolicyReplayInput, strawberry.argument(description="What to try.")]
TenantId = Annotated[strawberry.ID | None, strawberry.argument(description=_OF_TENANT)]
PolicyRefusal = VersionConflictError | ManagedByFileError | InvalidInputError | NotFoundError


@strawberry.type(description="Who makes a video, and what is expected of that; all null when nobody could.")
class ReplayedChoice:
    account: str | None = strawberry.field(description="The account.")
    cost_micros: Amount | None = strawberry.field(description="What it will probably cost; null without a price.")
    time_ms: int | None = strawberry.field(description="Until the video will probably be there, milliseconds.")

    @classmethod
    def of(cls, facts: Choice) -> Self:
        return cls(account=facts.account, cost_micros=amount(facts.cost), time_ms=facts.time)


@strawberry.type(description="A video that would have gone elsewhere.")
class ReplayedVideo:
    video: strawberry.ID = strawberry.field(description="The video.")
    before: ReplayedChoice = strawberry.field(description="As it was decided.")
    after: ReplayedChoice = strawberry.field(description="As it would have been.")

    @classmethod
    def of(cls, facts: Difference) -> Self:
        video = strawberry.ID(facts.video)
        return cls(video=video, before=ReplayedChoice.of(facts.before), after=ReplayedChoice.of(facts.after))


@strawberry.type(description="How many videos would have gone from one account to another.")
class ReplayedMove:
    before: str | None = strawberry.field(description="From whom; null for nobody.")
    after: str | None = strawberry.field(description="To whom; null for nobody.")
    count: int = strawberry.field(description="How many.")

    @classmethod
    def of(cls, facts: Move) -> Self:
        return cls(before=facts.before, after=facts.after, count=facts.count)


@strawberry.type(description="Sums of money under both policies; null when no video has a price.")
class ReplayCosts:
    counted: int = strawberry.field(description="The videos for which it is known under both.")
    before_micros: Amount | None = strawberry.field(description="As it was.")
    after_micros: Amount | None = strawberry.field(description="As it would have been.")
    difference_micros: Amount | None = strawberry.field(description="What the other policy makes it more.")

    @classmethod
    def of(cls, facts: Totals) -> Self:
        return cls(
            counted=facts.counted,
            before_micros=amount(facts.before),
            after_micros=amount(facts.after),
            difference_micros=amount(facts.difference),
        )


@strawberry.type(description="Mean times under both policies, milliseconds; null when no video has one.")
class ReplayTimes:
    counted: int = strawberry.field(description="The videos for which it is known under both.")
    before: int | None = strawberry.field(description="As it was.")
    after: int | None = strawberry.field(description="As it would have been.")
    difference: int | None = strawberry.field(description="What the other policy makes it longer.")

    @classmethod
    def of(cls, facts: Totals) -> Self:
        return cls(counted=facts.counted, before=facts.before, after=facts.after, difference=facts.difference)


@strawberry.type(description="What another policy had changed. Nothing was sent, and nothing is written.")
class PolicyReplay:
    considered: int = strawberry.field(description="Videos looked at, the skipped among them.")
    skipped_no_facts: int = strawberry.field(description="Decided before facts were kept with decisions.")
    skipped_account_gone: int = strawberry.field(description="Made by an account that is no longer configured.")
    same: int = strawberry.field(description="Would have gone to the same account.")
    changed: int = strawberry.field(description="Would have gone elsewhere.")
    moves: list[ReplayedMove] = strawberry.field(description="From whom to whom, the most first.")
    nobody_before: int = strawberry.field(description="Videos nobody could make.")
    nobody_after: int = strawberry.field(description="Videos nobody could have made.")
    cost: ReplayCosts = strawberry.field(description="What was expected to be paid.")
    time: ReplayTimes = strawberry.field(description="After how long videos were expected.")
    replayed_videos: list[ReplayedVideo] = strawberry.field(description="Those that would have gone elsewhere.")

    @classmethod
    def of(cls, facts: Report) -> Self:
        return cls(
            considered=facts.considered,
            skipped_no_facts=facts.skipped.get(Skip.NO_FACTS, 0),
            skipped_account_gone=facts.skipped.get(Skip.ACCOUNT_GONE, 0),
            same=facts.same,
            changed=facts.changed,
            moves=[ReplayedMove.of(move) for move in facts.moves],
            nobody_before=facts.nobody_before,
            nobody_after=facts.nobody_after,
            cost=ReplayCosts.of(facts.cost),
            time=ReplayTimes.of(facts.time),
            replayed_videos=[ReplayedVideo.of(one) for one in facts.differences],
        )


def meant(info: Info, id: str | None, scope: Scope) -> tenant.Tenant:
    """The calling tenant, or the one an operator names. Raises Forbidden and NotFound."""
    if id is None:
        return info.context.tenant(scope)
    require(info.context.principal, Scope.OPERATOR)
    found = info.context.gateway.tenants.get(id)
    if found is None:
        raise NotFound("There is no such tenant")
    return found


async def show_tenant(info: Info, id: TenantId = None) -> Tenant:
    return Tenant.of(meant(info, id, Scope.VIDEOS_READ))


async def policy_replay(info: Info, input: ReplayArgument) -> PolicyReplay:  # noqa: A002  # GraphQL's name
    whose = meant(info, input.tenant, Scope.VIDEOS_READ)
    report = await info.context.gateway.replays.replay(whose, input.routing.changes(), input.last)
    return PolicyReplay.of(report)


async def update_tenant_policy(info: Info, input: UpdateArgument) -> UpdateTenantPolicyPayload:  # noqa: A002  # GraphQL's name
    author, policies = actor_of(info.context.principal), info.context.gateway.policies
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        made = await policies.change(
            whose, input.expected_version, input.routing.changes(), author=author, note=input.note
        )
    except GatewayError as error:
        return _refusal(error)
    return UpdateTenantPolicySuccess(tenant=Tenant.of(whose), policy=PolicyVersion.of(made))


async def restore_tenant_policy(info: Info, input: RestoreArgument) -> RestoreTenantPolicyPayload:  # noqa: A002  # GraphQL's name
    author, policies = actor_of(info.context.principal), info.context.gateway.policies
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        made = await policies.restore(whose, input.expected_version, input.version, author=author, note=input.note)
    except GatewayError as error:
        return _refusal(error)
    return RestoreTenantPolicySuccess(tenant=Tenant.of(whose), policy=PolicyVersion.of(made))


def _refusal(error: GatewayError) -> PolicyRefusal:
    """A refusal to change a policy as data; anything unexpected is raised again."""
    match error:
        case VersionConflict():
            return VersionConflictError(
                message=error.detail,
                code=error.code,
                expected=None if error.known is None else PolicyVersion.of(error.known),
                current=PolicyVersion.of(error.current),
            )
        case ManagedByFile():
            return ManagedByFileError(message=error.detail, code=error.code)
        case InvalidRequest():
            return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
    raise error
