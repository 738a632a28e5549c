"""Attempts whose outcome nobody knows: operators list them, and resolve them by what the provider's books say."""

import hashlib
import re
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from gateway.config.settings import Timing
from gateway.policy import bookkeeping
from gateway.services.accounts import Accounts
from gateway.services.ledger import check_note
from gateway.services.pages import check_limit, cut
from gateway.services.records import Case, Records
from gateway.services.trailing import write_down
from gateway.services.updates import Updates
from gateway.store.database import UniqueViolation
from gateway.store.store import Store, Transaction
from gateway.store.tasks import TaskKind
from schema import ledger
from schema.attempt import Attempt
from schema.clock import Clock, Millis, millis
from schema.errors import InvalidRequest, NotFound, NotUnknown, RefTaken
from schema.ids import RESOLUTION, Ids
from schema.ledger import MICROS_UNIT
from schema.lifecycle import AttemptState, VideoStatus
from schema.money import Credits, Micros
from schema.resolution import Resolution, Verb
from schema.video import Video

log = structlog.get_logger()

MAX_REF = 256
MAX_CREDITS = 10**9
PROMPT_SHOWN = 80
"""Characters of the prompt that are shown: enough to know it again in a provider's dashboard."""

_TOLD = {Verb.BIND: "attempt.bound", Verb.VOID: "attempt.voided"}
Apply = Callable[[Case], Awaitable[None]]
"""What a verb does to an attempt, in the transaction that has its video locked."""

_REF = re.compile(rf"[\x21-\x7e]{{1,{MAX_REF}}}")


class UnknownAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, and what helps to find it in the provider's books.

    Attributes:
        age: milliseconds since it was begun.
        prompt_sha256: hex digest of the whole prompt.
        prompt: its beginning.
        credits: the most it may have cost, which stands in suspense.
        micros: the same as money; None without a price.
    """

    attempt: Attempt
    status: VideoStatus
    age: Millis
    prompt_sha256: str
    prompt: str
    credits: Credits
    micros: Micros | None


class UnknownPage(msgspec.Struct, frozen=True):
    """Some of them, oldest first; ``more`` when there are others behind."""

    attempts: list[UnknownAttempt]
    more: bool


class ResolutionPage(msgspec.Struct, frozen=True):
    """Some resolutions, newest first; ``more`` when there are others behind."""

    resolutions: list[Resolution]
    more: bool


class Suspense(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may have billed us for: credits, the same as money, how many attempts, the oldest one's start."""

    account: str
    credits: Credits
    micros: Micros
    attempts: int
    oldest_at: Millis | None


