"""Client tokens: made for a browser, shown, and ended before their time; and the keys they are signed with."""

from typing import Any

import msgspec

from gateway.policy.client_tokens import SEED_BYTES, Signer, claims_of, seed_of, signed, signer
from gateway.services.directory import Keeper
from gateway.services.pages import check_limit
from gateway.services.token_checks import TokenChecks
from gateway.services.trailing import write_down
from gateway.services.vault import SIGNING, Vault
from gateway.store.store import Store, Transaction
from schema.client_token import GRANTABLE, LIFETIME_SECONDS, LONGEST_SECONDS, ClientToken, SigningKeyFacts
from schema.clock import Clock, Millis
from schema.errors import Forbidden, InvalidRequest, NotFound
from schema.ids import GRANT, Entropy, Ids
from schema.money import Micros
from schema.tenant import Principal, Scope

KEPT_MILLIS = 2 * LONGEST_SECONDS * 1000
"""How long a key that signs no more is kept: far longer than what it signed can live."""


class TokenWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a client token is to be for."""

    scopes: frozenset[Scope] = frozenset({Scope.VIDEOS_READ})
    lifetime_seconds: int = LIFETIME_SECONDS
    end_user: str | None = None
    video: str | None = None
    allowance: Micros | None = None
    creates: int | None = None


class Minted(msgspec.Struct, frozen=True):
    """A new client token, and its text, which is shown this once."""

    token: ClientToken
    text: str


class TokenUse(msgspec.Struct, frozen=True):
    """A client token, and what its videos were charged, or hold."""

    token: ClientToken
    committed: Micros


class TokenPage(msgspec.Struct, frozen=True):
    """Some client tokens, newest first."""

    tokens: list[TokenUse]
    more: bool


class ClientTokens:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        checks: TokenChecks,
        keeper: Keeper,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._vault = vault
        self._checks = checks
        self._keeper = keeper
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def mint(self, principal: Principal, wish: TokenWish) -> Minted:
        """Make a token for somebody's browser.

        Raises:
            InvalidRequest: it is for what no token can be for; the error names the field.
            Forbidden: the key has not every scope that is to be granted.
        """
        check_wish(wish)
        if lacking := wish.scopes - principal.scopes:
            named = ", ".join(sorted(lacking))
            raise Forbidden(f"This key (…{principal.key_hint}) can not grant {named}: it has not got that itself")
        by, now = await self._signer(), self._clock.now()
        token = ClientToken(
            id=self._ids.make(GRANT, now),
            tenant=principal.tenant.id,
            api_key=principal.key,
            scopes=wish.scopes,
            end_user=wish.end_user,
            video=wish.video,
            allowance=wish.allowance,
            creates=wish.creates,
            created_at=now,
            expires_at=(now // 1000 + wish.lifetime_seconds) * 1000,
        )
        await self._store.write(lambda tx: _add(tx, token), tenant=token.tenant)
        return Minted(token, signed(claims_of(token, self._checks.issuer), by))

    async def page(self, tenant: str, after: str | None, limit: int) -> TokenPage:
        """Some of a tenant's client tokens, those that have ended too. Raises InvalidRequest for the limit."""
        check_limit(limit)

        async def look(tx: Transaction) -> TokenPage:
            found = await tx.client_tokens.page(tenant, after, limit + 1)
            used = [TokenUse(one, await tx.client_tokens.committed(tenant, one.id)) for one in found[:limit]]
            return TokenPage(used, more=len(found) > limit)

        return await self._store.read(look, tenant=tenant)

    async def revoke(self, tenant: str, id: str, *, actor: str) -> TokenUse:
        """End a token now, on every replica within seconds, and for creates at once. Raises NotFound."""

        async def end(tx: Transaction) -> TokenUse:
            await tx.revision.lock()
            token = await tx.client_tokens.get(tenant, id)
            if token is None:
                raise NotFound
            if token.revoked_at is None:
                token = msgspec.structs.replace(token, revoked_at=self._clock.now())
                await tx.client_tokens.revoke(tenant, id, token.revoked_at or 0)
                await self._told(tx, "client_token.revoked", id, actor, tenant=tenant)
            return TokenUse(token, await tx.client_tokens.committed(tenant, id))

        ended = await self._store.write(end)
        await self._keeper.catch_up()
        return ended

    # keys

    async def signing_keys(self) -> list[SigningKeyFacts]:
        """The keys that are kept, oldest first."""
        return await self._store.read(lambda tx: tx.signing_keys.all())

    async def rotate(self, *, actor: str, note: str = "", end_tokens: bool = False) -> SigningKeyFacts:
        """Sign with a new key from now on; what the old one has signed works until it expires.

        Args:
            end_tokens: drop all former keys, because one may be known to others: what they have signed ends now.
        """
        kid = await self._store.write(lambda tx: self._make(tx, actor, note=note, end_tokens=end_tokens))
        await self._keeper.catch_up()
        return next(row for row in await self.signing_keys() if row.kid == kid)

    async def _signer(self) -> Signer:
        """The key that signs; made when there is none yet."""
        if self._checks.newest is None:
            await self._store.write(lambda tx: self._make(tx, "gateway", first=True))
            await self._keeper.refresh()
        if self._checks.newest is None:
            raise LookupError("the signing key that was just made is not there")
        return self._checks.newest

    async def _make(
        self, tx: Transaction, actor: str, *, first: bool = False, note: str = "", end_tokens: bool = False
    ) -> str:
        """A new key in the newest one's place; with ``first``, only where there is none."""
        await tx.revision.lock()
        rows, now = await tx.signing_keys.all(), self._clock.now()
        if first and rows:
            return rows[-1].kid
        seed = seed_of(self._entropy(SEED_BYTES))
        kid = signer(seed).kid
        await self._vault.put(tx, SIGNING, kid, seed.reveal())
        await tx.signing_keys.add(kid, now)
        for row in rows:
            if end_tokens or _outlived(row, now):
                await tx.signing_keys.forget(row.kid)
                await self._vault.forget(tx, SIGNING, row.kid, frozenset())
        await self._told(tx, "signing_key.created", kid, actor, after={"note": note, "end_tokens": end_tokens})
        return kid

    async def _told(self, tx: Transaction, action: str, subject: str, actor: str, **told: Any) -> None:
        now = self._clock.now()
        await write_down(tx, self._ids, now, action=action, subject=subject, actor=actor, **told)
        await tx.revision.move()


