"""Accounts as they are set up, over GraphQL: the operator's, and with ``own`` each tenant's. No secret is shown."""

from collections.abc import Awaitable
from typing import Annotated, Any, Self

import msgspec
import strawberry

from gateway.auth import hand_of, require
from gateway.config.given import OVERLAP
from gateway.graphql.admin import operator
from gateway.graphql.admin_refusals import (
    ConflictError,
    ManagedByFileError,
    SetupRefusal,
    TestRefusal,
    setup_refusal,
    test_refusal,
)
from gateway.graphql.context import Info
from gateway.graphql.policy_inputs import plain
from gateway.graphql.refusals import InvalidInputError, NotFoundError, RateLimitedError
from gateway.graphql.scalars import Document, Moment, moment
from gateway.services import account_setups, account_tests
from gateway.services.hands import Hand
from gateway.wiring import Gateway
from schema.account import CredentialState
from schema.errors import GatewayError
from schema.money import format_micros
from schema.ownership import ManagedBy
from schema.tenant import Scope, Tenant

_OWN = "One of your tenant's own accounts; else the operator's, for operators."
Own = Annotated[bool, strawberry.argument(description="Your tenant's own ones; else all of them, for operators.")]


@strawberry.type(description="What its provider lets an account do; null is no limit.")
class AccountSetupLimits:
    per_minute: int | None = strawberry.field(description="Requests a minute.")
    concurrent: int | None = strawberry.field(description="Videos at once.")
    per_day: int | None = strawberry.field(description="Requests a day.")


@strawberry.type(description="An account as it is set up; its secrets are never shown.")
class AccountSetup:
    id: strawberry.ID = strawberry.field(description="A tenant's own is called `tenant~name`.")
    provider: str = strawberry.field(description="The provider it is with.")
    owner: str | None = strawberry.field(description="The tenant whose own it is; null for the operator's.")
    base_url: str = strawberry.field(description="Where the provider is.")
    price_per_credit: str | None = strawberry.field(description="Decimal text; null when it is not known.")
    limits: AccountSetupLimits = strawberry.field(description="What the provider lets it do.")
    options: Document = strawberry.field(description="The provider's own settings.")
    credits_warn_percent: list[int] = strawberry.field(description="Shares of its balance that are told.")
    sandbox: bool = strawberry.field(description="Only test tenants reach it.")
    credential_version: int = strawberry.field(description="Moved by each new credential.")
    credential_at: Moment | None = strawberry.field(description="When it was given.")
    webhook_secrets: int = strawberry.field(description="How many there are.")
    webhook_secrets_at: Moment | None = strawberry.field(description="When they were given.")
    former_webhook_secrets_until: Moment | None = strawberry.field(
        description="When the last of those that were replaced ends; null when none was."
    )
    version: int = strawberry.field(description="Give it as `expectedVersion` to change it.")
    managed_by: ManagedBy = strawberry.field(description="Where it is changed.")
    file: str | None = strawberry.field(description="The file's name, where one manages it.")
    created_at: Moment = strawberry.field(description="When it was set up.")
    updated_at: Moment = strawberry.field(description="When it was last changed.")
    removed_at: Moment | None = strawberry.field(description="Null while it is there.")

    @classmethod
    def of(cls, facts: account_setups.Setup) -> Self:
        account, owned = facts.record.account, facts.record.ownership
        price, limits, options = account.price_per_credit, account.limits, plain_options(account.options)
        return cls(
            id=strawberry.ID(account.id),
            provider=account.provider,
            owner=account.owner,
            base_url=account.base_url,
            price_per_credit=None if price is None else format_micros(price),
            limits=AccountSetupLimits(
                per_minute=limits.per_minute, concurrent=limits.concurrent, per_day=limits.per_day
            ),
            options=Document(options),
            credits_warn_percent=list(account.credits_warn_percent),
            sandbox=account.sandbox,
            credential_version=account.credential_version,
            credential_at=moment(facts.credential_at),
            webhook_secrets=len(account.webhook_secrets),
            webhook_secrets_at=moment(facts.webhook_secrets_at),
            former_webhook_secrets_until=moment(account.former_until),
            version=owned.version,
            managed_by=owned.managed_by,
            file=owned.source,
            created_at=Moment(owned.created_at),
            updated_at=Moment(owned.updated_at),
            removed_at=moment(owned.removed_at),
        )


