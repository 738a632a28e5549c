"""An account: our customer relationship with a provider. Data; the provider is code."""

from enum import StrEnum
from typing import Any

import msgspec

from schema.clock import Millis
from schema.money import Credits, Micros


class Secret:
    """A text that no log, repr or error shows. ``reveal()`` where it joins a request, nowhere else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class FormerSecret(msgspec.Struct, frozen=True):
    """A webhook secret that another took the place of, and until when what it signs is still believed."""

    secret: Secret
    until: Millis


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream lets one account do; None is no limit.

    Attributes:
        per_minute: requests in any minute, polls included.
        concurrent: videos in the making at once.
        per_day: requests a day.
    """

    per_minute: int | None = None
    concurrent: int | None = None
    per_day: int | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account at one provider, as configured.

    Attributes:
        base_url: no trailing slash; paths of wire requests are appended.
        price_per_credit: micros per credit; None means its price is unknown, and stays unknown.
        webhook_secrets: current first, then others that count as long as they are listed.
        former_secrets: those that were replaced by the API lately, each with its end.
        options: the provider's own settings, already checked by the provider.
        owner: the tenant whose own it is; no other's videos reach it. None for the operator's.
        credits_warn_percent: shares of its greatest balance that are told when no more than that is left.
    """

    id: str
    provider: str
    base_url: str
    credential: Secret
    credential_version: int = 1
    price_per_credit: Micros | None = None
    limits: Limits = Limits()
    webhook_secrets: tuple[Secret, ...] = ()
    options: Any = None
    sandbox: bool = False
    credits_warn_percent: tuple[int, ...] = (20, 10, 5)
    owner: str | None = None
    former_secrets: tuple[FormerSecret, ...] = ()

    @property
    def former_until(self) -> Millis | None:
        """When the last of the secrets that were replaced ends; None when none was."""
        return max((one.until for one in self.former_secrets), default=None)

    def hook_secrets(self, now: Millis) -> tuple[Secret, ...]:
        """Those a call from its provider may be signed with now."""
        return (*self.webhook_secrets, *[one.secret for one in self.former_secrets if now < one.until])


OWN = "~"
"""Stands between a tenant's id and the name it gave an account of its own: no id in a file holds it."""


def own_id(tenant: str, name: str) -> str:
    """What a tenant's own account is called: never what the operator's is, nor another tenant's."""
    return f"{tenant}{OWN}{name}"


class CredentialState(StrEnum):
    WORKS = "works"
    REFUSED = "refused"


class Circuit(StrEnum):
    """Whether an account is sent videos, as far as its answers go."""

    CLOSED = "closed"  # as many as it has room for
    OPEN = "open"  # none
    HALF_OPEN = "half_open"  # one, on trial


class CreditsSource(StrEnum):
    """Who told what balance an account has."""

    PROVIDER = "provider"
    OPERATOR = "operator"


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """What we have learned about an account at run time, shared by all replicas.

    Attributes:
        failures: submits in a row that failed for want of an answer; any whole answer to a submit resets it.
        failed_at: when the latest of them happened.
        poll_failures: polls in a row without an answer; one that is answered resets it.
        circuit, circuit_at: open after too many of either, and since when it is as it is; None for always.
        circuit_until: until when an open circuit is left alone; then it is probed.
        opens: how often it opened since it was last closed.
        trial, trial_until: the attempt that a half-open circuit has let through, and until when it is waited for.
        paused_at, paused_by, pause_note: an operator wants it to get no more videos.
        resting_until, resting_reason: asked to stay away until then, and why (a failure kind).
        credential: whether the upstream takes our credential.
        credential_version: the version ``credential`` speaks of; a newer one is untried.
        callbacks_refused: it does not know the callback field; submit without it.
        credits, credits_at, credits_source: the balance that was last told, when, and by whom.
        credits_spent: what the ledger says it had billed at that moment, in all.
        credits_full: the greatest balance since the last top-up; steps of warning are shares of it.
        credits_warned: the lowest of those steps that was told, percent; None for none.
        retries_full_at: when its retry budget is whole again; None when it is.
        rests: refusals to go so fast in a row; the next accepted answer ends them.
    """

    id: str
    failures: int = 0
    failed_at: Millis | None = None
    poll_failures: int = 0
    circuit: Circuit = Circuit.CLOSED
    circuit_at: Millis | None = None
    circuit_until: Millis | None = None
    opens: int = 0
    trial: str | None = None
    trial_until: Millis | None = None
    paused_at: Millis | None = None
    paused_by: str | None = None
    pause_note: str | None = None
    resting_until: Millis | None = None
    resting_reason: str | None = None
    credential: CredentialState = CredentialState.WORKS
    credential_version: int = 0
    callbacks_refused: bool = False
    credits: Credits | None = None
    credits_at: Millis | None = None
    credits_source: CreditsSource | None = None
    credits_spent: Credits | None = None
    credits_full: Credits | None = None
    credits_warned: int | None = None
    retries_full_at: Millis | None = None
    rests: int = 0
