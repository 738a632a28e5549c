"""Questions about videos. What a tenant asks carries the tenant; what the engine asks names one id."""

from typing import Any

import msgspec

from gateway.store.database import Connection, Row
from gateway.store.keyset import Keyset
from schema.clock import Millis
from schema.errors import IllegalMove
from schema.lifecycle import Substate, VideoStatus
from schema.tenant import Grant
from schema.video import Adjustment, Asset, RoutingWish, Video, VideoError, VideoSpec

_COLUMNS = (
    "id, tenant, idempotency_key, fingerprint, spec, routing, metadata, status, substate, progress, version, "
    "created_at, deadline_at, started_at, completed_at, expires_at, account, provider, adjustments, quoted_low, "
    "quoted_high, charged, credits, error_code, error_message, asset_key, asset_size, asset_sha256, asset_media_type, "
    "held, held_from, end_user, client_token, image, wish, reused_from, gone_at, deleted_at"
)
_ADD = (
    f"INSERT INTO videos ({_COLUMNS}, decision, batch) VALUES ({', '.join('?' * 40)}) "
    "ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING id"
)
_MUTABLE = (
    "status = ?, substate = ?, progress = ?, version = ?, started_at = ?, completed_at = ?, expires_at = ?, "
    "account = ?, provider = ?, adjustments = ?, quoted_low = ?, quoted_high = ?, charged = ?, credits = ?, "
    "error_code = ?, error_message = ?, asset_key = ?, asset_size = ?, asset_sha256 = ?, asset_media_type = ?, "
    "held = ?, held_from = ?, image = ?, gone_at = ?, deleted_at = ?"
)
_encode = msgspec.json.Encoder().encode
_spec = msgspec.json.Decoder(VideoSpec).decode
_routing = msgspec.json.Decoder(RoutingWish).decode
_metadata = msgspec.json.Decoder(dict[str, str]).decode
_adjustments = msgspec.json.Decoder(tuple[Adjustment, ...]).decode


