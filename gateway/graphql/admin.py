"""What operators see and do, as GraphQL shows it: unknown attempts, suspense, incidents, tenants' money."""

import re
from functools import partial
from typing import Annotated, Self

import strawberry

from gateway.auth import actor_of, require
from gateway.graphql.admin_refusals import ConflictError, booking_refusal, resolution_refusal
from gateway.graphql.attempts import AttemptReason
from gateway.graphql.context import Info
from gateway.graphql.orders import one_key
from gateway.graphql.refusals import IdempotencyKeyReusedError, InvalidInputError, NotFoundError
from gateway.graphql.scalars import Amount, Facts, Moment, amount, moment
from gateway.services import ledger, unknowns
from gateway.wiring import Gateway
from schema import incident, resolution
from schema.errors import GatewayError, InvalidRequest, NotFound
from schema.ids import ATTEMPT, INCIDENT, RESOLUTION, could_be, names_attempt
from schema.incident import IncidentKind
from schema.ledger import Entry, EntryKind
from schema.lifecycle import VideoStatus
from schema.money import Micros, parse_signed_micros
from schema.resolution import Verb
from schema.tenant import Scope

First = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]
AfterId = Annotated[strawberry.ID | None, strawberry.argument(description="Only what comes behind this id.")]
Account = Annotated[str | None, strawberry.argument(description="Only those at this account.")]
OfTenant = Annotated[str | None, strawberry.argument(description="Only those of this tenant.")]
Kind = Annotated[IncidentKind | None, strawberry.argument(description="Only those of this kind.")]


@strawberry.type(
    description="An attempt whose outcome nobody knows, and what helps to find it in its provider's books."
)
class UnknownAttempt:
    id: strawberry.ID = strawberry.field(description="Give it to `bindAttempt` or `voidAttempt`.")
    video: strawberry.ID = strawberry.field(description="Its video.")
    video_status: VideoStatus = strawberry.field(description="Whether the video still waits for it.")
    tenant: str = strawberry.field(description="Whose video it is.")
    account: str = strawberry.field(description="The account it was sent to.")
    provider: str = strawberry.field(description="The provider the account is with.")
    key: str = strawberry.field(description="The idempotency key it was sent under.")
    keyed: bool = strawberry.field(description="The provider knows that key, so it was sent again under it.")
    replays: int = strawberry.field(description="How often it was sent again.")
    callback: bool = strawberry.field(description="The provider was told where to call back.")
    provider_ref: str | None = strawberry.field(description="The provider's own id, when that was learned after all.")
    reason: AttemptReason | None = strawberry.field(description="Why nobody knows.")
    started_at: Moment = strawberry.field(description="When it was sent.")
    prompt: str = strawberry.field(description="The beginning of its prompt, to compare with a dashboard.")
    prompt_sha256: str = strawberry.field(name="promptSha256", description="SHA-256 of the whole prompt, hex.")
    credits: int = strawberry.field(description="The most it may have cost, in the account's credits.")
    micros: Amount | None = strawberry.field(description="The same as money; null without a price.")

    @classmethod
    def of(cls, facts: unknowns.UnknownAttempt) -> Self:
        attempt = facts.attempt
        return cls(
            id=strawberry.ID(attempt.id),
            video=strawberry.ID(attempt.video),
            video_status=facts.status,
            tenant=attempt.tenant,
            account=attempt.account,
            provider=attempt.provider,
            key=attempt.key,
            keyed=attempt.keyed,
            replays=attempt.replays,
            callback=attempt.callback,
            provider_ref=attempt.ref,
            reason=AttemptReason.of(attempt.reason),
            started_at=Moment(attempt.started_at),
            prompt=facts.prompt,
            prompt_sha256=facts.prompt_sha256,
            credits=facts.credits,
            micros=amount(facts.micros),
        )


