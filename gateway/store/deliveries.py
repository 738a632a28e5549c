"""Deliveries to webhook endpoints: what waits, whose turn it is, and the log of what was tried.

A claim is a lease, as a task's is. Of a line (an endpoint and a video) only the first pending one is ever due.
"""

from collections.abc import Sequence

from gateway.policy.delivering import SHAKY
from gateway.store.database import Connection, Row
from schema.clock import Millis
from schema.delivery import Delivery, DeliveryState, DeliveryTry, EndpointState
from schema.event import Event, EventType
from schema.ids import MESSAGE, derived

Hearer = tuple[str, str | None]
"""An endpoint, and where it is if a video said so."""

AT_ONCE = 5
"""Calls of one endpoint at a time, over all replicas."""

_COLUMNS = (
    "id, tenant, endpoint, subject, event, position, type, url, state, created_at, ended_at, due, epoch, tries, since, "
    "body"
)
_PENDING = "(SELECT 1 FROM deliveries AS ahead WHERE ahead.endpoint = ? AND ahead.subject = ? AND state = 'pending')"
_ROW = f"(?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, CASE WHEN EXISTS {_PENDING} THEN NULL ELSE CAST(? AS BIGINT) END)"
_ROWS_AT_ONCE = 50
_ANY = 2**31 - 1
# a look or two into the index for each endpoint that has something to be told, however much that is
_OPEN = f"""
WITH RECURSIVE waiting (endpoint) AS (
  SELECT (SELECT endpoint FROM deliveries WHERE due IS NOT NULL ORDER BY endpoint LIMIT 1)
  UNION ALL
  SELECT (SELECT more.endpoint FROM deliveries AS more
    WHERE more.endpoint > waiting.endpoint AND more.due IS NOT NULL ORDER BY more.endpoint LIMIT 1)
  FROM waiting WHERE waiting.endpoint IS NOT NULL
), called AS MATERIALIZED (
  SELECT waiting.endpoint, CASE WHEN states.failures >= {SHAKY} THEN 1 ELSE {AT_ONCE} END AS places,
    (SELECT count(*) FROM deliveries AS busy WHERE busy.endpoint = waiting.endpoint AND busy.leased_until > ?) AS taken
  FROM waiting LEFT JOIN endpoint_states AS states ON states.endpoint = waiting.endpoint
  WHERE waiting.endpoint IS NOT NULL AND coalesce(states.resting_until, 0) <= ? AND coalesce(states.failures, 0) <= ?
    AND (SELECT next.due FROM deliveries AS next WHERE next.endpoint = waiting.endpoint AND next.due IS NOT NULL
      ORDER BY next.due LIMIT 1) <= ?
), open AS (
  SELECT endpoint, places, taken FROM called WHERE taken < places
)"""
# of every endpoint that may be called the longest due first, and everybody's first before anybody's second
_CLAIM = f"""{_OPEN}, reach AS MATERIALIZED (
  SELECT endpoint, places, taken, coalesce((SELECT ready.due FROM deliveries AS ready
    WHERE ready.endpoint = open.endpoint AND ready.due <= ? ORDER BY ready.due LIMIT 1 OFFSET {AT_ONCE - 1}), ?)
    AS until FROM open
), first AS (
  SELECT ready.id, ready.due, reach.places, reach.taken
    + row_number() OVER (PARTITION BY ready.endpoint ORDER BY ready.due, ready.id) AS place
  FROM reach JOIN deliveries AS ready ON ready.endpoint = reach.endpoint AND ready.due <= reach.until
), chosen AS MATERIALIZED (
  SELECT id FROM deliveries WHERE due <= ? AND id IN (
    SELECT id FROM first WHERE place <= places ORDER BY place, due LIMIT ?) /*skip locked*/
)
UPDATE deliveries SET due = ?, leased_until = ?, epoch = epoch + 1, tries = tries + 1
WHERE id IN (SELECT id FROM chosen) RETURNING {_COLUMNS}"""