@strawberry.type(description="What a free question to an account showed; it cost nothing but one of its requests.")
class AccountTest:
    account: str = strawberry.field(description="The account.")
    at: Moment = strawberry.field(description="When.")
    asked: bool = strawberry.field(description="False where the provider can be asked nothing for free.")
    reached: bool = strawberry.field(description="Somebody answered who understands us.")
    credential: CredentialState | None = strawberry.field(description="Null where the answer did not say.")
    failure: str | None = strawberry.field(description="What it was answered with, such as `unreachable`.")
    detail: str = strawberry.field(description="The same, for people.")
    limit: int | None = strawberry.field(description="The limit that the answer's headers told.")
    remaining: int | None = strawberry.field(description="What they said is left of it.")
    resets_in_ms: int | None = strawberry.field(description="Until it is whole again, milliseconds.")

    @classmethod
    def of(cls, facts: account_tests.Tested) -> Self:
        return cls(
            account=facts.account,
            at=Moment(facts.at),
            asked=facts.asked,
            reached=facts.reached,
            credential=facts.credential,
            failure=None if facts.failure is None else facts.failure.value,
            detail=facts.detail,
            limit=facts.limit.limit,
            remaining=facts.limit.remaining,
            resets_in_ms=facts.limit.reset,
        )


@strawberry.input(description="What its provider lets an account do. What is left out stays; null is its plan's.")
class AccountLimitsInput:
    per_minute: int | None = strawberry.field(default=strawberry.UNSET, description="Requests a minute.")
    concurrent: int | None = strawberry.field(default=strawberry.UNSET, description="Videos at once.")
    per_day: int | None = strawberry.field(default=strawberry.UNSET, description="Requests a day.")


@strawberry.input(description="How an account is set up. What is left out stays; null is the default.")
class AccountSetupInput:
    base_url: str | None = strawberry.field(default=strawberry.UNSET, description="Where the provider is.")
    price_per_credit: str | None = strawberry.field(
        default=strawberry.UNSET,
        description='Decimal text such as "0.20"; of a tenant\'s own account what the tenant is charged, "0" for '
        "nothing.",
    )
    plan: str | None = strawberry.field(default=strawberry.UNSET, description="Of the provider's, for its limits.")
    limits: AccountLimitsInput | None = strawberry.field(default=strawberry.UNSET, description="Where they differ.")
    options: Document | None = strawberry.field(default=strawberry.UNSET, description="The provider's own settings.")
    credits_warn_percent: list[int] | None = strawberry.field(default=strawberry.UNSET, description="1 to 100 each.")
    sandbox: bool | None = strawberry.field(default=strawberry.UNSET, description="Only test tenants reach it.")


@strawberry.input(description="An account to be.")
class CreateAccountInput:
    id: str = strawberry.field(description="A name; a tenant's own is called `tenant~id` from then on.")
    provider: str = strawberry.field(description="The provider it is with.")
    credential: str = strawberry.field(description="The provider's API key; it is sealed, and never told again.")
    webhook_secrets: list[str] | None = strawberry.field(
        default=None, description="What its calls are signed with, the current one first; never told again."
    )
    setup: AccountSetupInput | None = strawberry.field(default=None, description="Everything else.")
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.input(description="How to change an account.")
class UpdateAccountInput:
    account: strawberry.ID = strawberry.field(description="The account.")
    expected_version: int = strawberry.field(description="The version you change.")
    setup: AccountSetupInput = strawberry.field(description="What to change of it.")
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.input(description="Which account to remove.")
class RemoveAccountInput:
    account: strawberry.ID = strawberry.field(description="The account.")
    expected_version: int = strawberry.field(description="The version you know.")
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.input(description="Another credential of an account.")
class RotateAccountCredentialInput:
    account: strawberry.ID = strawberry.field(description="The account.")
    credential: str = strawberry.field(description="The provider's API key; it is sealed, and never told again.")
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.input(description="Other webhook secrets of an account.")
class SetAccountWebhookSecretsInput:
    account: strawberry.ID = strawberry.field(description="The account.")
    webhook_secrets: list[str] = strawberry.field(description="The current one first; never told again.")
    overlap_seconds: int = strawberry.field(
        default=OVERLAP, description="How long those that are replaced are taken still; 0 ends them at once."
    )
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.input(description="Which account to ask.")
class TestAccountInput:
    account: strawberry.ID = strawberry.field(description="The account.")
    own: bool = strawberry.field(default=False, description=_OWN)


@strawberry.type(description="It is done, and in force at every replica within a second.")
class AccountSetupSuccess:
    setup: AccountSetup = strawberry.field(description="The account, as it is set up now.")


@strawberry.type(description="The account was asked.")
class TestAccountSuccess:
    test: AccountTest = strawberry.field(description="What that showed.")