@strawberry.type(description="Some unknown attempts, oldest first.")
class UnknownAttemptPage:
    nodes: list[UnknownAttempt] = strawberry.field(description="The attempts.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.type(description="Who said what about which attempt; it is never changed.")
class Resolution:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    verb: Verb = strawberry.field(description="What was said.")
    at: Moment = strawberry.field(description="When.")
    attempt: strawberry.ID = strawberry.field(description="The attempt.")
    video: strawberry.ID = strawberry.field(description="Its video.")
    tenant: str = strawberry.field(description="Whose video it is.")
    account: str = strawberry.field(description="The account it was sent to.")
    actor: str = strawberry.field(description="Whose key it was: its tenant and the key's end.")
    note: str = strawberry.field(description="What was noted.")
    ref: str | None = strawberry.field(description="The provider's id for it, when it was bound.")
    credits: int | None = strawberry.field(description="What was billed for nothing, when it was voided.")

    @classmethod
    def of(cls, facts: resolution.Resolution) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            verb=facts.verb,
            at=Moment(facts.at),
            attempt=strawberry.ID(facts.attempt),
            video=strawberry.ID(facts.video),
            tenant=facts.tenant,
            account=facts.account,
            actor=facts.actor,
            note=facts.note,
            ref=facts.ref,
            credits=facts.credits,
        )


@strawberry.type(description="Some resolutions, newest first.")
class ResolutionPage:
    nodes: list[Resolution] = strawberry.field(description="The resolutions.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.type(description="What an account may have billed us for, while nobody knows.")
class Suspense:
    account: str = strawberry.field(description="The account.")
    credits: int = strawberry.field(description="In the account's credits.")
    micros: Amount = strawberry.field(description="As money, as far as there was a price.")
    attempts: int = strawberry.field(description="How many attempts are unknown.")
    oldest_at: Moment | None = strawberry.field(description="When the oldest of them was sent.")

    @classmethod
    def of(cls, facts: unknowns.Suspense) -> Self:
        return cls(
            account=facts.account,
            credits=facts.credits,
            micros=Amount(facts.micros),
            attempts=facts.attempts,
            oldest_at=moment(facts.oldest_at),
        )


@strawberry.type(description="Something that must not happen, and did.")
class Incident:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    kind: IncidentKind = strawberry.field(description="What happened.")
    at: Moment = strawberry.field(description="When.")
    tenant: str | None = strawberry.field(description="Whom it happened to, as far as that is known.")
    video: strawberry.ID | None = strawberry.field(description="The video, as far as it is known.")
    attempt: strawberry.ID | None = strawberry.field(description="The attempt, as far as it is known.")
    account: str | None = strawberry.field(description="The account, as far as it is known.")
    data: Facts = strawberry.field(description="The facts of its kind.")

    @classmethod
    def of(cls, facts: incident.Incident) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            kind=facts.kind,
            at=Moment(facts.at),
            tenant=facts.tenant,
            video=None if facts.video is None else strawberry.ID(facts.video),
            attempt=None if facts.attempt is None else strawberry.ID(facts.attempt),
            account=facts.account,
            data=Facts(facts.data),
        )


@strawberry.type(description="Some incidents, newest first.")
class IncidentPage:
    nodes: list[Incident] = strawberry.field(description="The incidents.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.type(description="What an operator booked for a tenant; it is never changed.")
class OperatorEntry:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    kind: EntryKind = strawberry.field(description="A top-up or a correction.")
    tenant: str = strawberry.field(description="Whose balance it is.")
    at: Moment = strawberry.field(description="When.")
    amount_micros: Amount = strawberry.field(description="What the tenant has more.")
    actor: str | None = strawberry.field(description="Whose key it was: its tenant and the key's end.")
    note: str | None = strawberry.field(description="What was noted; the tenant sees it.")

    @classmethod
    def of(cls, facts: Entry) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            kind=facts.kind,
            tenant=facts.tenant or "",
            at=Moment(facts.at),
            amount_micros=Amount(ledger.gained(facts)),
            actor=facts.actor,
            note=facts.note,
        )


