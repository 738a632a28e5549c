"""Content links: an address of one file that works for a while without a key, in any browser and any player."""

from typing import Any

import msgspec

from gateway.policy.signing import Link, link_in, link_of
from gateway.services.tenants import Tenants
from gateway.services.videos import Videos
from schema.account import Secret
from schema.clock import Clock, Millis
from schema.errors import Gone, InvalidRequest, NotFound
from schema.ids import names_attempt
from schema.link import LinkWish
from schema.tenant import Tenant
from schema.video import Asset

PATH = "/content"


class MadeLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link, as it was asked for. ``url`` is a path at this gateway when nobody said how the world reaches it."""

    url: str
    expires_at: Millis
    wish: LinkWish


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a link leads to, and whose it is. ``stem`` is what the file is called, without what follows the dot."""

    tenant: Tenant
    link: Link
    asset: Asset
    stem: str


class Links:
    """Links are signed, not stored: any replica knows them, and there is nothing to clean up."""

    def __init__(self, *, videos: Videos, tenants: Tenants, root: Secret, public_url: str | None, clock: Clock) -> None:
        self._videos = videos
        self._tenants = tenants
        self._root = root
        self._public_url = public_url or ""
        self._clock = clock

    async def make(self, tenant: str, id: str, wish: LinkWish) -> MadeLink:
        """A link to a video's file, or to an extra output.

        Raises:
            NotFound, NotReady, Gone: as for its content.
        """
        await self._asset(tenant, id, wish.output)
        expires_at = self._clock.now() + wish.expires_in_seconds * 1000
        link = Link(
            tenant=tenant,
            video=id,
            output=wish.output,
            variant=wish.variant,
            expires_at=expires_at,
            disposition=wish.disposition,
        )
        url = f"{self._public_url}{PATH}/{link_of(self._root, link)}"
        return MadeLink(url=url, expires_at=expires_at, wish=wish)

    async def open(self, token: str) -> Opened:
        """What a link's token leads to.

        Raises:
            NotFound: we did not make it, or the video or its tenant is no more: nobody learns which.
            Gone: it has expired, or the file has.
        """
        link = link_in(self._root, token)
        tenant = None if link is None else self._tenants.get(link.tenant)
        if link is None or tenant is None:
            raise NotFound
        if link.expires_at <= self._clock.now():
            await self._videos.get(link.tenant, link.video)
            raise Gone("The link has expired; ask for a new one")
        asset = await self._asset(link.tenant, link.video, link.output)
        return Opened(tenant=tenant, link=link, asset=asset, stem=link.output or link.video)

    async def _asset(self, tenant: str, id: str, output: str | None) -> Asset:
        if output is None:
            return await self._videos.asset(tenant, id)
        if not names_attempt(output):
            raise NotFound
        return await self._videos.output(tenant, id, output)


def checked_link(**fields: Any) -> LinkWish:
    """Untrusted fields as a wish for a link. Raises InvalidRequest."""
    given = {name: value for name, value in fields.items() if value is not None}
    seconds = given.get("expires_in_seconds", 60)
    if not 60 <= seconds <= 86_400:
        raise InvalidRequest.field("expires_in_seconds", "out_of_range", "must be from 60 to 86400")
    return LinkWish(**given)
