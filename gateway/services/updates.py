"""What we hear about an attempt, however we hear it, turned into what is written down.

The answer to a submit, one found in a journal at start, a poll and a hook all end here, in a transaction that has the
video locked. The first end wins; news about an attempt that has ended changes nothing.
"""

import dataclasses

import structlog
from msgspec.structs import replace

from gateway.config.settings import EventsSettings, Timing
from gateway.policy import backoff
from gateway.policy.egress import usable
from gateway.policy.failover import REFUSED, AccountStep, VideoStep, after_unknown
from gateway.policy.standing import Lesson
from gateway.policy.telling import worth_telling
from gateway.policy.verdict import Outcome
from gateway.services.accounts import Accounts
from gateway.services.incidents import report
from gateway.services.pacing import Pacing
from gateway.services.prospects import FILE_LOST, prospect, substate_of
from gateway.services.records import Case
from gateway.services.tenants import Tenants
from gateway.store.tasks import TaskKind
from providers.base import Accepted, Phase, Update
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Millis, millis
from schema.errors import FailureKind
from schema.event import EventType
from schema.ids import Ids
from schema.incident import IncidentKind
from schema.lifecycle import LIVE, OPEN, AttemptMove, AttemptState, Substate, VideoMove
from schema.luck import Luck
from schema.money import Credits
from schema.video import VideoErrorCode

log = structlog.get_logger()

_MESSAGES = {
    VideoErrorCode.INVALID_REQUEST: "The provider refused the request as invalid.",
    VideoErrorCode.CONTENT_REJECTED: "The provider refused to make this content.",
    VideoErrorCode.GENERATION_FAILED: "The provider could not make the video.",
    VideoErrorCode.PROVIDER_INCOMPLETE: "The provider said the video is complete and gave no usable file.",
    VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN: (
        "The provider's answer was lost, so nobody can tell whether it makes the video. It was not sent again, and "
        "costs you nothing."
    ),
}
_FAILED_AS = {
    FailureKind.INVALID_REQUEST: VideoErrorCode.INVALID_REQUEST,
    FailureKind.CONTENT_REJECTED: VideoErrorCode.CONTENT_REJECTED,
}
_UNREFUSED = (AttemptState.PLANNED, AttemptState.SUBMITTING, AttemptState.UNKNOWN)


