"""Extra outputs: the files that came when their videos had ended already."""

from gateway.store.database import Connection, Row
from schema.output import ExtraOutput
from schema.video import Asset

_COLUMNS = "attempt, asset_key, asset_size, asset_sha256, asset_media_type, at"


class Outputs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, output: ExtraOutput, *, tenant: str, video: str) -> bool:
        """Keep an attempt's file; False when it is kept already."""
        row = await self._connection.one(
            f"INSERT INTO outputs ({_COLUMNS}, tenant, video) VALUES ({', '.join('?' * 8)}) "
            "ON CONFLICT (attempt) DO NOTHING RETURNING attempt",
            output.attempt,
            output.asset.key,
            output.asset.size,
            output.asset.sha256,
            output.asset.media_type,
            output.at,
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
            found.setdefault(row[6], []).append(_output(row))
        return found

    async def get(self, tenant: str, video: str, attempt: str) -> ExtraOutput | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM outputs WHERE tenant = ? AND video = ? AND attempt = ?", tenant, video, attempt
        )
        return None if row is None else _output(row)


def _output(row: Row) -> ExtraOutput:
    attempt, key, size, sha256, media_type, at = row[:6]
    return ExtraOutput(attempt, Asset(key=key, size=size, sha256=sha256, media_type=media_type), at)
