"""What client tokens may still create and spend, exact however many ask at once.

A token's row is what its creates take turns at; videos that keys create never touch it. What its videos commit is not
counted but summed, charged where that is settled and held where it is not, so nothing can come apart from it.
"""

import msgspec

from gateway.services.budgets import Shortage
from gateway.store.store import Transaction
from schema.client_token import ClientToken
from schema.clock import Millis
from schema.errors import AllowanceExceeded, CreatesUsedUp, Unauthenticated
from schema.money import Micros, format_money
from schema.video import Video


class OverAllowance(Shortage, frozen=True):
    """A client token's allowance does not cover it."""

    def refusal(self, needed: Micros, what: str = "This video") -> AllowanceExceeded:
        left = max(self.left, 0)
        return AllowanceExceeded(
            f"{what} may cost {format_money(needed)}, and {format_money(left)} is left of this token's allowance: "
            f"{format_money(needed - left)} is missing",
            needed=needed,
            available=left,
            missing=needed - left,
        )


class Room(msgspec.Struct, frozen=True):
    """What is left of a token: videos, and money. None is no bound."""

    creates: int | None = None
    left: OverAllowance | None = None


EVERYTHING = Room()


class Allowances:
    async def create(self, tx: Transaction, video: Video) -> None:
        """Count a video that has just been added towards the token that made it.

        Raises:
            Unauthenticated: the token has ended.
            CreatesUsedUp: it has created as many as it may.
            AllowanceExceeded: its allowance does not cover the video, or the video's price is not known.
        """
        if video.client_token is None:
            return
        token = await _lock(tx, video.tenant, video.client_token, video.created_at)
        if token.creates is not None and token.created >= token.creates:
            raise used_up(token.creates)
        if token.allowance is not None:
            committed = await tx.client_tokens.committed(video.tenant, token.id, beside=video.id)
            left = OverAllowance(left=token.allowance - committed)
            if video.held is None:
                raise AllowanceExceeded(
                    "What this video costs is not known, so this token's allowance can not cover it",
                    needed=0,
                    available=max(left.left, 0),
                    missing=0,
                )
            if left.left < video.held:
                raise left.refusal(video.held)
        await tx.client_tokens.count(video.tenant, token.id)

    async def room(self, tx: Transaction, tenant: str, id: str | None, now: Millis) -> Room:
        """What is left of a token, exactly: nobody else takes of it meanwhile. Raises Unauthenticated."""
        if id is None:
            return EVERYTHING
        token = await _lock(tx, tenant, id, now)
        creates = None if token.creates is None else max(token.creates - token.created, 0)
        if token.allowance is None:
            return Room(creates)
        return Room(creates, OverAllowance(left=token.allowance - await tx.client_tokens.committed(tenant, id)))

    async def extends(self, tx: Transaction, video: Video, needed: Micros) -> bool:
        """Whether a video may hold so much in all, also when its token has ended: what it began goes on."""
        if video.client_token is None:
            return True
        token = await tx.client_tokens.lock(video.tenant, video.client_token)
        if token is None or token.allowance is None:
            return True
        return needed <= token.allowance - await tx.client_tokens.committed(video.tenant, token.id, beside=video.id)

    async def most(self, tx: Transaction, video: Video) -> Micros | None:
        """The most a video could hold in all; None without an allowance. Only ``extends`` knows exactly."""
        token = None if video.client_token is None else await tx.client_tokens.get(video.tenant, video.client_token)
        if token is None or token.allowance is None:
            return None
        return max(token.allowance - await tx.client_tokens.committed(video.tenant, token.id, beside=video.id), 0)


def used_up(creates: int) -> CreatesUsedUp:
    made = "the one video" if creates == 1 else f"the {creates} videos"
    return CreatesUsedUp(f"This token has created {made} it was for")


async def _lock(tx: Transaction, tenant: str, id: str, now: Millis) -> ClientToken:
    """The token, if it still works: every replica sees here at once when it does not."""
    token = await tx.client_tokens.lock(tenant, id)
    if token is None or token.revoked_at is not None or now >= token.expires_at:
        raise Unauthenticated("This token has ended; ask for a new one", presented=True)
    return token