class Updates:
    def __init__(
        self,
        *,
        accounts: Accounts,
        tenants: Tenants,
        pacing: Pacing,
        ids: Ids,
        timing: Timing,
        luck: Luck,
        egress_allow: tuple[str, ...],
        events: EventsSettings | None = None,
    ) -> None:
        self._ids = ids
        self._accounts = accounts
        self._tenants = tenants
        self._pacing = pacing
        self._timing = timing
        self._luck = luck
        self._egress_allow = egress_allow
        self._events = events or EventsSettings()

    # the answer to a submit

    def allow(self, origins: tuple[str, ...]) -> None:
        """From now on links to these origins are good although their addresses are private, and no others."""
        self._egress_allow = origins

    async def outcome(self, case: Case, outcome: Outcome) -> None:
        """Write down what became of a submit, or of a replay of it."""
        reason = outcome.reason or Reason(FailureKind.LOST)
        await self._teach(case, outcome, reason)
        if case.attempt.state is AttemptState.SUBMITTING:
            await case.tx.tasks.drop(TaskKind.SUBMIT, case.video.id)
        match outcome.verdict:
            case Verdict.ACCEPTED if outcome.accepted is not None:
                await self._accepted(case, outcome.accepted)
            case Verdict.NOT_SENT | Verdict.REJECTED:
                await self._refused(case, outcome.verdict, reason)
            case _:
                await self._unknown(case, reason)

    async def _teach(self, case: Case, outcome: Outcome, reason: Reason) -> None:
        """What the answer says about the account; before any task is touched, for that is the order of locks."""
        configured = self._accounts.once(case.attempt.account)
        if configured is None:
            return
        if outcome.verdict is Verdict.ACCEPTED:
            await self._accounts.answered(case.tx, configured[0])
            return
        refused = outcome.verdict in (Verdict.NOT_SENT, Verdict.REJECTED)
        lesson = Lesson(
            step=REFUSED[reason.code].account if refused else AccountStep.COUNT,
            kind=reason.code,
            retry_after=outcome.retry_after,
            credits=outcome.credits_available,
            luck=self._luck(),
        )
        await self._accounts.learn(case.tx, configured[0], lesson, case.now)

    async def _accepted(self, case: Case, accepted: Accepted) -> None:
        if case.attempt.ref is not None or _thought_unmade(case.attempt):
            if case.attempt.ref != accepted.ref:
                await self._made_twice(case, accepted)
            elif case.attempt.credits is None and accepted.credits is not None:
                await case.move_attempt(credits=accepted.credits)
            return
        if await self._names_another(case, accepted.ref):
            await self._unknown(case, Reason(FailureKind.PROTOCOL, "the id it gave names another video"))
            return
        await self._bind(case, accepted.ref, accepted.credits)
        if accepted.news is not None:
            await self.news(case, accepted.news)

    async def _names_another(self, case: Case, ref: str) -> bool:
        """An upstream that gives the same id twice: the second time nobody can tell whose it is."""
        twin = await case.tx.attempts.by_ref(case.attempt.account, ref)
        if twin is not None:
            log.error("attempt.ref_collision", attempt=case.attempt.id, other=twin.id, ref=ref)
            kind = IncidentKind.REF_COLLISION
            await report(case.tx, self._ids, kind, case.attempt, case.now, ref=ref, other=twin.id)
        return twin is not None

    async def _made_twice(self, case: Case, accepted: Accepted) -> None:
        """One key, two ids: the upstream began and billed a second job. It is an attempt of its own from now on."""
        siblings = await case.tx.attempts.of_video(case.video.id)
        known = any((one.account, one.ref) == (case.attempt.account, accepted.ref) for one in siblings)
        if known or await self._names_another(case, accepted.ref):
            return
        second = _second(case.attempt, self._ids.attempt(case.now), len(siblings) + 1, accepted)
        log.error("attempt.second_ref", attempt=case.attempt.id, ref=case.attempt.ref, second=accepted.ref)
        kind, ref = IncidentKind.DUPLICATE_CHARGE, case.attempt.ref
        await report(case.tx, self._ids, kind, case.attempt, case.now, ref=ref, second=second.ref, other=second.id)
        await case.move_video()  # nobody may plan an attempt by what was read before
        await case.records.add_attempt(case.tx, case.video, second, case.now)
        await case.tx.tasks.add(TaskKind.WATCH, second.id, self._first_look(case))
        if accepted.news is not None:
            await self.news_beside(case, second, accepted.news)

    async def _bind(self, case: Case, ref: str, credits: int | None) -> None:
        """The attempt has a ref: an upstream is making it. One that another overtook stays unknown, and is watched."""
        overtaken = await self._another_lives(case)
        if not overtaken:  # a second submit may be waiting for room since this one was lost
            await case.tx.tasks.drop(TaskKind.SUBMIT, case.video.id)
        move = None if overtaken else AttemptMove.ACCEPT
        await case.move_attempt(move, verdict=Verdict.ACCEPTED, ref=ref, credits=credits, reason=None)
        await case.tx.tasks.add(TaskKind.WATCH, case.attempt.id, self._first_look(case))
        if not case.video.ended and not overtaken:
            await self._started(case, Substate.RUNNING, tell=EventType.STARTED)

    async def _another_lives(self, case: Case) -> bool:
        others = await case.tx.attempts.of_video(case.video.id)
        return any(other.state in LIVE and other.id != case.attempt.id for other in others)

    async def _give_up(self, case: Case, code: VideoErrorCode, detail: str = "") -> None:
        """End the video as failed, unless another attempt may still give it."""
        other = await prospect(case.tx, case.attempt)
        if other is None:
            await case.fail_video(code, _public(code, detail))
        elif not case.video.ended and case.video.substate is not Substate.FETCHING:
            await self._leave_to(case, other)

    async def _leave_to(self, case: Case, other: Attempt) -> None:
        await case.move_video(substate=substate_of(other), account=other.account, provider=other.provider)

    async def _started(self, case: Case, substate: Substate, *, tell: EventType | None) -> None:
        """An upstream may be working on the video; when its file is being copied already, that says more."""
        if case.video.substate is Substate.FETCHING:
            return
        await case.move_video(
            VideoMove.START,
            tell=tell,
            substate=substate,
            started_at=case.video.started_at or case.now,
            account=case.attempt.account,
            provider=case.attempt.provider,
        )

    def _first_look(self, case: Case) -> Millis:
        configured = self._accounts.once(case.attempt.account)
        if configured is None or configured[1].polls is None:
            return case.video.deadline_at
        return case.now + self._pacing.first(configured[0], case.attempt)

    async def _refused(self, case: Case, verdict: Verdict, reason: Reason) -> None:
        consequence = REFUSED[reason.code]
        if case.attempt.state not in _UNREFUSED or _says_nothing(case.attempt, verdict, reason.code):
            return
        await case.move_attempt(AttemptMove.REFUSE, verdict=verdict, reason=reason)
        if reason.code is FailureKind.INVALID_REQUEST and await self._picture_gone(case):
            await self._reroute(case)
        elif consequence.video is VideoStep.FAIL:
            await self._give_up(case, _FAILED_AS[reason.code], reason.message)
        else:
            await self._reroute(case, delay=self._patience(case))

    async def _picture_gone(self, case: Case) -> bool:
        """Perhaps it no longer has the picture that it was given before: then it is given it again, once."""
        attempt, image = case.attempt, case.video.image
        if not attempt.image_known or attempt.image is None or image is None:
            return False
        await case.tx.images.take_back(image, attempt.account, attempt.image.url)
        return True

    def _patience(self, case: Case) -> Millis:
        """Nothing was sent: the network may need a moment. A refusal tells at once who is next."""
        if case.attempt.verdict is not Verdict.NOT_SENT:
            return 0
        return backoff.retry(case.attempt.n - 1, first=0.5, longest=30, luck=self._luck())

    async def _unknown(self, case: Case, reason: Reason) -> None:
        if _voided(case.attempt):
            await self._lost_after_void(case, reason)
            return
        if case.attempt.state is not AttemptState.SUBMITTING:
            return
        await case.move_attempt(AttemptMove.LOSE, verdict=Verdict.UNKNOWN, reason=reason)
        log.warning("attempt.unknown", attempt=case.attempt.id, account=case.attempt.account, reason=reason.code)
        if case.video.ended:
            return
        await self._started(case, Substate.OUTCOME_UNKNOWN, tell=EventType.OUTCOME_UNKNOWN)
        match await self._after_unknown(case):
            case VideoStep.REPLAY:
                await self._look_again(case, backoff.replay(self._timing.replay_schedule_seconds, 0, self._luck()))
            case VideoStep.WAIT:
                await self._look_again(case, None)
            case VideoStep.FAIL:
                await self._give_up(case, VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN)
            case _:
                await self._reroute(case)

    async def _after_unknown(self, case: Case) -> VideoStep:
        lost = [one for one in await case.tx.attempts.of_video(case.video.id) if one.state is AttemptState.UNKNOWN]
        newer = await case.tx.policies.latest(case.video.tenant, than=self._tenants.version(case.video.tenant))
        wish = self._tenants.wish(case.video, newer)
        return after_unknown(wish.on_unknown, keyed=case.attempt.keyed, unknown_so_far=len(lost))

    async def _look_again(self, case: Case, delay: Millis | None) -> None:
        """Come back to an attempt after a delay, at the latest when the video must end."""
        due = case.video.deadline_at if delay is None else min(case.now + delay, case.video.deadline_at)
        await case.tx.tasks.add(TaskKind.WATCH, case.attempt.id, due)

    async def _reroute(self, case: Case, *, delay: Millis = 0) -> None:
        """Let the video be decided again, unless it has ended or another attempt may still give it."""
        if case.video.ended or case.video.substate is Substate.FETCHING:
            return
        other = await prospect(case.tx, case.attempt)
        if other is not None:
            await self._leave_to(case, other)
            return
        if await self._file_lost(case):
            await case.fail_video(VideoErrorCode.ASSET_LOST, FILE_LOST)
            return
        await case.move_video(substate=Substate.WAITING_CAPACITY, account=None, provider=None)
        await case.tx.tasks.add(TaskKind.SUBMIT, case.video.id, min(case.now + delay, case.video.deadline_at))

    async def _file_lost(self, case: Case) -> bool:
        """An upstream has made the video, and nobody copies its file any more: it is not made again."""
        attempts = await case.tx.attempts.of_video(case.video.id)
        return any(one.state is AttemptState.SUCCEEDED for one in attempts)

    # what an operator found out

    async def found(self, case: Case, ref: str) -> None:
        """The provider has a job for an unknown attempt: it goes the way of one that was found by itself."""
        await self._bind(case, ref, case.attempt.credits)

    async def unbind(self, case: Case) -> None:
        """The provider knows no job of the id an operator gave: the attempt is unknown again."""
        log.warning("attempt.unbound", attempt=case.attempt.id, account=case.attempt.account, ref=case.attempt.ref)
        move = AttemptMove.LOSE if case.attempt.state is AttemptState.RUNNING else None
        reason = Reason(FailureKind.NOT_FOUND, f"the provider knows no job {case.attempt.ref}")
        await case.move_attempt(move, verdict=Verdict.UNKNOWN, ref=None, reason=reason, polls=0, sightings=0)
        if not case.video.ended:
            await self._started(case, Substate.OUTCOME_UNKNOWN, tell=EventType.OUTCOME_UNKNOWN)

    async def void(self, case: Case, credits: Credits) -> None:
        """An unknown attempt gives nothing and cost so much: a video that waits for nothing else fails."""
        await case.tx.tasks.drop(TaskKind.WATCH, case.attempt.id)
        reason = case.attempt.reason or Reason(FailureKind.LOST)
        await case.move_attempt(AttemptMove.VOID, reason=reason, credits=credits)
        if not await self._waits_for_another(case):
            await self._give_up(case, VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN)

    async def _waits_for_another(self, case: Case) -> bool:
        """Whether the video is to be sent, or another attempt of it is looked after although its outcome is unknown."""
        if await case.tx.tasks.exists(TaskKind.SUBMIT, case.video.id):
            return True
        for other in await case.tx.attempts.of_video(case.video.id):
            if other.state is AttemptState.UNKNOWN and await case.tx.tasks.exists(TaskKind.WATCH, other.id):
                return True
        return False

    async def _lost_after_void(self, case: Case, reason: Reason) -> None:
        """A replay was under way when an operator voided the attempt, and its answer was lost: it may have been billed.

        So it is an unknown attempt of its own, for an operator to look at again.
        """
        siblings = await case.tx.attempts.of_video(case.video.id)
        if any(one.key == case.attempt.key and one.state is AttemptState.UNKNOWN for one in siblings):
            return
        again = replace(_second(case.attempt, self._ids.attempt(case.now), len(siblings) + 1), reason=reason)
        log.warning("attempt.lost_after_void", attempt=case.attempt.id, again=again.id)
        await case.move_video()  # nobody may plan an attempt by what was read before
        await case.records.add_attempt(case.tx, case.video, again, case.now)

    async def another_job(self, case: Case, update: Update) -> None:
        """News of a job that is not the attempt's own: that was refused or voided, or one paid request made two jobs.

        It exists and was billed, so it is an attempt of its own from now on.
        """
        siblings = await case.tx.attempts.of_video(case.video.id)
        found = next((one for one in siblings if (one.account, one.ref) == (case.attempt.account, update.ref)), None)
        found = found or next((one for one in siblings if _lost_again(one, case.attempt)), None)
        if found is None:
            await self._made_twice(case, Accepted(ref=update.ref, credits=update.credits, news=update))
        else:
            await self.news_beside(case, found, update)

    # polls and hooks

    async def news_beside(self, case: Case, attempt: Attempt, update: Update) -> None:
        """Write down news about another attempt of the case's video."""
        beside = dataclasses.replace(case, attempt=attempt)
        await self.news(beside, update)
        case.video = beside.video

    async def news(self, case: Case, update: Update) -> None:
        """Write down one piece of news."""
        if update.drift is not None:
            log.warning("provider.drift", provider=case.attempt.provider, attempt=case.attempt.id, drift=update.drift)
        if _thought_unmade(case.attempt):
            await self.another_job(case, update)
        if case.attempt.state not in OPEN:
            return
        if case.attempt.ref is None:
            if await self._names_another(case, update.ref):
                return
            await self._bind(case, update.ref, update.credits)
        match update.phase:
            case Phase.SUCCEEDED:
                await self._made(case, update)
            case Phase.FAILED:
                await self._broke(case, update)
            case _:
                await self._progressed(case, update)

    def brings_file(self, attempt: Attempt, update: Update) -> bool:
        """Whether news of an attempt names a file that may be fetched."""
        configured = self._accounts.once(attempt.account)
        hosts = () if configured is None else configured[1].capabilities.video_hosts
        return update.video_url is not None and usable(update.video_url, hosts=hosts, exempt=self._egress_allow)

    async def _made(self, case: Case, update: Update) -> None:
        if not self.brings_file(case.attempt, update):
            await self._incomplete(case)
            return
        await case.move_attempt(
            AttemptMove.FINISH,
            verdict=Verdict.ACCEPTED,
            video_url=update.video_url,
            credits=case.attempt.credits if update.credits is None else update.credits,
        )
        await case.tx.tasks.drop(TaskKind.WATCH, case.attempt.id)
        await case.tx.tasks.add(TaskKind.FETCH, case.attempt.id, case.now)
        if not case.video.ended:
            await self._started(case, Substate.FETCHING, tell=None)

    async def _incomplete(self, case: Case) -> None:
        """``completed`` without a usable file is not completed: it is given a while, then it is a failure."""
        since = case.attempt.incomplete_at
        if since is None:
            log.warning("attempt.incomplete", attempt=case.attempt.id, provider=case.attempt.provider)
            await case.move_attempt(incomplete_at=case.now)
        elif case.now - since >= millis(self._timing.incomplete_grace_seconds):
            await self._end(
                case, FailureKind.INCOMPLETE, VideoErrorCode.PROVIDER_INCOMPLETE, "", credits=case.attempt.credits
            )

    async def _broke(self, case: Case, update: Update) -> None:
        credits = case.attempt.credits if update.credits is None else update.credits
        if update.rejected:
            kind, code = FailureKind.CONTENT_REJECTED, VideoErrorCode.CONTENT_REJECTED
        else:
            kind, code = FailureKind.GENERATION_FAILED, VideoErrorCode.GENERATION_FAILED
        await self._end(case, kind, code, update.failure or "", credits=credits)

    async def _end(
        self, case: Case, kind: FailureKind, code: VideoErrorCode, detail: str, *, credits: Credits | None
    ) -> None:
        """The attempt made no video, and after an upstream has taken it no other is asked."""
        await case.move_attempt(AttemptMove.BREAK, reason=Reason(kind, detail), credits=credits)
        await case.tx.tasks.drop(TaskKind.WATCH, case.attempt.id)
        await self._give_up(case, code, detail)

    async def _progressed(self, case: Case, update: Update) -> None:
        progress = min(update.progress or 0, 99)
        if not case.video.ended and progress > case.video.progress:
            tell = EventType.PROGRESS if await self._worth_telling(case, progress) else None
            await case.move_video(tell=tell, progress=progress)

    async def _worth_telling(self, case: Case, progress: int) -> bool:
        last = await case.tx.events.newest(case.video.tenant, case.video.id)
        every, percent = millis(self._events.progress_seconds), self._events.progress_percent
        return worth_telling(last, progress, case.now, every=every, percent=percent)


