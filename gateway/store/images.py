"""Questions about pictures: a tenant's own, and what accounts were given of them."""

from gateway.store.database import Connection, Row
from gateway.store.keyset import Keyset
from schema.clock import Millis
from schema.image import Image, ImageType, UploadedImage

_COLUMNS = "id, tenant, sha256, size, media_type, width, height, created_at, expires_at"
_NEEDED = "SELECT 1 FROM videos WHERE image = ? AND status IN ('queued', 'in_progress') LIMIT 1"


class Images:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, image: Image) -> bool:
        """Keep a new picture; False when its tenant has one of these bytes."""
        row = await self._connection.one(
            f"INSERT INTO images ({_COLUMNS}) VALUES ({', '.join('?' * 9)}) "
            "ON CONFLICT (tenant, sha256) DO NOTHING RETURNING id",
            image.id,
            image.tenant,
            image.sha256,
            image.size,
            image.media_type,
            image.width,
            image.height,
            image.created_at,
            image.expires_at,
        )
        return row is not None

    async def get(self, tenant: str, id: str) -> Image | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM images WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _image(row)

    async def by_content(self, tenant: str, sha256: str) -> Image | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM images WHERE tenant = ? AND sha256 = ?", tenant, sha256
        )
        return None if row is None else _image(row)

    async def page(
        self, tenant: str, *, after: str | None, before: str | None, limit: int, newest_first: bool
    ) -> list[Image]:
        """Up to ``limit`` pictures beyond a cursor (an id), in the order asked; ``before`` walks backwards."""
        keyset = Keyset(after=after, before=before, limit=limit, newest_first=newest_first)
        condition, values = keyset.beyond
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM images WHERE tenant = ?{condition}{keyset.order}", tenant, *values, limit
        )
        return [_image(row) for row in rows]

    async def use(self, tenant: str, id: str, until: Millis) -> Image | None:
        """Put a picture's end off; until this transaction ends nobody removes it. None when there is none."""
        row = await self._connection.one(
            "UPDATE images SET expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END "
            f"WHERE tenant = ? AND id = ? RETURNING {_COLUMNS}",
            until,
            until,
            tenant,
            id,
        )
        return None if row is None else _image(row)

    async def lock(self, tenant: str, id: str) -> Image | None:
        """The picture, held against every use and change until this transaction ends."""
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM images WHERE tenant = ? AND id = ? /*for update*/", tenant, id
        )
        return None if row is None else _image(row)

    async def needed(self, id: str) -> bool:
        """Whether a video that has not ended starts from it; asked once it is locked."""
        return await self._connection.one(_NEEDED, id) is not None

    async def remove(self, tenant: str, id: str) -> None:
        """Forget a picture, and what accounts were given of it."""
        await self._connection.run("DELETE FROM image_uploads WHERE tenant = ? AND image = ?", tenant, id)
        await self._connection.run("DELETE FROM images WHERE tenant = ? AND id = ?", tenant, id)

    async def expire(self, now: Millis, limit: int) -> list[tuple[str, str]]:
        """Forget up to so many pictures that are past their end and that no video needs: tenant and key of each."""
        rows = await self._connection.all(
            "WITH ready AS MATERIALIZED (SELECT id FROM images WHERE expires_at <= ? AND NOT EXISTS (SELECT 1 "
            "FROM videos WHERE videos.image = images.id AND videos.status IN ('queued', 'in_progress')) "
            "ORDER BY expires_at LIMIT ? /*skip locked*/) "
            f"DELETE FROM images WHERE id IN (SELECT id FROM ready) RETURNING {_COLUMNS}",
            now,
            limit,
        )
        gone = [_image(row) for row in rows]
        for image in gone:
            await self._connection.run(
                "DELETE FROM image_uploads WHERE tenant = ? AND image = ?", image.tenant, image.id
            )
        return [(image.tenant, image.key) for image in gone]

    # what accounts were given

    async def given(self, id: str, account: str, since: Millis) -> UploadedImage | None:
        """Where an account's provider keeps a picture that it was given no longer ago than that."""
        row = await self._connection.one(
            "SELECT url, key FROM image_uploads WHERE image = ? AND account = ? AND uploaded_at > ?", id, account, since
        )
        return None if row is None else UploadedImage(url=row[0], key=row[1])

    async def give(self, image: Image, account: str, uploaded: UploadedImage, now: Millis) -> None:
        await self._connection.run(
            "INSERT INTO image_uploads (image, account, tenant, url, key, uploaded_at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (image, account) DO UPDATE SET url = excluded.url, key = excluded.key, "
            "uploaded_at = excluded.uploaded_at",
            image.id,
            account,
            image.tenant,
            uploaded.url,
            uploaded.key,
            now,
        )

    async def take_back(self, id: str, account: str, url: str) -> None:
        """An account's provider does not keep it there any more."""
        await self._connection.run(
            "DELETE FROM image_uploads WHERE image = ? AND account = ? AND url = ?", id, account, url
        )


def _image(row: Row) -> Image:
    id, tenant, sha256, size, media_type, width, height, created_at, expires_at = row
    return Image(
        id=id,
        tenant=tenant,
        sha256=sha256,
        size=size,
        media_type=ImageType(media_type),
        width=width,
        height=height,
        created_at=created_at,
        expires_at=expires_at,
    )
