"""Accounts as GraphQL shows them: to callers how they are, to operators who did what to them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Self

import strawberry

from gateway.graphql.admin import Account as OfAccount
from gateway.graphql.admin import AfterId, First, operator
from gateway.graphql.admin_refusals import CorrectionRefusal, account_refusal
from gateway.graphql.context import Info
from gateway.graphql.models import Durations
from gateway.graphql.refusals import InvalidInputError, NotFoundError
from gateway.graphql.scalars import Facts, Moment, moment
from gateway.policy import observing
from gateway.policy.metering import Left
from gateway.services.availability import Report
from gateway.wiring import Gateway
from schema import account_event
from schema.account import Circuit, CredentialState, CreditsSource
from schema.account_event import AccountEventType
from schema.errors import GatewayError, InvalidRequest
from schema.ids import ACCOUNT_EVENT, could_be
from schema.tenant import Scope
from schema.video import AspectRatio, Quality


@strawberry.type(description="Whether an account is sent videos, as far as its answers go.")
class AccountCircuit:
    state: Circuit = strawberry.field(description="`HALF_OPEN` lets one video through, on trial.")
    until: Moment | None = strawberry.field(description="When an open one is probed.")
    failures: int = strawberry.field(description="Submits in a row that nobody answered.")
    poll_failures: int = strawberry.field(description="The same of polls.")
    opens: int = strawberry.field(description="How often it opened since it was last closed.")


@strawberry.type(description="An account asked to be left alone.")
class AccountRest:
    reason: str = strawberry.field(description="Such as `rate_limited` or `out_of_credits`.")
    until: Moment = strawberry.field(description="Until when.")


@strawberry.type(description="The balance of an account, in its own credits.")
class AccountCredits:
    left: float = strawberry.field(description="What was told last, less what was billed since; a whole number.")
    told_at: Moment = strawberry.field(description="When it was told.")
    source: CreditsSource = strawberry.field(description="By whom.")
    per_hour: float = strawberry.field(description="How fast they go, by the last day.")
    hours_left: float | None = strawberry.field(description="How long they last so; null when none are going.")


@strawberry.type(description="A limit of a provider's.")
class AccountLimit:
    limit: int | None = strawberry.field(description="Null for none.")
    running: int | None = strawberry.field(description="Videos in the making, where that is what is limited.")
    left: int | None = strawberry.field(description="What is left of it; null without a limit.")
    resets_at: Moment | None = strawberry.field(
        description="When it is whole again if nothing more is asked; null when it is."
    )


@strawberry.type(description="What a provider lets an account do.")
class AccountLimits:
    concurrent: AccountLimit = strawberry.field(description="Videos at once.")
    per_minute: AccountLimit = strawberry.field(description="Requests a minute.")
    per_day: AccountLimit = strawberry.field(description="Requests a day.")


@strawberry.type(description="Times in milliseconds.")
class AccountTimes:
    p50_ms: int = strawberry.field(description="The median.")
    p95_ms: int = strawberry.field(description="What one of twenty exceeds.")

    @classmethod
    def of(cls, facts: observing.Spread | None) -> Self | None:
        return None if facts is None else cls(p50_ms=facts.p50, p95_ms=facts.p95)


@strawberry.type(description="What the latest attempts at an account showed.")
class AccountObserved:
    kind: str | None = strawberry.field(description="Of video, such as `8/standard`; null for all.")
    made: int = strawberry.field(description="How many gave a video.")
    failed: int = strawberry.field(description="How many did not.")
    success_rate: float | None = strawberry.field(description="The share that did; null when none was tried.")
    queue: AccountTimes | None = strawberry.field(description="From acceptance until the attempt began.")
    make: AccountTimes | None = strawberry.field(description="From then until the video was made.")

    @classmethod
    def of(cls, kind: str | None, facts: observing.Observed) -> Self:
        return cls(
            kind=kind,
            made=facts.made,
            failed=facts.failed,
            success_rate=facts.success_rate,
            queue=AccountTimes.of(facts.queue),
            make=AccountTimes.of(facts.make),
        )


@strawberry.type(description="A provider account: what it can be told, and how it is.")
class ProviderAccount:
    account: str = strawberry.field(description="The account.")
    provider: str = strawberry.field(description="The provider it is with.")
    aspect_ratios: list[AspectRatio] = strawberry.field(description="Those it can be told.")
    seconds: Durations | None = strawberry.field(description="Null when it can not be told a duration.")
    qualities: list[Quality] = strawberry.field(description="Beside the plain one.")
    image_input: bool = strawberry.field(description="It can start from a picture.")
    max_prompt: int = strawberry.field(description="Characters.")
    circuit: AccountCircuit = strawberry.field(description="Whether it is sent videos.")
    paused: bool = strawberry.field(description="An operator wants it to get no more videos.")
    credential: CredentialState = strawberry.field(description="Whether the provider takes our credential.")
    resting: AccountRest | None = strawberry.field(description="It asked to be left alone.")
    credits: AccountCredits | None = strawberry.field(description="Null when nobody told its balance.")
    limits: AccountLimits = strawberry.field(description="What the provider lets it do.")
    waiting: int = strawberry.field(description="Videos that wait for room there; some may begin elsewhere as well.")
    observed: AccountObserved = strawberry.field(description="Of all its latest attempts.")
    kinds: list[AccountObserved] = strawberry.field(description="The same by kind of video.")

    @classmethod
    def of(cls, facts: Report, now: int) -> Self:
        account, able = facts.account, facts.provider.capabilities
        return cls(
            account=account.id,
            provider=account.provider,
            aspect_ratios=list(able.aspect_ratios),
            seconds=Durations.of(able),
            qualities=list(able.qualities),
            image_input=able.image_input,
            max_prompt=able.max_prompt,
            circuit=_circuit(facts),
            paused=facts.state.paused_at is not None,
            credential=facts.state.credential,
            resting=_resting(facts, now),
            credits=_credits(facts),
            limits=_limits(facts),
            waiting=facts.waiting,
            observed=AccountObserved.of(None, facts.observed.all),
            kinds=[AccountObserved.of(kind, one) for kind, one in facts.observed.kinds.items()],
        )


@strawberry.type(description="Who paused an account, and why.")
class AccountPause:
    at: Moment = strawberry.field(description="When.")
    by: str = strawberry.field(description="Whose key it was: its tenant and the key's end.")
    note: str = strawberry.field(description="What was noted.")


@strawberry.type(description="An account, as its operator sees it.")
class Account:
    sandbox: bool = strawberry.field(description="Only test tenants reach it.")
    pause: AccountPause | None = strawberry.field(description="Null when it is not paused.")
    health: ProviderAccount = strawberry.field(description="What callers see of it.")

    @classmethod
    def of(cls, facts: Report, now: int) -> Self:
        state, pause = facts.state, None
        if state.paused_at is not None:
            pause = AccountPause(at=Moment(state.paused_at), by=state.paused_by or "", note=state.pause_note or "")
        return cls(sandbox=facts.account.sandbox, pause=pause, health=ProviderAccount.of(facts, now))


@strawberry.type(description="Something that happened to an account.")
class AccountEvent:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    type: AccountEventType = strawberry.field(description="What happened.")
    at: Moment = strawberry.field(description="When.")
    account: str = strawberry.field(description="To which account.")
    actor: str | None = strawberry.field(description="The operator who did it; null when nobody did.")
    data: Facts = strawberry.field(description="The facts of its type.")

    @classmethod
    def of(cls, facts: account_event.AccountEvent) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            type=facts.type,
            at=Moment(facts.at),
            account=facts.account,
            actor=facts.actor,
            data=Facts(facts.data),
        )


@strawberry.type(description="Some events of accounts, newest first.")
class AccountEventPage:
    nodes: list[AccountEvent] = strawberry.field(description="The events.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.input(description="Which account, and why.")
class AccountInput:
    account: str = strawberry.field(description="The account.")
    note: str = strawberry.field(default="", description="Why; kept with your key's name.")


@strawberry.input(description="Which account, and its balance.")
class SetAccountCreditsInput:
    account: str = strawberry.field(description="The account.")
    credits: int = strawberry.field(description="Its balance now, in its own credits, as its provider's pages say.")
    note: str = strawberry.field(default="", description="How you know; kept with your key's name.")


@strawberry.type(description="It is done.")
class AccountSuccess:
    account: Account = strawberry.field(description="The account, as it is now.")


PauseAccountPayload = Annotated[
    AccountSuccess | NotFoundError | InvalidInputError,
    strawberry.union("PauseAccountPayload", description="What pauseAccount answers. Every refusal is a UserError."),
]
ResumeAccountPayload = Annotated[
    AccountSuccess | NotFoundError | InvalidInputError,
    strawberry.union("ResumeAccountPayload", description="What resumeAccount answers. Every refusal is a UserError."),
]
ResetAccountPayload = Annotated[
    AccountSuccess | NotFoundError | InvalidInputError,
    strawberry.union("ResetAccountPayload", description="What resetAccount answers. Every refusal is a UserError."),
]
SetAccountCreditsPayload = Annotated[
    AccountSuccess | NotFoundError | InvalidInputError,
    strawberry.union(
        "SetAccountCreditsPayload", description="What setAccountCredits answers. Every refusal is a UserError."
    ),
]
AccountArgument = Annotated[AccountInput, strawberry.argument(description="Which account, and why.")]
CreditsArgument = Annotated[SetAccountCreditsInput, strawberry.argument(description="Which account, and its balance.")]


async def providers(info: Info) -> list[ProviderAccount]:
    gateway, tenant = info.context.gateway, info.context.tenant(Scope.VIDEOS_READ)
    now = gateway.clock.now()
    return [ProviderAccount.of(one, now) for one in await gateway.availability.of_tenant(tenant)]


async def accounts(info: Info) -> list[Account]:
    gateway, _ = operator(info)
    now = gateway.clock.now()
    return [Account.of(one, now) for one in await gateway.availability.all()]


async def account_events(
    info: Info, account: OfAccount = None, first: First = 20, after: AfterId = None
) -> AccountEventPage:
    gateway, _ = operator(info)
    if after is not None and not could_be(ACCOUNT_EVENT, after):
        raise InvalidRequest.field("after", "invalid_cursor", "give the id of the last one of an earlier page")
    page = await gateway.operators.events(account=account, after=after, limit=first)
    return AccountEventPage(nodes=[AccountEvent.of(one) for one in page.events], has_more=page.more)


async def pause_account(info: Info, input: AccountArgument) -> PauseAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    return await _done(gateway, input.account, partial(gateway.operators.pause, actor=actor, note=input.note))


async def resume_account(info: Info, input: AccountArgument) -> ResumeAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    return await _done(gateway, input.account, partial(gateway.operators.resume, actor=actor, note=input.note))


async def reset_account(info: Info, input: AccountArgument) -> ResetAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    return await _done(gateway, input.account, partial(gateway.operators.reset, actor=actor, note=input.note))


async def set_account_credits(info: Info, input: CreditsArgument) -> SetAccountCreditsPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    act = partial(gateway.operators.credits, credits=input.credits, actor=actor, note=input.note)
    return await _done(gateway, input.account, act)


async def _done(
    gateway: Gateway, account: str, act: Callable[[str], Awaitable[None]]
) -> AccountSuccess | CorrectionRefusal:
    try:
        await act(account)
    except GatewayError as error:
        return account_refusal(error)
    return AccountSuccess(account=Account.of(await gateway.availability.one(account), gateway.clock.now()))


def _circuit(facts: Report) -> AccountCircuit:
    state = facts.state
    return AccountCircuit(
        state=state.circuit,
        until=moment(state.circuit_until),
        failures=state.failures,
        poll_failures=state.poll_failures,
        opens=state.opens,
    )


def _resting(facts: Report, now: int) -> AccountRest | None:
    until = facts.state.resting_until
    if until is None or until <= now:
        return None
    return AccountRest(reason=facts.state.resting_reason or "busy", until=Moment(until))


def _credits(facts: Report) -> AccountCredits | None:
    state = facts.state
    if facts.left is None or state.credits_at is None or state.credits_source is None:
        return None
    return AccountCredits(
        left=facts.left,
        told_at=Moment(state.credits_at),
        source=state.credits_source,
        per_hour=facts.burn.per_hour,
        hours_left=facts.burn.hours_left,
    )


def _limits(facts: Report) -> AccountLimits:
    limit, running = facts.account.limits.concurrent, facts.running
    left = None if limit is None else max(limit - running, 0)
    return AccountLimits(
        concurrent=AccountLimit(limit=limit, running=running, left=left, resets_at=None),
        per_minute=_window(facts.minute),
        per_day=_window(facts.day),
    )


def _window(window: Left) -> AccountLimit:
    return AccountLimit(limit=window.limit, running=None, left=window.left, resets_at=moment(window.whole_at))
