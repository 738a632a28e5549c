"""What another policy had changed: a tenant's latest decisions made again. Nothing is sent and nothing is written."""

import asyncio
from typing import Any

import msgspec

from gateway.policy.replaying import Able, Recorded, Report, replayed, report
from gateway.services.accounts import Accounts
from gateway.services.policies import Policies
from gateway.store.store import Store
from schema.errors import InvalidRequest
from schema.quote import Decision
from schema.tenant import Tenant
from schema.video import Video

MAX_LAST = 1000
"""Videos that one question may look at."""

_AT_ONCE = 50
"""Decisions made again before others have their turn."""

_decode = msgspec.json.Decoder(Decision).decode


class Replays:
    def __init__(self, *, store: Store, accounts: Accounts, policies: Policies) -> None:
        self._store = store
        self._accounts = accounts
        self._policies = policies

    async def replay(self, tenant: Tenant, changes: Any, last: int) -> Report:
        """What a tenant's last videos had come to if its policy had been as it is now, with changes.

        Raises:
            InvalidRequest: ``last`` is out of range, or a field of the changes is wrong.
        """
        if not 1 <= last <= MAX_LAST:
            raise InvalidRequest.field("last", "out_of_range", f"must be from 1 to {MAX_LAST}")
        tenant = await self._policies.fresh(tenant)
        policy = self._policies.proposed(tenant, changes)
        configured = {
            account.id: Able(capabilities=provider.capabilities, rates=provider.rates)
            for account, provider in self._accounts.all()
        }
        rows = await self._store.read(lambda tx: tx.videos.decided(tenant.id, last), tenant=tenant.id)
        outcomes = []
        for position, (video, decision) in enumerate(rows, 1):
            outcomes.append(replayed(_recorded(video, decision), policy, tenant.funding, configured))
            if position % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return report(outcomes)


def _recorded(video: Video, decision: bytes) -> Recorded:
    return Recorded(
        video=video.id,
        spec=video.spec,
        routing=video.routing,
        created_at=video.created_at,
        decision=_decode(decision),
    )