@strawberry.type(description="What was found out about the attempt is written down.")
class BindAttemptSuccess:
    resolution: Resolution = strawberry.field(description="What was written down.")


@strawberry.type(description="What was found out about the attempt is written down.")
class VoidAttemptSuccess:
    resolution: Resolution = strawberry.field(description="What was written down.")


@strawberry.type(description="The tenant has more money to spend.")
class TopUpSuccess:
    entry: OperatorEntry = strawberry.field(description="What was booked.")
    replayed: bool = strawberry.field(description="An equal top-up with this idempotency key had booked it.")


@strawberry.type(description="The tenant's balance is corrected.")
class AdjustBalanceSuccess:
    entry: OperatorEntry = strawberry.field(description="What was booked.")
    replayed: bool = strawberry.field(description="An equal correction with this idempotency key had booked it.")


@strawberry.input(description="Which job of the provider's an unknown attempt is.")
class BindAttemptInput:
    id: strawberry.ID = strawberry.field(description="The attempt.")
    ref: str = strawberry.field(description="The provider's id for its job.")
    note: str = strawberry.field(default="", description="Where you found it; kept with your key's name.")


@strawberry.input(description="An unknown attempt that was never made, or gave nothing.")
class VoidAttemptInput:
    id: strawberry.ID = strawberry.field(description="The attempt.")
    credits: int = strawberry.field(default=0, description="What the provider billed for it all the same.")
    note: str = strawberry.field(default="", description="How you know; kept with your key's name.")


@strawberry.input(description="Money for a prepaid tenant.")
class TopUpInput:
    tenant: str = strawberry.field(description="The tenant.")
    amount: str = strawberry.field(description='How much, as decimal text such as "20.00".')
    note: str = strawberry.field(default="", description="Why; the tenant sees it.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="With the same key it is booked once; the header `Idempotency-Key` says the same."
    )


@strawberry.input(description="A correction of a prepaid tenant's balance.")
class AdjustBalanceInput:
    tenant: str = strawberry.field(description="The tenant.")
    amount: str = strawberry.field(description='How much, as decimal text; with a minus, such as "-1.50", it takes.')
    note: str = strawberry.field(default="", description="Why; the tenant sees it.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="With the same key it is booked once; the header `Idempotency-Key` says the same."
    )


BindAttemptPayload = Annotated[
    BindAttemptSuccess | NotFoundError | InvalidInputError | ConflictError,
    strawberry.union("BindAttemptPayload", description="What bindAttempt answers. Every refusal is a UserError."),
]
VoidAttemptPayload = Annotated[
    VoidAttemptSuccess | NotFoundError | InvalidInputError | ConflictError,
    strawberry.union("VoidAttemptPayload", description="What voidAttempt answers. Every refusal is a UserError."),
]
TopUpPayload = Annotated[
    TopUpSuccess | NotFoundError | InvalidInputError | IdempotencyKeyReusedError,
    strawberry.union("TopUpPayload", description="What topUp answers. Every refusal is a UserError."),
]
AdjustBalancePayload = Annotated[
    AdjustBalanceSuccess | NotFoundError | InvalidInputError | IdempotencyKeyReusedError,
    strawberry.union("AdjustBalancePayload", description="What adjustBalance answers. Every refusal is a UserError."),
]
BindAttemptArgument = Annotated[BindAttemptInput, strawberry.argument(description="Which attempt, and what it is.")]
VoidAttemptArgument = Annotated[VoidAttemptInput, strawberry.argument(description="Which attempt, and what it cost.")]
TopUpArgument = Annotated[TopUpInput, strawberry.argument(description="Whom, and how much.")]
AdjustBalanceArgument = Annotated[AdjustBalanceInput, strawberry.argument(description="Whom, and by how much.")]


