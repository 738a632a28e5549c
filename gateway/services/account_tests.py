"""A free question to an account: is it there, does it take our credential, what is left. It spends nothing but a turn.

It is asked about a job as a poll would: any answer that names its reason will do. It counts among the account's
requests a minute like any other.
"""

import msgspec
import structlog

from gateway.policy.metering import Purpose, Word
from gateway.services.accounts import Accounts
from gateway.services.limits import Limits, word
from gateway.services.tending import UNANSWERED
from gateway.store.store import Store
from gateway.upstream import Upstream
from schema.account import CredentialState
from schema.clock import Clock, Millis
from schema.errors import FailureKind, NotFound, ProviderFailure, TooManyRequests
from schema.tenant import Tenant

log = structlog.get_logger()

NOBODYS = "00000000-0000-4000-8000-000000000000"
"""A job's id that no provider has given."""

_ANSWERS_OF_ITS_OWN = frozenset({None, FailureKind.NOT_FOUND})
"""What says that it knows who is asking."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What the question showed.

    Attributes:
        asked: False for a provider that can be asked nothing for free; then nothing is known.
        reached: something that understands us answered.
        credential: None when the answer did not say.
        failure, detail: what else it was answered with, if it was no plain answer.
        limit: what the answer's headers say of its limits.
    """

    account: str
    at: Millis
    asked: bool
    reached: bool = False
    credential: CredentialState | None = None
    failure: FailureKind | None = None
    detail: str = ""
    limit: Word = Word()


class AccountTests:
    def __init__(self, *, store: Store, accounts: Accounts, upstream: Upstream, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._upstream = upstream
        self._limits = limits
        self._clock = clock

    async def test(self, id: str, owner: Tenant | None) -> Tested:
        """Ask once.

        Args:
            owner: the tenant whose own account it must be; None for the operator, who may ask any.

        Raises:
            NotFound: there is none, or it is another's.
            TooManyRequests: its requests of this minute, or day, are used up.
        """
        configured = self._accounts.get(id)
        if configured is None or (owner is not None and configured[0].owner != owner.id):
            raise NotFound("There is no such account")
        account, provider = configured
        if provider.polls is None:
            return Tested(account=id, at=self._clock.now(), asked=False)
        until = await self._limits.take_for_poll(account)
        if until is not None:
            seconds = max(-(-(until - self._clock.now()) // 1000), 1)
            raise TooManyRequests("The account's requests are used up for now", retry_after_seconds=seconds)
        ref = await self._store.read(lambda tx: tx.attempts.latest_ref(id)) or NOBODYS
        kind, detail, taken_at = None, "", self._clock.now()
        try:
            headers = (await self._upstream.ask(provider.polls.poll(ref), account, provider.adapter)).headers
        except ProviderFailure as failure:
            kind, detail, headers = failure.kind, failure.detail, failure.headers
        await self._store.write(lambda tx: self._limits.settle(tx, account, Purpose.POLL, headers, taken_at=taken_at))
        now = self._clock.now()
        log.info("account.tested", account=id, kind=kind)
        return Tested(
            account=id,
            at=now,
            asked=True,
            reached=kind not in UNANSWERED,
            credential=_credential(kind),
            failure=None if kind in _ANSWERS_OF_ITS_OWN else kind,
            detail=detail,
            limit=word(headers, now),
        )


def _credential(kind: FailureKind | None) -> CredentialState | None:
    if kind is FailureKind.UNAUTHORIZED:
        return CredentialState.REFUSED
    return CredentialState.WORKS if kind in _ANSWERS_OF_ITS_OWN else None