class Videos:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, video: Video, decision: bytes, *, batch: str | None = None) -> bool:
        """Keep a new video, alone or of a batch; False when its tenant already used its idempotency key."""
        row = await self._connection.one(
            _ADD,
            video.id,
            video.tenant,
            video.key,
            video.fingerprint,
            _text(video.spec),
            _text(video.routing),
            _text(video.metadata),
            video.status,
            video.substate,
            video.progress,
            video.version,
            video.created_at,
            video.deadline_at,
            video.started_at,
            video.completed_at,
            video.expires_at,
            video.account,
            video.provider,
            _text(video.adjustments),
            video.quoted_low,
            video.quoted_high,
            video.charged,
            video.credits,
            *_error(video),
            *_asset(video),
            video.held,
            video.held_from,
            video.end_user,
            video.client_token,
            video.image,
            video.wish,
            video.reused_from,
            video.gone_at,
            video.deleted_at,
            decision.decode(),
            batch,
        )
        return row is not None

    async def get(self, tenant: str, id: str) -> Video | None:
        """One of a tenant's videos that it has not deleted."""
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND id = ? AND deleted_at IS NULL", tenant, id
        )
        return None if row is None else _video(row)

    async def own(self, tenant: str, ids: list[str]) -> list[Video]:
        """Those of the ids that are a tenant's videos, in no order."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND deleted_at IS NULL "
            f"AND id IN ({', '.join('?' * len(ids))})",
            tenant,
            *ids,
        )
        return [_video(row) for row in rows]

    async def booked(self, tenant: str, id: str) -> Video | None:
        """The same, deleted or not: what was paid for stays known."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _video(row)

    async def by_key(self, tenant: str, key: str) -> Video | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND idempotency_key = ?", tenant, key
        )
        return None if row is None else _video(row)

    async def keyless(self, tenant: str, fingerprint: str, since: Millis) -> Video | None:
        """The latest video of an equal wish without a key, no longer ago than that, which has not come to nothing.

        A batch's are others' wishes: nobody sends one of them again by itself.
        """
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND fingerprint = ? AND created_at >= ? "
            "AND idempotency_key IS NULL AND batch IS NULL AND deleted_at IS NULL "
            "AND status NOT IN ('failed', 'canceled') "
            "ORDER BY created_at DESC LIMIT 1",
            tenant,
            fingerprint,
            since,
        )
        return None if row is None else _video(row)

    async def reusable(self, tenant: str, wish: str, since: Millis, now: Millis, limit: int) -> list[Video]:
        """A tenant's completed videos of an equal wish that have their own files, the latest first."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND wish = ? AND completed_at >= ? "
            "AND status = 'completed' AND reused_from IS NULL AND gone_at IS NULL "
            "AND (expires_at IS NULL OR expires_at > ?) ORDER BY completed_at DESC LIMIT ?",
            tenant,
            wish,
            since,
            now,
            limit,
        )
        return [_video(row) for row in rows]

    async def expire(self, now: Millis, limit: int) -> list[tuple[str, str]]:
        """Let go of the files of up to so many videos whose time has come: tenant and key of each."""
        rows = await self._connection.all(
            "WITH ready AS MATERIALIZED (SELECT id FROM videos WHERE expires_at <= ? AND gone_at IS NULL "
            "AND asset_key IS NOT NULL ORDER BY expires_at LIMIT ? /*skip locked*/) "
            "UPDATE videos SET gone_at = ? WHERE id IN (SELECT id FROM ready) RETURNING tenant, asset_key",
            now,
            limit,
            now,
        )
        return [(tenant, key) for tenant, key in rows]

    async def of_batch(self, tenant: str, batch: str) -> list[Video]:
        """The videos of one of a tenant's batches, as its wishes were given."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND batch = ? AND deleted_at IS NULL ORDER BY id",
            tenant,
            batch,
        )
        return [_video(row) for row in rows]

    async def page(
        self,
        tenant: str,
        *,
        after: str | None,
        before: str | None,
        limit: int,
        newest_first: bool,
        status: str | None,
        grant: Grant | None = None,
    ) -> list[Video]:
        """Up to ``limit`` videos beyond a cursor (an id), in the order asked; ``before`` walks backwards.

        Args:
            grant: only those that it shows.
        """
        keyset = Keyset(after=after, before=before, limit=limit, newest_first=newest_first)
        beyond, cursor = keyset.beyond
        here, state = ("", ()) if status is None else (" AND status = ?", (status,))
        shown, whose = _shown(grant)
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND deleted_at IS NULL{beyond}{here}{shown}{keyset.order}",
            tenant,
            *cursor,
            *state,
            *whose,
            limit,
        )
        videos = [_video(row) for row in rows]
        return videos if before is None else videos[::-1]

    async def decision(self, tenant: str, id: str) -> bytes | None:
        """The routing decision as it was stored, JSON."""
        row = await self._connection.one("SELECT decision FROM videos WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else str(row[0]).encode()

    async def decided(self, tenant: str, limit: int) -> list[tuple[Video, bytes]]:
        """A tenant's latest videos, newest first, each with its routing decision as it was stored, JSON."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS}, decision FROM videos WHERE tenant = ? ORDER BY id DESC LIMIT ?", tenant, limit
        )
        return [(_video(row[:-1]), str(row[-1]).encode()) for row in rows]

    async def queued_of(self, tenant: str) -> int:
        """How many of a tenant's videos wait to start."""
        row = await self._connection.one("SELECT count(*) FROM videos WHERE tenant = ? AND status = 'queued'", tenant)
        return 0 if row is None else int(row[0])

    async def queued(self) -> dict[str, int]:
        """Tenant → how many of its videos wait to start."""
        rows = await self._connection.all("SELECT tenant, count(*) FROM videos WHERE status = 'queued' GROUP BY tenant")
        return {str(tenant): int(count) for tenant, count in rows}

    async def after(self, id: str, limit: int) -> list[Video]:
        """Everybody's videos in the order they were made, after an id."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM videos WHERE id > ? ORDER BY id LIMIT ?", id, limit)
        return [_video(row) for row in rows]

    async def known(self, ids: list[str]) -> set[str]:
        """Those of the ids that are videos'."""
        if not ids:
            return set()
        rows = await self._connection.all(f"SELECT id FROM videos WHERE id IN ({', '.join('?' * len(ids))})", *ids)
        return {str(row[0]) for row in rows}

    async def lock(self, id: str) -> Video | None:
        """The video, held against every other change until this transaction ends; always the first lock taken."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM videos WHERE id = ? /*for update*/", id)
        return None if row is None else _video(row)

    async def lock_own(self, tenant: str, id: str) -> Video | None:
        """The same for one of a tenant's videos."""
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM videos WHERE tenant = ? AND id = ? /*for update*/", tenant, id
        )
        return None if row is None else _video(row)

    async def peek(self, id: str) -> Video | None:
        """The video as it is, for the engine."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM videos WHERE id = ?", id)
        return None if row is None else _video(row)

    async def some(self, ids: list[str]) -> dict[str, Video]:
        """Id → video, for the engine and for operators."""
        if not ids:
            return {}
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM videos WHERE id IN ({', '.join('?' * len(ids))})", *ids
        )
        return {video.id: video for video in map(_video, rows)}

    async def update(self, video: Video, *, was: int, decision: bytes | None = None) -> None:
        """Write a changed video whose version was ``was``.

        Raises:
            IllegalMove: somebody else changed it first, or the version does not grow.
        """
        if video.version <= was:
            raise IllegalMove(f"{video.id}: version {was} must grow")
        extra, args = ("", ()) if decision is None else (", decision = ?", (decision.decode(),))
        changed = await self._connection.run(
            f"UPDATE videos SET {_MUTABLE}{extra} WHERE tenant = ? AND id = ? AND version = ?",
            video.status,
            video.substate,
            video.progress,
            video.version,
            video.started_at,
            video.completed_at,
            video.expires_at,
            video.account,
            video.provider,
            _text(video.adjustments),
            video.quoted_low,
            video.quoted_high,
            video.charged,
            video.credits,
            *_error(video),
            *_asset(video),
            video.held,
            video.held_from,
            video.image,
            video.gone_at,
            video.deleted_at,
            *args,
            video.tenant,
            video.id,
            was,
        )
        if changed != 1:
            raise IllegalMove(f"{video.id} is no longer at version {was}")


def _shown(grant: Grant | None) -> tuple[str, tuple[str, ...]]:
    """``Grant.shows`` as a condition."""
    if grant is None:
        return "", ()
    bounds = [(column, value) for column, value in (("id", grant.video), ("end_user", grant.end_user)) if value]
    bounds = bounds or [("client_token", grant.token)]
    return "".join(f" AND {column} = ?" for column, _ in bounds), tuple(value for _, value in bounds)


def _text(value: Any) -> str:
    return _encode(value).decode()


def _error(video: Video) -> tuple[str | None, str | None]:
    return (video.error.code, video.error.message) if video.error else (None, None)


def _asset(video: Video) -> tuple[str | None, int | None, str | None, str | None]:
    asset = video.asset
    return (asset.key, asset.size, asset.sha256, asset.media_type) if asset else (None, None, None, None)


def _video(row: Row) -> Video:
    (id, tenant, key, fingerprint, spec, routing, metadata, status, substate, progress, version) = row[:11]
    (created_at, deadline_at, started_at, completed_at, expires_at, account, provider, adjustments) = row[11:19]
    (quoted_low, quoted_high, charged, credits, error_code, error_message) = row[19:25]
    (asset_key, asset_size, asset_sha256, asset_media_type, held, held_from, end_user, client_token) = row[25:33]
    (image, wish, reused_from, gone_at, deleted_at) = row[33:]
    return Video(
        id=id,
        tenant=tenant,
        spec=_spec(spec),
        routing=_routing(routing),
        metadata=_metadata(metadata),
        key=key,
        fingerprint=fingerprint,
        status=VideoStatus(status),
        substate=None if substate is None else Substate(substate),
        progress=progress,
        version=version,
        created_at=created_at,
        deadline_at=deadline_at,
        started_at=started_at,
        completed_at=completed_at,
        expires_at=expires_at,
        account=account,
        provider=provider,
        adjustments=_adjustments(adjustments),
        quoted_low=quoted_low,
        quoted_high=quoted_high,
        charged=charged,
        credits=credits,
        held=held,
        held_from=held_from,
        end_user=end_user,
        client_token=client_token,
        image=image,
        wish=wish,
        reused_from=reused_from,
        gone_at=gone_at,
        deleted_at=deleted_at,
        error=None if error_code is None else VideoError(error_code, error_message),
        asset=None
        if asset_key is None
        else Asset(key=asset_key, size=asset_size, sha256=asset_sha256, media_type=asset_media_type),
    )