class Unknowns:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        records: Records,
        updates: Updates,
        ids: Ids,
        clock: Clock,
        timing: Timing,
    ) -> None:
        self._timing = timing
        self._store = store
        self._accounts = accounts
        self._records = records
        self._updates = updates
        self._ids = ids
        self._clock = clock

    # what is unknown

    async def page(
        self, *, account: str | None = None, tenant: str | None = None, after: str | None = None, limit: int = 20
    ) -> UnknownPage:
        """Attempts whose outcome nobody knows, oldest first. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        now = self._clock.now()

        async def look(tx: Transaction) -> tuple[list[Attempt], dict[str, Video]]:
            found = await tx.attempts.unknown(account=account, tenant=tenant, after=after, limit=limit + 1)
            return found, await tx.videos.some([attempt.video for attempt in found])

        found, videos = await self._store.read(look, snapshot=True)
        shown, more = cut(found, limit)
        return UnknownPage([_unknown(attempt, videos[attempt.video], now) for attempt in shown], more)

    async def suspense(self) -> list[Suspense]:
        """By account: those that are configured, and those that were."""

        async def look(tx: Transaction) -> tuple[dict[str, tuple[int, Millis]], dict[tuple[str, str], int]]:
            counts = await tx.attempts.unknowns()
            return counts, await tx.ledger.balances([ledger.suspense(account) for account in {*counts, *configured}])

        configured = {account.id for account, _ in self._accounts.all()}
        counts, sums = await self._store.read(look, snapshot=True)
        return [_suspense(account, counts, sums) for account in sorted({*counts, *configured})]

    async def resolutions(self, *, after: str | None = None, limit: int = 20) -> ResolutionPage:
        """What operators found out, newest first. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        found = await self._store.read(lambda tx: tx.resolutions.page(after, limit + 1))
        return ResolutionPage(*cut(found, limit))

    # what becomes known

    async def bind(self, attempt: str, ref: str, *, actor: str, note: str = "") -> Resolution:
        """The provider has a job for this attempt: from now on it is watched to its end, as if it had been answered.

        A video that still waits for it completes and is charged as usual; one that has ended stays as it is, and what
        is made for it is an extra output.

        Raises:
            NotFound: there is no such attempt.
            NotUnknown: its outcome is known, or it has a ref and is watched.
            RefTaken: the ref names another attempt at its account.
            InvalidRequest: the ref is none, or the note is too long.
        """
        if _REF.fullmatch(ref) is None:
            detail = f"must be the provider's id for its job: 1 to {MAX_REF} visible ASCII characters, no spaces"
            raise InvalidRequest.field("ref", "invalid_value", detail)

        async def apply(case: Case) -> None:
            await _check_bindable(case, ref)
            await self._updates.found(case, ref)

        try:
            return await self._resolve(attempt, Verb.BIND, apply, actor=actor, note=note, ref=ref)
        except UniqueViolation as error:  # another attempt, of another video, got it a moment ago
            raise RefTaken(f"{ref} names another attempt by now") from error

    async def void(self, attempt: str, credits: Credits = 0, *, actor: str, note: str = "") -> Resolution:
        """This attempt was never made, or gave us nothing: it has failed, and cost what the provider billed for it.

        A video that waits for nothing else fails; a key under which it would have been sent again is sent no more.

        Raises:
            NotFound: there is no such attempt.
            NotUnknown: its outcome is known, or it is being sent again under its key just now.
            InvalidRequest: the credits are out of range, or the note is too long.
        """
        if not 0 <= credits <= MAX_CREDITS:
            raise InvalidRequest.field("credits", "out_of_range", f"must be from 0 to {MAX_CREDITS}")

        async def apply(case: Case) -> None:
            self._check_still(case)
            await self._updates.void(case, credits)

        return await self._resolve(attempt, Verb.VOID, apply, actor=actor, note=note, credits=credits)

    def _check_still(self, case: Case) -> None:
        """Nobody can have looked for what is being sent just now: a replay is over before its attempt is voided."""
        replayed_at = case.attempt.replayed_at
        over_at = 0 if replayed_at is None else replayed_at + millis(self._timing.submit_deadline_seconds)
        if case.now < over_at:
            seconds = -(-(over_at - case.now) // 1000)
            detail = f"The attempt is being sent again under its key; look for it again in {seconds} s, then void it"
            raise NotUnknown(detail, retry_after_seconds=seconds)

    async def _resolve(
        self,
        id: str,
        verb: Verb,
        apply: Apply,
        *,
        actor: str,
        note: str,
        ref: str | None = None,
        credits: Credits | None = None,
    ) -> Resolution:
        """Apply a verb to an attempt that is unknown while its video is locked, and write down who did so."""
        check_note(note)
        found = await self._store.read(lambda tx: tx.attempts.get(id))
        if found is None:
            raise NotFound(f"There is no attempt {id}")
        attempt, now = found, self._clock.now()
        resolution = Resolution(
            id=self._ids.make(RESOLUTION, now),
            at=now,
            verb=verb,
            attempt=attempt.id,
            video=attempt.video,
            tenant=attempt.tenant,
            account=attempt.account,
            actor=actor,
            note=note,
            ref=ref,
            credits=credits,
        )

        async def resolve(tx: Transaction) -> None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            if case is None:
                raise NotFound(f"There is no attempt {id}")
            if case.attempt.state is not AttemptState.UNKNOWN:
                raise NotUnknown(f"The attempt is {case.attempt.state}: there is nothing to resolve")
            if case.attempt.replays != attempt.replays:
                raise NotUnknown("The attempt was sent again meanwhile; look for it once more")
            await apply(case)
            await tx.resolutions.add(resolution)
            facts = {"tenant": attempt.tenant, "account": attempt.account, "ref": ref, "credits": credits, "note": note}
            await write_down(tx, self._ids, now, actor=actor, action=_TOLD[verb], subject=attempt.id, after=facts)

        await self._store.write(resolve)
        log.info(_TOLD[verb], attempt=attempt.id, account=attempt.account, actor=actor, ref=ref, credits=credits)
        return resolution


async def _check_bindable(case: Case, ref: str) -> None:
    """Refuse a ref that names another attempt, and one for an attempt that is found already."""
    attempt = case.attempt
    other = await case.tx.attempts.by_ref(attempt.account, ref)
    if other is not None and other.id != attempt.id:
        raise RefTaken(f"{ref} names the attempt {other.id} of the video {other.video}")
    watched = await case.tx.tasks.exists(TaskKind.WATCH, attempt.id)
    if attempt.ref is not None and (watched or attempt.ref != ref):
        raise NotUnknown(f"The attempt is bound to {attempt.ref}{' and watched' if watched else ''}")


def _unknown(attempt: Attempt, video: Video, now: Millis) -> UnknownAttempt:
    credits, prompt = bookkeeping.booked(attempt).suspense, video.spec.prompt
    return UnknownAttempt(
        attempt=attempt,
        status=video.status,
        age=max(now - attempt.started_at, 0),
        prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest(),
        prompt=prompt[:PROMPT_SHOWN],
        credits=credits,
        micros=None if attempt.price is None else credits * attempt.price,
    )


def _suspense(account: str, counts: dict[str, tuple[int, Millis]], sums: dict[tuple[str, str], int]) -> Suspense:
    name, (count, oldest_at) = ledger.suspense(account), counts.get(account, (0, None))
    return Suspense(
        account=account,
        credits=sums.get((name, ledger.credits_unit(account)), 0),
        micros=sums.get((name, MICROS_UNIT), 0),
        attempts=count,
        oldest_at=oldest_at,
    )
