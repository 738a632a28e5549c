"""Writing down what happened to an account: its state, the events that tell the change, and who looks after it now."""

from typing import Any

from gateway.policy.happenings import happenings, owner_happenings
from gateway.store.store import Transaction
from gateway.store.tasks import TaskKind
from schema.account import AccountState, Circuit
from schema.account_event import AccountEvent, AccountEventType
from schema.clock import Millis
from schema.event import Event, EventType
from schema.ids import ACCOUNT_EVENT, Ids


async def change(
    tx: Transaction,
    ids: Ids,
    before: AccountState,
    after: AccountState,
    now: Millis,
    *,
    owner: str | None,
    actor: str | None = None,
) -> None:
    """Change the state of an account, whose row this transaction holds, and tell what that means.

    Args:
        owner: the tenant whose own it is, who is told of it too.
    """
    await tx.accounts.update(after)
    for type, data in happenings(before, after):
        await tell(tx, ids, after.id, type, now, actor=actor, **data)
    if owner is not None:
        for told, facts in owner_happenings(before, after):
            tell_owner(tx, ids, after.id, told, now, owner=owner, **facts)
    if after.circuit is Circuit.OPEN and before.circuit is not Circuit.OPEN:
        await tx.tasks.add(TaskKind.TEND, after.id, after.circuit_until or now)
    if after.credits_at is not None and after.credits_at != before.credits_at:
        await tx.tasks.add(TaskKind.TEND, after.id, now)


async def tell(
    tx: Transaction,
    ids: Ids,
    account: str,
    type: AccountEventType,
    now: Millis,
    *,
    actor: str | None = None,
    **data: Any,
) -> None:
    """Add an event of an account, for whoever runs the gateway."""
    id = ids.make(ACCOUNT_EVENT, now)
    await tx.account_events.add(AccountEvent(id=id, at=now, account=account, type=type, actor=actor, data=data))


def tell_owner(
    tx: Transaction, ids: Ids, account: str, type: EventType, now: Millis, *, owner: str, **facts: Any
) -> None:
    """Tell a tenant what happened to an account of its own, in its own log."""
    data = {"id": account, "object": "account", **facts}
    tx.events.add(Event(id=ids.event(now), tenant=owner, type=type, at=now, data=data))