class Deliveries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, event: Event, hearers: Sequence[Hearer]) -> None:
        """Tell these of an event; whoever does so holds the tenant's log."""
        for start in range(0, len(hearers), _ROWS_AT_ONCE):
            some = hearers[start : start + _ROWS_AT_ONCE]
            values = (value for hearer in some for value in _new(event, *hearer))
            await self._connection.run(
                "INSERT INTO deliveries "
                "(id, tenant, endpoint, subject, event, position, type, url, state, created_at, due) "
                f"VALUES {', '.join([_ROW] * len(some))}",
                *values,
            )

    # whose turn it is

    async def claim(self, *, now: Millis, until: Millis, limit: int, healthy_only: bool = False) -> list[Delivery]:
        """Up to ``limit`` whose turn it is, leased until ``until``; each counts as tried.

        Args:
            healthy_only: of endpoints whose last answer was a success, or that gave none yet.
        """
        most = 0 if healthy_only else _ANY
        rows = await self._connection.all(_CLAIM, now, now, most, now, now, now, now, limit, until, until)
        return [_delivery(row) for row in rows]

    async def ready(self, now: Millis, *, healthy_only: bool = False) -> bool:
        """Whether it is somebody's turn: what is due may have to wait for its endpoint."""
        most = 0 if healthy_only else _ANY
        return await self._connection.one(f"{_OPEN} SELECT 1 FROM open LIMIT 1", now, now, most, now) is not None

    async def next_due(self, now: Millis) -> Millis | None:
        """When the next one becomes due after this moment."""
        row = await self._connection.one("SELECT min(due) FROM deliveries WHERE due > ?", now)
        return None if row is None else row[0]

    async def waiting(self) -> int:
        """How many wait, of everybody's."""
        row = await self._connection.one("SELECT count(*) FROM deliveries WHERE state = 'pending'")
        return 0 if row is None else int(row[0])

    async def freeze(self, id: str, body: str) -> None:
        """What is sent, from the first try on."""
        await self._connection.run("UPDATE deliveries SET body = ? WHERE id = ? AND body IS NULL", body, id)

    async def orphaned(self, now: Millis) -> int:
        """Make every leased one due: only for an engine that one process owns, at its start. How many there were."""
        return await self._connection.run(
            "UPDATE deliveries SET due = ?, leased_until = NULL, epoch = epoch + 1 WHERE leased_until IS NOT NULL", now
        )

    # what became of it

    async def hold(self, tenant: str) -> None:
        """Hold a tenant's log, and so all lines of its endpoints, until this transaction ends."""
        await self._connection.one("SELECT last FROM event_logs WHERE tenant = ? /*for update*/", tenant)

    async def retry(self, delivery: Delivery, due: Millis) -> bool:
        """Try it again then; False when somebody else holds it by now."""
        changed = await self._connection.run(
            "UPDATE deliveries SET due = ?, leased_until = NULL WHERE id = ? AND epoch = ? AND state = 'pending'",
            due,
            delivery.id,
            delivery.epoch,
        )
        return changed == 1

    async def end(self, delivery: Delivery, state: DeliveryState, now: Millis) -> bool:
        """It has ended, and whoever was behind it is next; False when somebody else holds it by now."""
        changed = await self._connection.run(
            "UPDATE deliveries SET state = ?, ended_at = ?, due = NULL, leased_until = NULL "
            "WHERE id = ? AND epoch = ? AND state = 'pending'",
            state,
            now,
            delivery.id,
            delivery.epoch,
        )
        if changed == 1:
            await self._next(delivery.endpoint, delivery.video or "", now)
        return changed == 1

    async def _next(self, endpoint: str, subject: str, now: Millis) -> None:
        await self._connection.run(
            "UPDATE deliveries SET due = ? WHERE id = (SELECT id FROM deliveries WHERE endpoint = ? AND subject = ? "
            "AND state = 'pending' ORDER BY position LIMIT 1) AND due IS NULL",
            now,
            endpoint,
            subject,
        )

    async def skip(self, endpoint: str, now: Millis, *, video: str | None = None) -> int:
        """Everything that waits for an endpoint, or of a video for it, is told it no more. How much that was."""
        line, subject = ("", ()) if video is None else (" AND subject = ?", (video,))
        return await self._connection.run(
            "UPDATE deliveries SET state = 'skipped', ended_at = ?, due = NULL, leased_until = NULL, epoch = epoch + 1 "
            f"WHERE endpoint = ? AND state = 'pending'{line}",
            now,
            endpoint,
            *subject,
        )

    async def again(self, tenant: str, ids: Sequence[str], now: Millis) -> int:
        """Deliver what has ended once more, each in its place in the line. How many there were."""
        changed = 0
        for id in ids:
            row = await self._connection.one(
                "UPDATE deliveries SET state = 'pending', ended_at = NULL, since = tries, due = NULL "
                "WHERE tenant = ? AND id = ? AND state <> 'pending' RETURNING endpoint, subject, position",
                tenant,
                id,
            )
            if row is not None:
                endpoint, subject, position = row
                await self._ahead(endpoint, subject, position, now)
                changed += 1
        return changed

    async def _ahead(self, endpoint: str, subject: str, position: int, now: Millis) -> None:
        """Whoever stood first and is not being tried steps behind one that came back before it."""
        await self._connection.run(
            "UPDATE deliveries SET due = NULL WHERE endpoint = ? AND subject = ? AND state = 'pending' "
            "AND due IS NOT NULL AND leased_until IS NULL AND position > ?",
            endpoint,
            subject,
            position,
        )
        busy = await self._connection.one(
            "SELECT 1 FROM deliveries WHERE endpoint = ? AND subject = ? AND state = 'pending' AND due IS NOT NULL",
            endpoint,
            subject,
        )
        if busy is None:
            await self._next(endpoint, subject, now)

    # the log

    async def tried(self, delivery: Delivery, one: DeliveryTry) -> None:
        """Keep how a try went."""
        await self._connection.run(
            "INSERT INTO delivery_tries (delivery, n, tenant, at, took, status, error, answer) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (delivery, n) DO NOTHING",
            delivery.id,
            one.n,
            delivery.tenant,
            one.at,
            one.took,
            one.status,
            one.error,
            one.answer,
        )

    async def get(self, tenant: str, id: str) -> Delivery | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM deliveries WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _delivery(row)

    async def tries(self, tenant: str, id: str) -> list[DeliveryTry]:
        """How a delivery was tried, in order."""
        rows = await self._connection.all(
            "SELECT n, at, took, status, error, answer FROM delivery_tries "
            "WHERE tenant = ? AND delivery = ? ORDER BY n",
            tenant,
            id,
        )
        return [
            DeliveryTry(n=n, at=at, took=took, status=status, error=error, answer=answer)
            for n, at, took, status, error, answer in rows
        ]

    async def page(
        self, tenant: str, endpoint: str, *, after: str | None, limit: int, state: DeliveryState | None = None
    ) -> list[Delivery]:
        """An endpoint's, newest first, after an id."""
        return await self._page(tenant, ("endpoint = ?", endpoint), after, limit, state)

    async def of_video(
        self, tenant: str, video: str, *, after: str | None, limit: int, state: DeliveryState | None = None
    ) -> list[Delivery]:
        """Those to the address that a video was given, newest first, after an id."""
        return await self._page(tenant, ("subject = ? AND url IS NOT NULL", video), after, limit, state)

    async def _page(
        self, tenant: str, whose: tuple[str, str], after: str | None, limit: int, state: DeliveryState | None
    ) -> list[Delivery]:
        named, id = whose
        beyond, cursor = ("", ()) if after is None else (" AND id < ?", (after,))
        here, states = ("", ()) if state is None else (" AND state = ?", (state.value,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM deliveries WHERE tenant = ? AND {named}{beyond}{here} ORDER BY id DESC LIMIT ?",
            tenant,
            id,
            *cursor,
            *states,
            limit,
        )
        return [_delivery(row) for row in rows]

    async def ended_since(
        self,
        tenant: str,
        endpoint: str,
        since: Millis,
        limit: int,
        *,
        types: frozenset[EventType] = frozenset(),
        failed_only: bool = False,
    ) -> list[str]:
        """The ids of what an endpoint was told, or not told, since then, in order of the log."""
        states = "('exhausted', 'skipped')" if failed_only else "('delivered', 'exhausted', 'skipped')"
        chosen = sorted(types)
        named = f" AND type IN ({', '.join('?' * len(chosen))})" if chosen else ""
        rows = await self._connection.all(
            f"SELECT id FROM deliveries WHERE tenant = ? AND endpoint = ? AND created_at >= ? AND state IN {states}"
            f"{named} ORDER BY position LIMIT ?",
            tenant,
            endpoint,
            since,
            *chosen,
            limit,
        )
        return [str(row[0]) for row in rows]

    async def forget(self, before: Millis, limit: int) -> int:
        """Drop some that ended before a moment, with their tries. How many there were."""
        return await self._connection.run(
            "DELETE FROM deliveries WHERE id IN "
            "(SELECT id FROM deliveries WHERE ended_at < ? ORDER BY ended_at LIMIT ?)",
            before,
            limit,
        )

    # how endpoints answer

    async def state(self, endpoint: str, tenant: str) -> EndpointState:
        row = await self._connection.one(
            "SELECT failures, suspected_at, failing_since, resting_until FROM endpoint_states WHERE endpoint = ? "
            "/*for update*/",
            endpoint,
        )
        if row is None:
            return EndpointState(endpoint=endpoint, tenant=tenant)
        failures, suspected_at, failing_since, resting_until = row
        return EndpointState(
            endpoint=endpoint,
            tenant=tenant,
            failures=failures,
            suspected_at=suspected_at,
            failing_since=failing_since,
            resting_until=resting_until,
        )

    async def keep(self, state: EndpointState) -> None:
        """How an endpoint answers now."""
        await self._connection.run(
            "INSERT INTO endpoint_states (endpoint, tenant, failures, suspected_at, failing_since, resting_until) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint) DO UPDATE SET failures = excluded.failures, "
            "suspected_at = excluded.suspected_at, failing_since = excluded.failing_since, "
            "resting_until = excluded.resting_until",
            state.endpoint,
            state.tenant,
            state.failures,
            state.suspected_at,
            state.failing_since,
            state.resting_until,
        )


def message_id(event: Event, endpoint: str) -> str:
    """The same for the same event and endpoint, whoever makes it."""
    return derived(MESSAGE, event.at, event.id, endpoint)


def _new(event: Event, endpoint: str, url: str | None) -> tuple[str | int | None, ...]:
    subject = event.video or ""
    facts = (message_id(event, endpoint), event.tenant, endpoint, subject, event.id, event.position, event.type, url)
    return (*facts, event.at, endpoint, subject, event.at)


def _delivery(row: Row) -> Delivery:
    id, tenant, endpoint, subject, event, position, type, url, state, created_at, ended_at = row[:11]
    due, epoch, tries, since, body = row[11:]
    return Delivery(
        id=id,
        tenant=tenant,
        endpoint=endpoint,
        video=subject or None,
        url=url,
        event=event,
        position=position,
        type=EventType(type),
        state=DeliveryState(state),
        created_at=created_at,
        ended_at=ended_at,
        due=due,
        epoch=epoch,
        tries=tries,
        since=since,
        body=body,
    )