CreateAccountPayload = Annotated[
    AccountSetupSuccess | InvalidInputError,
    strawberry.union("CreateAccountPayload", description="What createAccount answers. Every refusal is a UserError."),
]
UpdateAccountPayload = Annotated[
    AccountSetupSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union("UpdateAccountPayload", description="What updateAccount answers. Every refusal is a UserError."),
]
RemoveAccountPayload = Annotated[
    AccountSetupSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union("RemoveAccountPayload", description="What removeAccount answers. Every refusal is a UserError."),
]
RotateAccountCredentialPayload = Annotated[
    AccountSetupSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union(
        "RotateAccountCredentialPayload",
        description="What rotateAccountCredential answers. Every refusal is a UserError.",
    ),
]
SetAccountWebhookSecretsPayload = Annotated[
    AccountSetupSuccess | NotFoundError | InvalidInputError | ConflictError | ManagedByFileError,
    strawberry.union(
        "SetAccountWebhookSecretsPayload",
        description="What setAccountWebhookSecrets answers. Every refusal is a UserError.",
    ),
]
TestAccountPayload = Annotated[
    TestAccountSuccess | NotFoundError | RateLimitedError,
    strawberry.union("TestAccountPayload", description="What testAccount answers. Every refusal is a UserError."),
]
CreateAccountArgument = Annotated[CreateAccountInput, strawberry.argument(description="The account.")]
UpdateAccountArgument = Annotated[UpdateAccountInput, strawberry.argument(description="Which account, and what.")]
RemoveAccountArgument = Annotated[RemoveAccountInput, strawberry.argument(description="Which account.")]
RotateArgument = Annotated[RotateAccountCredentialInput, strawberry.argument(description="Which account, and the key.")]
WebhookSecretsArgument = Annotated[
    SetAccountWebhookSecretsInput, strawberry.argument(description="Which account, and the secrets.")
]
TestAccountArgument = Annotated[TestAccountInput, strawberry.argument(description="Which account.")]


async def account_setups_(info: Info, own: Own = False) -> list[AccountSetup]:
    gateway, owner, _ = _meant(info, own=own)
    return [AccountSetup.of(setup) for setup in await gateway.account_setups.all(owner)]


async def create_account(info: Info, input: CreateAccountArgument) -> CreateAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, hand = _meant(info, own=input.own)
    document = {"id": input.id, "provider": input.provider, "credential": input.credential}
    secrets = {} if input.webhook_secrets is None else {"webhook_secrets": input.webhook_secrets}
    more = {} if input.setup is None else plain(input.setup)
    done = gateway.account_setups.create({**document, **secrets, **more}, owner, by=hand)
    return await _done(done)  # type: ignore[return-value]  # a new one is neither stale, nor a file's, nor missing


async def update_account(info: Info, input: UpdateAccountArgument) -> UpdateAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, hand = _meant(info, own=input.own)
    changes = plain(input.setup)
    setups = gateway.account_setups
    return await _done(setups.update(input.account, input.expected_version, changes, owner, by=hand))


async def remove_account(info: Info, input: RemoveAccountArgument) -> RemoveAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, hand = _meant(info, own=input.own)
    return await _done(gateway.account_setups.remove(input.account, input.expected_version, owner, by=hand))


async def rotate_account_credential(info: Info, input: RotateArgument) -> RotateAccountCredentialPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, hand = _meant(info, own=input.own)
    document = {"credential": input.credential}
    return await _done(gateway.account_setups.rotate(input.account, document, owner, by=hand))


async def set_account_webhook_secrets(info: Info, input: WebhookSecretsArgument) -> SetAccountWebhookSecretsPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, hand = _meant(info, own=input.own)
    document = {"webhook_secrets": input.webhook_secrets, "overlap_seconds": input.overlap_seconds}
    return await _done(gateway.account_setups.set_webhook_secrets(input.account, document, owner, by=hand))


async def test_account(info: Info, input: TestAccountArgument) -> TestAccountPayload:  # noqa: A002  # GraphQL's name
    gateway, owner, _ = _meant(info, own=input.own)
    try:
        return TestAccountSuccess(test=AccountTest.of(await gateway.account_tests.test(input.account, owner)))
    except GatewayError as error:
        refusal: TestRefusal = test_refusal(error)
        return refusal


def _meant(info: Info, *, own: bool) -> tuple[Gateway, Tenant | None, Hand]:
    """The gateway, whose accounts are meant, and who is calling. Raises Forbidden."""
    if not own:
        gateway, _ = operator(info)
        return gateway, None, hand_of(info.context.principal)
    principal = info.context.principal
    require(principal, Scope.TENANT_ADMIN)
    return info.context.gateway, principal.tenant, hand_of(principal)


async def _done(doing: Awaitable[account_setups.Setup]) -> AccountSetupSuccess | SetupRefusal:
    try:
        return AccountSetupSuccess(setup=AccountSetup.of(await doing))
    except GatewayError as error:
        return setup_refusal(error)


def plain_options(options: Any) -> dict[str, Any]:
    """A provider's settings as JSON has them."""
    found = msgspec.to_builtins(options)
    return found if isinstance(found, dict) else {}
