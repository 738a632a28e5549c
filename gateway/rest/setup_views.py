"""Accounts as they are set up: how callers write them, and how they are shown. No secret is."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.config.given import Overlap
from gateway.rest.policy_views import Version
from gateway.rest.views import Moment, Name, Text
from gateway.services.account_setups import Setup
from gateway.services.account_tests import Tested
from schema.account import Account, CredentialState, Limits
from schema.errors import FailureKind
from schema.money import format_micros
from schema.ownership import ManagedBy, Ownership
from schema.policy import Amount

Number = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Percents = Annotated[tuple[_Percent, ...], msgspec.Meta(max_length=8)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern="^[ -~]*[!-~][ -~]*$")]
_Url = Annotated[str, msgspec.Meta(max_length=2048)]
_UNSET = msgspec.UNSET
_Unset = msgspec.UnsetType


class AccountLimitsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its provider lets an account do, where it is not what its plan says."""

    per_minute: Number | _Unset | None = _UNSET
    concurrent: Number | _Unset | None = _UNSET
    per_day: Number | _Unset | None = _UNSET


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be.

    Attributes:
        id: a name; a tenant's own account is called `tenant~id` from then on.
        credential: the provider's API key; it is sealed, and never told again.
        base_url: where the provider is, if not where it usually is.
        webhook_secrets: what its calls to us are signed with, the current one first; never told again.
        price_per_credit: what a credit costs, as decimal text; of a tenant's own account what the tenant is charged for
            one, `"0"` for nothing.
        plan: of the provider's plans, for its limits.
        options: the provider's own settings.
        sandbox: only test tenants reach it.
    """

    id: Id
    provider: Name
    credential: _Secret
    base_url: _Url | _Unset | None = _UNSET
    webhook_secrets: Annotated[tuple[_Secret, ...], msgspec.Meta(max_length=8)] | _Unset | None = _UNSET
    price_per_credit: Amount | _Unset | None = _UNSET
    plan: Name | _Unset | None = _UNSET
    limits: AccountLimitsGiven | _Unset | None = _UNSET
    options: dict[str, Any] | _Unset | None = _UNSET
    credits_warn_percent: Percents | _Unset | None = _UNSET
    sandbox: bool | _Unset | None = _UNSET


class AccountChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of an account, a JSON merge patch: what is left out stays, null gives a field its default."""

    base_url: _Url | _Unset | None = _UNSET
    price_per_credit: Amount | _Unset | None = _UNSET
    plan: Name | _Unset | None = _UNSET
    limits: AccountLimitsGiven | _Unset | None = _UNSET
    options: dict[str, Any] | _Unset | None = _UNSET
    credits_warn_percent: Percents | _Unset | None = _UNSET
    sandbox: bool | _Unset | None = _UNSET


class NewCredential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another API key of the provider's; it is sealed, and never told again."""

    credential: _Secret


class NewWebhookSecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider's calls are signed with, the current one first; an empty list turns webhooks off.

    Attributes:
        overlap_seconds: how long those that are replaced are taken still; 86400 unless said, 0 ends them at once.
    """

    webhook_secrets: Annotated[tuple[_Secret, ...], msgspec.Meta(max_length=8)]
    overlap_seconds: Overlap | _Unset = _UNSET


class LimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What its provider lets an account do; null is no limit."""

    per_minute: Count | None
    concurrent: Count | None
    per_day: Count | None


class AccountSetupView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is set up; its secrets are never shown.

    Attributes:
        owner: the tenant whose own it is; null for the operator's.
        price_per_credit: decimal text; null when it is not known.
        credential_version: moved by each new credential.
        credential_at: when it was given, seconds since the Unix epoch.
        webhook_secrets: how many there are.
        former_webhook_secrets_until: when the last of those that were replaced ends; null when none was.
        version: also the ETag.
        managed_by: where it is changed: in the configuration `file` alone, or by `api`.
        file: the file's name, where one manages it.
        removed_at: null while it is there.
    """

    object: Literal["account_setup"] = "account_setup"
    id: Name
    provider: Name
    owner: Name | None
    base_url: _Url
    price_per_credit: Text | None
    limits: LimitsView
    options: dict[str, Any]
    credits_warn_percent: Percents
    sandbox: bool
    credential_version: Version
    credential_at: Moment | None
    webhook_secrets: Count
    webhook_secrets_at: Moment | None
    former_webhook_secrets_until: Moment | None
    version: Version
    managed_by: ManagedBy
    file: Text | None
    created_at: Moment
    updated_at: Moment
    removed_at: Moment | None


class AccountSetupListView(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts as they are set up."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[AccountSetupView, ...], msgspec.Meta(max_length=1000)]


class TestedLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer's headers said of a limit; null where they said nothing.

    Attributes:
        resets_in_ms: until it is whole again.
    """

    limit: Count | None
    remaining: Count | None
    resets_in_ms: Count | None


class AccountTestView(msgspec.Struct, frozen=True, kw_only=True):
    """What a free question to an account showed. Nothing was spent but one of its requests.

    Attributes:
        asked: false where the provider can be asked nothing for free; then nothing is known.
        reached: somebody answered who understands us.
        credential: null where the answer did not say.
        failure: what it was answered with, where that was no plain answer.
    """

    object: Literal["account_test"] = "account_test"
    account: Name
    created_at: Moment
    asked: bool
    reached: bool
    credential: CredentialState | None
    failure: FailureKind | None
    detail: Text
    limit: TestedLimitView


def account_setup_view(setup: Setup) -> AccountSetupView:
    account = setup.record.account
    return AccountSetupView(
        id=account.id,
        provider=account.provider,
        owner=account.owner,
        base_url=account.base_url,
        price_per_credit=None if account.price_per_credit is None else format_micros(account.price_per_credit),
        limits=_limits(account.limits),
        options=_options(account),
        credits_warn_percent=account.credits_warn_percent,
        sandbox=account.sandbox,
        credential_version=account.credential_version,
        credential_at=_seconds(setup.credential_at),
        webhook_secrets=len(account.webhook_secrets),
        webhook_secrets_at=_seconds(setup.webhook_secrets_at),
        former_webhook_secrets_until=_seconds(account.former_until),
        **owned(setup.record.ownership),
    )


def tested_view(tested: Tested) -> AccountTestView:
    limit = tested.limit
    return AccountTestView(
        account=tested.account,
        created_at=tested.at // 1000,
        asked=tested.asked,
        reached=tested.reached,
        credential=tested.credential,
        failure=tested.failure,
        detail=tested.detail,
        limit=TestedLimitView(limit=limit.limit, remaining=limit.remaining, resets_in_ms=limit.reset),
    )


def _limits(limits: Limits) -> LimitsView:
    return LimitsView(**msgspec.structs.asdict(limits))


def _options(account: Account) -> dict[str, Any]:
    options = msgspec.to_builtins(account.options)
    return options if isinstance(options, dict) else {}


def owned(owned: Ownership) -> dict[str, Any]:
    return {
        "version": owned.version,
        "managed_by": owned.managed_by,
        "file": owned.source,
        "created_at": owned.created_at // 1000,
        "updated_at": owned.updated_at // 1000,
        "removed_at": _seconds(owned.removed_at),
    }


def _seconds(moment: int | None) -> int | None:
    return None if moment is None else moment // 1000
