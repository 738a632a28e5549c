"""Questions about attempts; what a tenant asks carries the tenant. Every change is made while its video is locked."""

import msgspec

from gateway.store.database import Connection, Row
from schema import ledger
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Millis
from schema.errors import FailureKind, IllegalMove
from schema.image import UploadedImage
from schema.lifecycle import AttemptState
from schema.money import Credits

_COLUMNS = (
    "id, video, tenant, n, account, provider, state, verdict, idempotency_key, body_sha256, credential_version, "
    "keyed, callback, started_at, ended_at, incomplete_at, ref, replays, polls, sightings, credits_low, credits_high, "
    "credits, reason_code, reason_message, video_url, expected, price, refunds, replayed_at, image_url, "
    "image_key, image_known"
)
_COMMITTED = (
    "CAST(sum(CASE WHEN state = 'running' THEN credits_high - coalesce(expected, 0) ELSE credits_high END) AS BIGINT) "
    "FROM attempts"
)
_UNBILLED = "(state IN ('planned', 'submitting') OR (state = 'running' AND credits IS NULL))"


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of a tenant that may be in the making.

    Attributes:
        lost_at: the account, of those whose outcome is unknown; None of the others.
        begun: when those were begun.
    """

    tenant: str
    lost_at: str | None
    begun: Millis
    count: int


class Attempts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, attempt: Attempt) -> None:
        """Keep a new attempt. Raises UniqueViolation when the video has a live one already."""
        await self._connection.run(
            f"INSERT INTO attempts ({_COLUMNS}) VALUES ({', '.join('?' * 33)})",
            attempt.id,
            attempt.video,
            attempt.tenant,
            attempt.n,
            attempt.account,
            attempt.provider,
            attempt.state,
            attempt.verdict,
            attempt.key,
            attempt.body_sha256,
            attempt.credential_version,
            int(attempt.keyed),
            int(attempt.callback),
            attempt.started_at,
            attempt.ended_at,
            attempt.incomplete_at,
            attempt.ref,
            attempt.replays,
            attempt.polls,
            attempt.sightings,
            attempt.credits_low,
            attempt.credits_high,
            attempt.credits,
            *_reason(attempt),
            attempt.video_url,
            attempt.expected,
            attempt.price,
            int(attempt.refunds),
            attempt.replayed_at,
            None if attempt.image is None else attempt.image.url,
            None if attempt.image is None else attempt.image.key,
            int(attempt.image_known),
        )

    async def get(self, id: str) -> Attempt | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM attempts WHERE id = ?", id)
        return None if row is None else _attempt(row)

    async def by_ref(self, account: str, ref: str) -> Attempt | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM attempts WHERE account = ? AND ref = ?", account, ref)
        return None if row is None else _attempt(row)

    async def of_video(self, video: str) -> list[Attempt]:
        """All attempts of a video, first to last, for the engine."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM attempts WHERE video = ? ORDER BY n", video)
        return [_attempt(row) for row in rows]

    async def of_tenant(self, tenant: str, videos: list[str]) -> list[Attempt]:
        """All attempts of several of a tenant's videos, by video, first to last."""
        if not videos:
            return []
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM attempts WHERE tenant = ? AND video IN ({', '.join('?' * len(videos))}) "
            "ORDER BY video, n",
            tenant,
            *videos,
        )
        return [_attempt(row) for row in rows]

    async def of_videos(self, videos: list[str]) -> list[Attempt]:
        """All attempts of several videos, by video, first to last, for the engine."""
        if not videos:
            return []
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM attempts WHERE video IN ({', '.join('?' * len(videos))}) ORDER BY video, n",
            *videos,
        )
        return [_attempt(row) for row in rows]

    async def named(self, ids: list[str]) -> list[Attempt]:
        """Those of the ids that are attempts'."""
        if not ids:
            return []
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM attempts WHERE id IN ({', '.join('?' * len(ids))})", *ids
        )
        return [_attempt(row) for row in rows]

    async def at_account(self, account: str, *, first: str, last: str) -> list[Attempt]:
        """The attempts at an account, by their ids: from the first to before the last."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM attempts WHERE account = ? AND id >= ? AND id < ? ORDER BY id",
            account,
            first,
            last,
        )
        return [_attempt(row) for row in rows]

    async def loads(self, since: Millis) -> dict[str, int]:
        """Account → videos it may have in the making; an unknown attempt older than ``since`` counts no more."""
        rows = await self._connection.all(
            "SELECT account, count(*) FROM attempts WHERE state IN ('planned', 'submitting', 'running') "
            "OR (state = 'unknown' AND started_at > ?) GROUP BY account",
            since,
        )
        return {str(account): int(count) for account, count in rows}

    async def load(self, account: str, since: Millis) -> int:
        """The same for one account; exact when its row is locked."""
        row = await self._connection.one(
            "SELECT count(*) FROM attempts WHERE account = ? AND (state IN ('planned', 'submitting', 'running') "
            "OR (state = 'unknown' AND started_at > ?))",
            account,
            since,
        )
        return 0 if row is None else int(row[0])

    async def credential_versions(self, account: str) -> set[int]:
        """The versions of its credential that an account's attempts under way were sent with."""
        rows = await self._connection.all(
            "SELECT DISTINCT credential_version FROM attempts WHERE account = ? "
            "AND state IN ('planned', 'submitting', 'running', 'unknown')",
            account,
        )
        return {int(row[0]) for row in rows}

    async def making(self, tenants: list[str], since: Millis) -> list[Making]:
        """What some tenants may have in the making; without unknown attempts older than ``since``."""
        if not tenants:
            return []
        rows = await self._connection.all(
            "SELECT tenant, CASE WHEN state = 'unknown' THEN account END AS lost_at, "
            "CASE WHEN state = 'unknown' THEN started_at ELSE 0 END AS begun, count(*) FROM attempts "
            f"WHERE tenant IN ({', '.join('?' * len(tenants))}) "
            "AND state IN ('planned', 'submitting', 'running', 'unknown') AND (state <> 'unknown' OR started_at > ?) "
            "GROUP BY 1, 2, 3",
            *tenants,
            since,
        )
        return [
            Making(tenant=tenant, lost_at=lost_at, begun=int(begun), count=int(count))
            for tenant, lost_at, begun, count in rows
        ]

    async def begun_for(self, tenant: str, limit: int) -> list[tuple[str, Millis]]:
        """At which accounts a tenant's videos in the making were begun, and when, the oldest first."""
        rows = await self._connection.all(
            "SELECT account, started_at FROM attempts WHERE tenant = ? "
            "AND state IN ('planned', 'submitting', 'running', 'unknown') AND state <> 'unknown' "
            "ORDER BY started_at LIMIT ?",
            tenant,
            limit,
        )
        return [(str(account), int(at)) for account, at in rows]

    async def begun(self, account: str, limit: int = 1000) -> list[Millis]:
        """When the videos in the making at an account were begun, the oldest first."""
        rows = await self._connection.all(
            "SELECT started_at FROM attempts WHERE account = ? AND state IN ('planned', 'submitting', 'running') "
            "ORDER BY started_at LIMIT ?",
            account,
            limit,
        )
        return [int(row[0]) for row in rows]

    async def failing(self, account: str, since: Millis) -> tuple[int, int]:
        """Submits at an account that were answered or given up since, and how many of them had no whole answer."""
        row = await self._connection.one(
            "SELECT count(*), coalesce(sum(CASE WHEN verdict IN ('not_sent', 'unknown') THEN 1 ELSE 0 END), 0) "
            "FROM attempts WHERE account = ? AND started_at > ? AND verdict IS NOT NULL",
            account,
            since,
        )
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    async def committed(self) -> dict[str, Credits]:
        """Account → credits that its videos in the making may still cost, beyond what the ledger counts already."""
        rows = await self._connection.all(f"SELECT account, {_COMMITTED} WHERE {_UNBILLED} GROUP BY account")
        return {str(account): int(credits) for account, credits in rows}

    async def claims(self, account: str) -> tuple[Credits, Credits]:
        """What an account has billed by the ledger, and what its videos in the making may still cost beyond that.

        Both as of one moment: asked one after the other, a video that is accepted meanwhile would be in neither.
        """
        row = await self._connection.one(
            "SELECT (SELECT CAST(sum(amount) AS BIGINT) FROM balances WHERE account = ? AND unit = ?), "
            f"(SELECT {_COMMITTED} WHERE account = ? AND {_UNBILLED})",
            ledger.billed(account),
            ledger.credits_unit(account),
            account,
        )
        return (0, 0) if row is None else (-int(row[0] or 0), int(row[1] or 0))

    async def burnt(self, since: Millis) -> dict[str, tuple[Credits, Millis]]:
        """Account → what attempts begun since have cost it, as is known or expected, and when the first was begun."""
        rows = await self._connection.all(
            "SELECT account, CAST(sum(coalesce(credits, expected, 0)) AS BIGINT), min(started_at) FROM attempts "
            "WHERE started_at > ? AND state IN ('running', 'succeeded', 'unknown') GROUP BY account",
            since,
        )
        return {str(account): (int(credits), int(first)) for account, credits, first in rows}

    async def latest_ref(self, account: str) -> str | None:
        """The ref of the latest attempt at an account that has one."""
        row = await self._connection.one(
            "SELECT ref FROM attempts WHERE account = ? AND ref IS NOT NULL ORDER BY started_at DESC LIMIT 1", account
        )
        return None if row is None else str(row[0])

    async def unknown(self, *, account: str | None, tenant: str | None, after: str | None, limit: int) -> list[Attempt]:
        """Up to ``limit`` attempts whose outcome nobody knows, oldest first, beyond a cursor (an id)."""
        asked = (("account = ?", account), ("tenant = ?", tenant), ("id > ?", after))
        given = [(condition, value) for condition, value in asked if value is not None]
        narrowed = "".join(f" AND {condition}" for condition, _ in given)
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM attempts WHERE state = 'unknown'{narrowed} ORDER BY id LIMIT ?",
            *(value for _, value in given),
            limit,
        )
        return [_attempt(row) for row in rows]

    async def unknowns(self) -> dict[str, tuple[int, Millis]]:
        """Account → how many attempts nobody knows the outcome of, and when the oldest was begun."""
        rows = await self._connection.all(
            "SELECT account, count(*), min(started_at) FROM attempts WHERE state = 'unknown' GROUP BY account"
        )
        return {str(account): (int(count), int(oldest)) for account, count, oldest in rows}

    async def update(self, attempt: Attempt, *, was: AttemptState) -> None:
        """Write a changed attempt whose state was ``was``.

        Raises:
            IllegalMove: it is in another state by now.
            UniqueViolation: another attempt at this account has this ref.
        """
        changed = await self._connection.run(
            "UPDATE attempts SET state = ?, verdict = ?, ended_at = ?, incomplete_at = ?, ref = ?, replays = ?, "
            "polls = ?, sightings = ?, credits = ?, reason_code = ?, reason_message = ?, video_url = ?, "
            "replayed_at = ? "
            "WHERE id = ? AND state = ?",
            attempt.state,
            attempt.verdict,
            attempt.ended_at,
            attempt.incomplete_at,
            attempt.ref,
            attempt.replays,
            attempt.polls,
            attempt.sightings,
            attempt.credits,
            *_reason(attempt),
            attempt.video_url,
            attempt.replayed_at,
            attempt.id,
            was,
        )
        if changed != 1:
            raise IllegalMove(f"{attempt.id} is no longer {was}")