def _second(first: Attempt, id: str, n: int, accepted: Accepted | None = None) -> Attempt:
    """What one paid request may have made beside the first: known to be made or lost, and nothing waits for it."""
    return replace(
        first,
        id=id,
        n=n,
        state=AttemptState.UNKNOWN,
        verdict=Verdict.UNKNOWN if accepted is None else Verdict.ACCEPTED,
        ref=None if accepted is None else accepted.ref,
        credits=None if accepted is None else accepted.credits,
        reason=None,
        ended_at=None,
        incomplete_at=None,
        video_url=None,
        replays=0,
        replayed_at=None,
        polls=0,
        sightings=0,
    )


def _lost_again(attempt: Attempt, voided: Attempt) -> bool:
    """It stands for a replay of a voided attempt, and no ref of it is known yet."""
    return attempt.key == voided.key and attempt.state is AttemptState.UNKNOWN and attempt.ref is None


def _thought_unmade(attempt: Attempt) -> bool:
    """Its upstream refused it, or an operator said that it was never made: so no ref of it is known."""
    return attempt.state is AttemptState.FAILED and attempt.ref is None


def _voided(attempt: Attempt) -> bool:
    """An operator said that it was never made."""
    return _thought_unmade(attempt) and attempt.verdict is Verdict.UNKNOWN


def _says_nothing(attempt: Attempt, verdict: Verdict, kind: FailureKind) -> bool:
    """A replay that was refused for its moment (too fast, no credits …) says nothing of the lost first send.

    Only a verdict on the bytes themselves does, for they were the same; and that the one send there was never left us.
    """
    if attempt.state is not AttemptState.UNKNOWN or REFUSED[kind].video is VideoStep.FAIL:
        return False
    return verdict is not Verdict.NOT_SENT or attempt.replays > 0


def _public(code: VideoErrorCode, detail: str = "") -> str:
    """Our sentence for a code, with the provider's own words behind it when there are any."""
    return f"{_MESSAGES[code]} It said: {detail}" if detail else _MESSAGES[code]
