"""What accounts may be asked, exact across replicas: calls are counted before they are sent, and answers correct it."""

from collections.abc import Mapping

from gateway.config.settings import Timing
from gateway.policy import metering
from gateway.policy.metering import Meter, Purpose, Spans, Word
from gateway.store.store import Store, Transaction
from providers.limits import rate_limit, until_reset
from schema.account import Account
from schema.account import Limits as AccountLimits
from schema.clock import Clock, Millis, millis


class Limits:
    """Requests a minute and a day. An account without a limit is not counted, and costs no write."""

    def __init__(self, store: Store, clock: Clock, timing: Timing) -> None:
        self._store = store
        self._clock = clock
        self._spans = spans(timing)

    async def until(self, tx: Transaction, account: Account, now: Millis) -> Millis | None:
        """None when one more video may be asked for now, else when; its meter stays held by the transaction.

        The account's row is held already: that is the order of locks.
        """
        meter = await self._locked(tx, account)
        return metering.may(meter, account.limits, now, Purpose.CREATE, self._spans)

    async def take(self, tx: Transaction, account: Account, now: Millis) -> None:
        """Count a submit, or a replay of one, in the transaction that writes its intent down."""
        meter = await self._locked(tx, account)
        if metering.metered(meter, account.limits):
            await tx.meters.update(account.id, metering.taken(meter, now, Purpose.CREATE, self._spans))

    async def take_for_poll(self, account: Account) -> Millis | None:
        """Count a poll that is about to be sent. Without room, the moment at which there is some; it is owed then."""
        if not _limited(account.limits) and await self._store.read(lambda tx: tx.meters.get(account.id)) is None:
            return None

        async def take(tx: Transaction) -> Millis | None:
            now = self._clock.now()
            meter = await self._locked(tx, account)
            if not metering.metered(meter, account.limits):
                return None
            until = metering.may(meter, account.limits, now, Purpose.POLL, self._spans)
            if until is None:
                after = metering.taken(meter, now, Purpose.POLL, self._spans)
            else:
                after = metering.owed(meter, until, self._spans)
            if after != meter:
                await tx.meters.update(account.id, after)
            return until

        return await self._store.write(take)

    async def take_for_upload(self, account: Account) -> Millis | None:
        """Count a picture that is about to be uploaded. Without room, the moment at which there is some."""
        if not _limited(account.limits) and await self._store.read(lambda tx: tx.meters.get(account.id)) is None:
            return None

        async def take(tx: Transaction) -> Millis | None:
            now = self._clock.now()
            meter = await self._locked(tx, account)
            if not metering.metered(meter, account.limits):
                return None
            until = metering.may(meter, account.limits, now, Purpose.CREATE, self._spans)
            if until is None:
                await tx.meters.update(account.id, metering.taken(meter, now, Purpose.CREATE, self._spans))
            return until

        return await self._store.write(take)

    async def settle(
        self, tx: Transaction, account: Account, purpose: Purpose, headers: Mapping[str, str], *, taken_at: Millis
    ) -> None:
        """Count a call where its answer came, and believe what the answer says about limits.

        Before any task of the video is touched, for that is the order of locks.
        """
        now = self._clock.now()
        said = word(headers, now)
        if not _limited(account.limits) and said == Word() and await tx.meters.get(account.id) is None:
            return
        await tx.accounts.lock(account.id)
        await tx.meters.ensure(account.id)
        meter = await self._locked(tx, account)
        after = metering.answered(meter, account.limits, now, purpose, self._spans, taken_at=taken_at, word=said)
        if after != meter:
            await tx.meters.update(account.id, after)

    async def _locked(self, tx: Transaction, account: Account) -> Meter:
        meter = await tx.meters.lock(account.id)
        if meter is None and _limited(account.limits):
            await tx.meters.ensure(account.id)
            meter = await tx.meters.lock(account.id)
        return meter or Meter()


def spans(timing: Timing) -> Spans:
    """What providers call a minute and a day."""
    return Spans(minute=millis(timing.minute_seconds), day=millis(timing.day_seconds))


def _limited(limits: AccountLimits) -> bool:
    return limits.per_minute is not None or limits.per_day is not None


def word(headers: Mapping[str, str], now: Millis) -> Word:
    """What an answer's headers say of a limit."""
    told = rate_limit(headers)
    reset = until_reset(headers, now)
    return Word(limit=told.limit, remaining=told.remaining, reset=None if reset is None else millis(reset))
