"""Extra outputs: the files that came when their videos had ended already."""

from gateway.store.database import Connection, Row
from schema.clock import Millis
from schema.output import ExtraOutput
from schema.video import Asset

_COLUMNS = "attempt, asset_key, asset_size, asset_sha256, asset_media_type, at, expires_at, gone_at"


class Outputs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, output: ExtraOutput, *, tenant: str, video: str) -> bool:
        """Keep an attempt's file; False when it is kept already."""
        row = await self._connection.one(
            f"INSERT INTO outputs ({_COLUMNS}, tenant, video) VALUES ({', '.join('?' * 10)}) "
            "ON CONFLICT (attempt) DO NOTHING RETURNING attempt",
            output.attempt,
            output.asset.key,
            output.asset.size,
            output.asset.sha256,
            output.asset.media_type,
            output.at,
            output.expires_at,
            output.gone_at,
            tenant,
            video,
        )
        return row is not None

    async def of_video(self, tenant: str, video: str) -> list[ExtraOutput]:
        """The extra outputs of one of a tenant's videos, first to last."""
        return (await self.of_videos(tenant, [video])).get(video, [])

    async def of_videos(self, tenant: str, videos: list[str]) -> dict[str, list[ExtraOutput]]:
        """A tenant's video → its extra outputs, first to last; videos without any are left out."""
        if not videos:
            return {}
        rows = await self._connection.all(
            f"SELECT {_COLUMNS}, video FROM outputs WHERE tenant = ? AND video IN ({', '.join('?' * len(videos))}) "
            "ORDER BY at, attempt",
            tenant,
            *videos,
        )
        found: dict[str, list[ExtraOutput]] = {}
        for row in rows:
            found.setdefault(row[8], []).append(_output(row))
        return found

    async def get(self, tenant: str, video: str, attempt: str) -> ExtraOutput | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM outputs WHERE tenant = ? AND video = ? AND attempt = ?", tenant, video, attempt
        )
        return None if row is None else _output(row)

    async def expire(self, now: Millis, limit: int) -> list[tuple[str, str]]:
        """Let go of the files of up to so many extra outputs whose time has come: tenant and key of each."""
        rows = await self._connection.all(
            "WITH ready AS MATERIALIZED (SELECT attempt FROM outputs WHERE expires_at <= ? AND gone_at IS NULL "
            "ORDER BY expires_at LIMIT ? /*skip locked*/) "
            "UPDATE outputs SET gone_at = ? WHERE attempt IN (SELECT attempt FROM ready) RETURNING tenant, asset_key",
            now,
            limit,
            now,
        )
        return [(tenant, key) for tenant, key in rows]

    async def let_go(self, tenant: str, video: str, now: Millis) -> list[str]:
        """Let go of all extra outputs of a video; their files' keys."""
        rows = await self._connection.all(
            "UPDATE outputs SET gone_at = ? WHERE tenant = ? AND video = ? AND gone_at IS NULL RETURNING asset_key",
            now,
            tenant,
            video,
        )
        return [key for (key,) in rows]


def _output(row: Row) -> ExtraOutput:
    attempt, key, size, sha256, media_type, at, expires_at, gone_at = row[:8]
    asset = Asset(key=key, size=size, sha256=sha256, media_type=media_type)
    return ExtraOutput(attempt, asset, at, expires_at, gone_at)
