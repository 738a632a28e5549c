"""The queue: who waits for room at an account, and is called when it is their turn.

Nothing is taken here. A video that is called is decided anew, and its account's room is taken in the transaction that
writes the intent down (services/submits.py); called in vain, it waits on at its place.
"""

from collections.abc import Sequence

import msgspec

from gateway.policy import fairness
from gateway.policy.fairness import Waiter
from gateway.policy.routing import AccountFacts
from gateway.services.accounts import Accounts
from gateway.services.making import Making
from gateway.services.tenants import Tenants
from gateway.store.queue import Line, Place
from gateway.store.store import Store, Transaction
from schema.account import Account
from schema.clock import Clock, Millis
from schema.quote import STANDING, Decision, Exclusion, ReasonCode
from schema.video import Priority, Video

AT_ONCE = 64
"""As many are called at once, where an account has no end of room."""

PASSES = 200
"""Milliseconds for which one that was called in vain lets others go first."""

_PRIORITIES = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1}


class Queue:
    def __init__(self, *, store: Store, accounts: Accounts, tenants: Tenants, making: Making, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._tenants = tenants
        self._making = making
        self._clock = clock

    async def call(self) -> Millis | None:
        """Make those due whose turn it is, at every account that has room.

        Returns:
            When there will be room again without anybody telling; None when nobody waits for a known moment.
        """
        now = self._clock.now()
        lines = await self._store.read(lambda tx: tx.queue.lines())
        if not lines:
            return None
        everything = await self._accounts.everything(fresh=True)
        facts = [one for one in everything if any(one.account in line.accounts for line in lines)]
        with_room = [one for one in facts if one.room != 0]
        videos = await self._store.read(lambda tx: self._called(tx, lines, with_room, now)) if with_room else []
        if videos:
            await self._store.write(lambda tx: tx.queue.call(videos, now))
        return min((end for one in facts if (end := _free_at(one)) is not None), default=None)

    async def turn(self, video: Video, account: AccountFacts) -> bool:
        """Whether a video may begin at an account that has room: nobody has an earlier right to it.

        Nor to its tenant's room: where that is short, its older ones go first.
        """
        if account.room is None and self._making.limit(video.tenant) is None:
            return True
        now = self._clock.now()
        room = AT_ONCE if account.room is None else account.room

        async def ask(tx: Transaction) -> bool:
            lines = [line for line in await tx.queue.lines() if account.account in line.accounts]
            if not lines:
                return True
            free = await self._making.room(tx, {video.tenant, *(line.tenant for line in lines)}, now)
            called = await self._turns(tx, account.account, lines, room, now, free=free)
            if video.id in called:
                return True
            own = free.get(video.tenant)
            others = [line for line in lines if line.tenant == video.tenant]
            older = 0 if own is None else len(await _first(tx, others, own, now))
            return (account.room is None or len(called) < room) and (own is None or older < own)

        return await self._store.read(ask)

    async def served(self, tx: Transaction, account: Account, tenant: str) -> None:
        """A tenant's video is begun at an account, whose row is locked: its turn is over."""
        facts = self._accounts.known(account.id)
        if facts is not None and facts.room is None:
            return  # there is no end of turns; an answer or a trial may set one where no limit is configured
        passed, virtual = await tx.queue.passed(account.id, tenant)
        passed, virtual = fairness.served(passed, virtual, self.weight(tenant))
        await tx.queue.serve(account.id, tenant, passed=passed, virtual=virtual)

    def weight(self, tenant: str) -> int:
        """What a tenant weighs; one removed since weighs as much as most."""
        known = self._tenants.get(tenant)
        return 1 if known is None else known.limits.weight

    def place(self, video: Video, decision: Decision, *, in_vain: bool) -> Place | None:
        """Where a video waits; None when nothing but its own circumstances are in its way.

        Args:
            in_vain: it was its turn, and it could not begin after all.
        """
        accounts = tuple(
            candidate.account
            for candidate in decision.candidates
            if all(_ends_with_others(reason) for reason in candidate.excluded)
        )
        if not accounts:
            return None
        return Place(
            line=Line(accounts, video.tenant),
            priority=_PRIORITIES[video.routing.priority or Priority.NORMAL],
            passes_until=self._clock.now() + PASSES if in_vain else 0,
        )

    async def _called(
        self, tx: Transaction, lines: list[Line], with_room: list[AccountFacts], now: Millis
    ) -> list[str]:
        called: dict[str, None] = {}
        free = await self._making.room(tx, {line.tenant for line in lines}, now)
        for facts in with_room:
            wanted = [line for line in lines if facts.account in line.accounts]
            room = AT_ONCE if facts.room is None else min(facts.room, AT_ONCE)
            called |= dict.fromkeys(await self._turns(tx, facts.account, wanted, room, now, free=free))
        return list(called)

    async def _turns(
        self, tx: Transaction, account: str, lines: list[Line], room: int, now: Millis, *, free: dict[str, int]
    ) -> list[str]:
        """The videos whose turn it is at an account with room for so many.

        Args:
            free: tenants that may begin only so many more; those that may begin none hold up nobody else.
        """
        shares = await tx.queue.shares(account)
        virtual = shares.get("", 0)
        tenants = {line.tenant for line in lines}
        waiters = [
            Waiter(tenant=tenant, weight=self.weight(tenant), passed=shares.get(tenant, 0)) for tenant in tenants
        ]
        soon: list[Waiter] = []
        for waiter in fairness.soonest(waiters, virtual, len(waiters)):
            own = [line for line in lines if line.tenant == waiter.tenant]
            videos = await _first(tx, own, min(room, free.get(waiter.tenant, room)), now)
            if videos:  # who was called in vain a moment ago holds up nobody else
                soon.append(msgspec.structs.replace(waiter, videos=videos))
            if len(soon) == room:
                break
        return fairness.turns(soon, virtual, room)


def _ends_with_others(reason: Exclusion) -> bool:
    """It speaks against the account whatever the video, or the tenant's other videos are in the way.

    Credits that are too few for this one need no end.
    """
    too_dear = reason.code is ReasonCode.OUT_OF_CREDITS and reason.until is None
    return reason.code is ReasonCode.TENANT_AT_CAPACITY or (reason.code in STANDING and not too_dear)


async def _first(tx: Transaction, lines: Sequence[Line], limit: int, now: Millis) -> tuple[str, ...]:
    """The first of a tenant's, over all its lines."""
    if limit < 1:
        return ()
    found = [head for line in lines for head in await tx.queue.heads(line, limit, now)]
    return tuple(video for _, video in sorted(found)[:limit])


def _free_at(facts: AccountFacts) -> Millis | None:
    """When what stands against an account is over; None when nothing does, or not all of it is known to end."""
    ends = [reason.until for reason in facts.standing]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