def _reason(attempt: Attempt) -> tuple[str | None, str | None]:
    return (attempt.reason.code, attempt.reason.message) if attempt.reason else (None, None)


def _attempt(row: Row) -> Attempt:
    (id, video, tenant, n, account, provider, state, verdict, key, body_sha256, credential_version) = row[:11]
    (keyed, callback, started_at, ended_at, incomplete_at, ref, replays, polls, sightings) = row[11:20]
    (low, high, credits, reason_code, reason_message, video_url, expected, price, refunds, replayed_at) = row[20:30]
    image_url, image_key, image_known = row[30:]
    return Attempt(
        id=id,
        video=video,
        tenant=tenant,
        n=n,
        account=account,
        provider=provider,
        state=AttemptState(state),
        verdict=None if verdict is None else Verdict(verdict),
        key=key,
        body_sha256=body_sha256,
        credential_version=credential_version,
        keyed=bool(keyed),
        callback=bool(callback),
        started_at=started_at,
        ended_at=ended_at,
        incomplete_at=incomplete_at,
        ref=ref,
        replays=replays,
        polls=polls,
        sightings=sightings,
        credits_low=low,
        credits_high=high,
        credits=credits,
        reason=None if reason_code is None else Reason(FailureKind(reason_code), reason_message or ""),
        video_url=video_url,
        expected=expected,
        price=price,
        refunds=bool(refunds),
        replayed_at=replayed_at,
        image=None if image_url is None else UploadedImage(url=image_url, key=image_key),
        image_known=bool(image_known),
    )
