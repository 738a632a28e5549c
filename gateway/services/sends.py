"""Sending a paid request: once. Its answer is on disk first, then written down however long the database is away.

No transaction is open while the network is.
"""

import asyncio

import structlog
from msgspec.structs import replace

from gateway.journal import Heard, Journal, put_away
from gateway.journal import read as read_journal
from gateway.policy.metering import Purpose
from gateway.policy.verdict import Outcome, classify
from gateway.probe import Point, Probe
from gateway.services.limits import Limits
from gateway.services.places import ALONE, Places
from gateway.services.records import Records
from gateway.services.updates import Updates
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from gateway.upstream import Sent, Upstream
from providers.base import Accepted, Flow, Provider, WireRequest
from providers.limits import until_reset
from schema.account import Account
from schema.attempt import Attempt, Verdict
from schema.clock import Clock, Millis
from schema.errors import IllegalMove, Overloaded
from schema.ids import INCIDENT, Ids
from schema.incident import Incident, IncidentKind
from schema.lifecycle import AttemptState

log = structlog.get_logger()


class Sends:
    def __init__(
        self,
        *,
        store: Store,
        records: Records,
        updates: Updates,
        upstream: Upstream,
        journal: Journal,
        limits: Limits,
        clock: Clock,
        ids: Ids,
        probe: Probe,
        places: Places = ALONE,
    ) -> None:
        self._store = store
        self._records = records
        self._updates = updates
        self._upstream = upstream
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._ids = ids
        self._probe = probe
        self._places = places

    async def send(
        self, attempt: Attempt, flow: Flow[Accepted], request: WireRequest, account: Account, provider: Provider
    ) -> None:
        """Send a paid request and write its outcome down; neither ends half-way when the caller is cancelled."""
        sending = asyncio.ensure_future(self._send(attempt, flow, request, account, provider))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            await sending
            raise

    async def _send(
        self, attempt: Attempt, flow: Flow[Accepted], request: WireRequest, account: Account, provider: Provider
    ) -> None:
        with self._places.sending(account.id):
            sent = await self._upstream.submit(flow, request, account, provider.adapter)
        outcome = _with_reset(classify(sent.evidence), sent, self._clock.now())
        log.info("attempt.submitted", attempt=attempt.id, account=account.id, verdict=outcome.verdict)
        kept = await self._keep(_heard(attempt, outcome, sent, self._clock.now()))
        self._probe(Point.BEFORE_RECORD)
        await self.record(attempt, outcome, sent)
        self._probe(Point.RECORDED)
        if kept:
            self._journal.recorded()

    async def _keep(self, heard: Heard) -> bool:
        """Whether the answer is on disk. A full disk must not cost us an answer that the database can take."""
        try:
            await self._journal.keep(heard)
        except OSError:
            log.exception("journal.not_kept", attempt=heard.attempt)
            return False
        return True

    async def record(self, attempt: Attempt, outcome: Outcome, sent: Sent | None = None) -> None:
        """Write an outcome down, however long the database is away: the answer is on disk."""
        pause = 0.1
        while True:
            try:
                await self._store.write(lambda tx: self._conclude(tx, attempt, outcome, sent))
            except (CommitUnknown, Overloaded) as error:
                log.warning("attempt.record_delayed", attempt=attempt.id, error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, 5)
            else:
                return

    async def _conclude(self, tx: Transaction, attempt: Attempt, outcome: Outcome, sent: Sent | None) -> None:
        case = await self._records.case(tx, attempt.video, attempt.id, self._clock.now())
        if sent is not None and sent.answer is not None:
            await self._limits.settle(
                tx,
                sent.account,
                Purpose.CREATE,
                sent.answer.headers,
                taken_at=attempt.replayed_at or attempt.started_at,
            )
        if case is not None:
            await self._updates.outcome(case, outcome)

    async def recover(self) -> int:
        """At start: write down what earlier runs were told and did not live to record. How many there were."""
        found = 0
        for journal in self._journal.orphans():
            answers, unreadable = read_journal(journal)
            for heard in answers:
                await self._recover(heard)
            found += len(answers)
            put_away(journal, unreadable=unreadable)
        return found

    async def _recover(self, heard: Heard) -> None:
        attempt = await self._store.read(lambda tx: tx.attempts.get(heard.attempt))
        if attempt is None:
            await self._report(heard)
        elif _may_be_news(attempt, heard.outcome):
            log.info("journal.recovered", attempt=attempt.id, verdict=heard.outcome.verdict)
            try:
                await self.record(attempt, heard.outcome)
            except IllegalMove:  # one answer that nothing can be made of must not keep a gateway from starting
                log.exception("journal.unrecordable", attempt=attempt.id)
                await self._report(heard)

    async def _report(self, heard: Heard) -> None:
        """An answer that nothing can be made of, about an attempt that a restore has lost: a job was paid for."""
        log.error("journal.orphan", attempt=heard.attempt, verdict=heard.outcome.verdict)
        if heard.outcome.accepted is None:
            return
        now = self._clock.now()
        incident = Incident(
            id=self._ids.make(INCIDENT, now),
            at=now,
            kind=IncidentKind.ORPHAN_ANSWER,
            attempt=heard.attempt,
            data={"ref": heard.outcome.accepted.ref, "answered_at": heard.at},
        )
        await self._store.write(lambda tx: tx.incidents.add(incident))


def _may_be_news(attempt: Attempt, outcome: Outcome) -> bool:
    """What is known changes nothing when it is written down again; a second ref may be known from here alone."""
    waited_for = attempt.state in (AttemptState.SUBMITTING, AttemptState.UNKNOWN)
    return waited_for or outcome.verdict is Verdict.ACCEPTED


def _with_reset(outcome: Outcome, sent: Sent, now: Millis) -> Outcome:
    """A refusal that names no time to stay away may still report when the limit's window ends."""
    if outcome.verdict is not Verdict.REJECTED or outcome.retry_after is not None or sent.answer is None:
        return outcome
    return replace(outcome, retry_after=until_reset(sent.answer.headers, now))


def _heard(attempt: Attempt, outcome: Outcome, sent: Sent, now: Millis) -> Heard:
    answer = sent.answer
    status, body = (None, b"") if answer is None else (answer.status, answer.body)
    return Heard(attempt=attempt.id, at=now, outcome=outcome, status=status, body=body)