async def _add(tx: Transaction, token: ClientToken) -> None:
    """Raises InvalidRequest when it is for a video that is not there, or not its end user's."""
    if token.video is not None:
        video = await tx.videos.get(token.tenant, token.video)
        if video is None or not token.grant.shows(video):
            whose = "no video of yours" if video is None else "no video of this end user"
            raise InvalidRequest.field("video", "unknown_video", f"is {whose}")
    await tx.client_tokens.add(token)


def check_wish(wish: TokenWish) -> None:
    """Raises InvalidRequest for a wish that contradicts itself, or that no token can be for."""
    if not wish.scopes or not wish.scopes <= GRANTABLE:
        raise _wrong("scopes", "invalid_value", f"must be some of {', '.join(sorted(GRANTABLE))}")
    if not 1 <= wish.lifetime_seconds <= LONGEST_SECONDS:
        raise _wrong("lifetime_seconds", "out_of_range", f"must be from 1 to {LONGEST_SECONDS}")
    creating: dict[str, Any] = {"allowance": wish.allowance, "creates": wish.creates}
    for name, value in creating.items():
        if value is not None and Scope.VIDEOS_WRITE not in wish.scopes:
            raise _wrong(name, "conflict", f"is for a token that creates: add the scope {Scope.VIDEOS_WRITE}")
        if value is not None and wish.video is not None:
            raise _wrong(name, "conflict", "means nothing beside video: a token for one video creates none")
    if wish.creates is not None and wish.creates < 1:
        raise _wrong("creates", "out_of_range", "must be 1 or more; to create nothing, leave out videos:write")


def _wrong(field: str, code: str, detail: str) -> InvalidRequest:
    return InvalidRequest.field(field, code, detail)


def _outlived(row: SigningKeyFacts, now: Millis) -> bool:
    return row.retired_at is not None and now - row.retired_at > KEPT_MILLIS
