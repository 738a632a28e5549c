"""Who has signed a hook: the accounts whose secrets did. Whoever is refused is refused in one way, after equal work."""

from collections.abc import Iterable

import msgspec

from gateway.services.accounts import Accounts
from providers.auth import hmac_sha256
from providers.base import Hook, Provider, Update, Webhooks
from schema.account import Account, Secret
from schema.attempt import Attempt
from schema.clock import Clock
from schema.errors import FailureKind, ProviderFailure

_STAND_IN = Secret("nobody's")


class Signer(msgspec.Struct, frozen=True):
    """An account whose secret signed a hook, and which of its secrets that was; no secret at all may be one too."""

    account: Account
    webhooks: Webhooks
    secret: str

    def news(self, hook: Hook) -> tuple[Update, ...]:
        """What it says. Raises ProviderFailure(PROTOCOL) when it can not be read."""
        return self.webhooks.updates(hook)


class HookSignatures:
    def __init__(self, *, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def of_attempt(self, attempt: Attempt, hook: Hook) -> list[Signer]:
        """The account that an attempt was made at, if it signed."""
        configured = self._accounts.once(attempt.account)
        return self._signed(hook, () if configured is None else (configured,))

    def of_any(self, provider: str, hook: Hook) -> list[Signer]:
        """All accounts at a provider that signed: with no attempt nobody knows whose a hook is."""
        return self._signed(hook, self._accounts.named(provider))

    def of_nobody(self, hook: Hook) -> list[Signer]:
        """Nobody can have signed what came to an address that is not ours; the work is the same."""
        return self._signed(hook, ())

    def _signed(self, hook: Hook, accounts: Iterable[tuple[Account, Provider]]) -> list[Signer]:
        able = [(account, built.webhooks) for account, built in accounts if built.webhooks is not None]
        if not able:
            hmac_sha256(hook.body, _STAND_IN)
        found = [self._judged(hook, account, webhooks) for account, webhooks in able]
        return [one for one in found if one is not None]

    def _judged(self, hook: Hook, account: Account, webhooks: Webhooks) -> Signer | None:
        secrets = account.hook_secrets(self._clock.now())
        try:
            place = webhooks.verify(hook, secrets)
        except ProviderFailure as failure:
            if failure.kind is not FailureKind.UNAUTHORIZED:
                raise
            return None
        return Signer(account, webhooks, _named(account, place))


def _named(account: Account, place: int | None) -> str:
    """A secret as the log may name it."""
    if place is None:
        return "none" if not account.webhook_secrets else "untold"
    if place == 0:
        return "current"
    return "listed" if place < len(account.webhook_secrets) else "former"