def operator(info: Info) -> tuple[Gateway, str]:
    """The gateway, and the operator who is calling it, as records name him. Raises Forbidden."""
    require(info.context.principal, Scope.OPERATOR)
    return info.context.gateway, actor_of(info.context.principal)


# what operators ask


async def unknown_attempts(
    info: Info, account: Account = None, tenant: OfTenant = None, first: First = 20, after: AfterId = None
) -> UnknownAttemptPage:
    gateway, _ = operator(info)
    cursor = _cursor(ATTEMPT, after)
    page = await gateway.unknowns.page(account=account, tenant=tenant, after=cursor, limit=first)
    return UnknownAttemptPage(nodes=[UnknownAttempt.of(one) for one in page.attempts], has_more=page.more)


async def resolutions(info: Info, first: First = 20, after: AfterId = None) -> ResolutionPage:
    gateway, _ = operator(info)
    page = await gateway.unknowns.resolutions(after=_cursor(RESOLUTION, after), limit=first)
    return ResolutionPage(nodes=[Resolution.of(one) for one in page.resolutions], has_more=page.more)


async def suspense(info: Info) -> list[Suspense]:
    gateway, _ = operator(info)
    return [Suspense.of(one) for one in await gateway.unknowns.suspense()]


async def incidents(info: Info, kind: Kind = None, first: First = 20, after: AfterId = None) -> IncidentPage:
    gateway, _ = operator(info)
    page = await gateway.incidents.page(kind=kind, after=_cursor(INCIDENT, after), limit=first)
    return IncidentPage(nodes=[Incident.of(one) for one in page.incidents], has_more=page.more)


# what operators do


async def bind_attempt(info: Info, input: BindAttemptArgument) -> BindAttemptPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    bind = partial(gateway.unknowns.bind, ref=input.ref, actor=actor, note=input.note)
    try:
        return BindAttemptSuccess(resolution=Resolution.of(await bind(_attempt(input.id))))
    except GatewayError as error:
        return resolution_refusal(error)


async def void_attempt(info: Info, input: VoidAttemptArgument) -> VoidAttemptPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    void = partial(gateway.unknowns.void, credits=input.credits, actor=actor, note=input.note)
    try:
        return VoidAttemptSuccess(resolution=Resolution.of(await void(_attempt(input.id))))
    except GatewayError as error:
        return resolution_refusal(error)


async def top_up(info: Info, input: TopUpArgument) -> TopUpPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    try:
        key = one_key(input.idempotency_key, info.context.take_header_key())
        done = await gateway.ledger.top_up(input.tenant, _micros(input.amount), actor=actor, note=input.note, key=key)
    except GatewayError as error:
        return booking_refusal(error)
    return TopUpSuccess(entry=OperatorEntry.of(done.entry), replayed=done.replayed)


async def adjust_balance(info: Info, input: AdjustBalanceArgument) -> AdjustBalancePayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    try:
        key = one_key(input.idempotency_key, info.context.take_header_key())
        done = await gateway.ledger.adjust(input.tenant, _micros(input.amount), actor=actor, note=input.note, key=key)
    except GatewayError as error:
        return booking_refusal(error)
    return AdjustBalanceSuccess(entry=OperatorEntry.of(done.entry), replayed=done.replayed)


def _attempt(id: str) -> str:
    if not names_attempt(id):
        raise NotFound
    return id


def _cursor(prefix: str, id: str | None) -> str | None:
    if id is not None and not could_be(prefix, id):
        raise InvalidRequest.field("after", "invalid_cursor", "give the id of the last one of an earlier page")
    return id


_AMOUNT = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


def _micros(text: str) -> Micros:
    if _AMOUNT.fullmatch(text) is None:
        raise InvalidRequest.field("amount", "invalid_value", 'must be an amount as text, such as "20.00"')
    return parse_signed_micros(text)
