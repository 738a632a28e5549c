"""When to ask after a running video: by what its account's requests allow, rarely where the upstream calls us."""

from gateway.config.settings import Timing
from gateway.policy import polling
from gateway.policy.polling import Pace
from gateway.services.accounts import Accounts
from gateway.services.limits import spans
from providers.base import Update
from schema.account import Account
from schema.attempt import Attempt
from schema.clock import Clock, Millis
from schema.luck import Luck


class Pacing:
    def __init__(self, *, accounts: Accounts, clock: Clock, timing: Timing, luck: Luck) -> None:
        self._accounts = accounts
        self._clock = clock
        self._timing = timing
        self._luck = luck

    def first(self, account: Account, attempt: Attempt) -> Millis:
        """How long to wait before a taken video is asked after for the first time."""
        known = self._accounts.known(account.id)
        usual = None if known is None else known.known.make_ms
        return polling.first(self._pace(account, attempt), usual, self._luck())

    def next(self, account: Account, attempt: Attempt, update: Update) -> Millis:
        """How long to wait after it was asked, and said so."""
        return polling.following(self._pace(account, attempt), update.seconds_left, attempt.polls, self._luck())

    def _pace(self, account: Account, attempt: Attempt) -> Pace:
        return polling.pace(
            self._accounts.meter(account.id),
            account.limits,
            self._clock.now(),
            spans(self._timing),
            shortest=self._timing.poll_min_seconds,
            longest=self._timing.poll_max_seconds,
            active=self._accounts.active(account.id),
            called=attempt.callback and self._accounts.calls_back(account.id),
        )
