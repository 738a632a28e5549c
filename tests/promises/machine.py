"""The state machine: what tenants, upstreams, operators, time and misfortune may do, in any order."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies._internal.featureflags import FeatureFlags
from msgspec.structs import replace

from gateway.policy.signing import fingerprint
from gateway.services.quarantine import Waiting
from gateway.store.tasks import TaskKind
from providers.base import Hook
from schema.attempt import Attempt
from schema.errors import (
    AlreadyEnded,
    IdempotencyKeyReused,
    InsufficientFunds,
    InvalidRequest,
    NoRoute,
    NotUnknown,
    Quarantined,
    RefTaken,
    Unauthenticated,
)
from schema.lifecycle import AttemptState
from schema.video import OnUnknown, OnUnsupported, Order, Quality, RoutingWish, Video, VideoSpec
from tests.promises.loop import HurriedLoop
from tests.promises.model import OF, Promises
from tests.promises.tally import Tally
from tests.promises.upstream import DOITONG, VEO, Answer, Job, Manner, Says, signature
from tests.promises.world import FAULTS, POINTS, PROBES, Listening, Plan, World
from tests.support.memory import scratch

T = TypeVar("T")

MINUTE, HOUR = 60_000, 3_600_000
QUIET = 1_000
"""Tasks after which a healed world that is still busy will never come to rest."""

answers = st.sampled_from(
    [Answer.ACCEPT] * 7
    + [Answer.LOSE_AFTER] * 2
    + [one for one in Answer if one is not Answer.REFUSE_KEY] * 2
    + [Answer.REFUSE_KEY]
)
manners = st.builds(
    Manner,
    answer=answers,
    says=st.sampled_from(list(Says)),
    share=st.sampled_from([0, 25, 50, 100, 100, 250]),
)
stops = st.sampled_from([None, None, None, 1, 2, 3, 4, 5, 6])
kinds = st.sampled_from([None, None, *TaskKind])
providers = st.sampled_from([(), (VEO,), (VEO,), (DOITONG,)])
tenants = st.sampled_from(list(OF))
index = st.integers(0, 7)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One for all walks of this process."""
    return HurriedLoop()


class Walk(RuleBasedStateMachine):
    """One walk: one world, from the first wish to the rest after everything was healed."""

    tally = Tally()
    listening = Listening(tally)

    def __init__(self) -> None:
        super().__init__()
        # by itself Hypothesis leaves many rules out of each walk; most would then have nobody who wishes, or works
        self._rules_strategy.enabled_rules_strategy = st.just(FeatureFlags())
        self.root = Path(tempfile.mkdtemp(prefix="promises-", dir=scratch()))
        self.broken = False
        self.wishes: list[Order] = []
        self.backup: Path | None = None
        self.at_backup: set[str] = set()
        self.wishes_at_backup = 0
        self.quarantined = False
        self.forged = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop; what it raises ends the walk."""
        try:
            result = loop().run_until_complete(work)
            self._heard()
        except BaseException:
            self.broken = True
            raise
        return result

    def _heard(self) -> None:
        crashed, self.listening.crashed[:] = self.listening.crashed[:], []
        assert not crashed, crashed[0]

    @initialize(
        begins=st.booleans(),
        seed=st.integers(0, 2**16),
        honours_keys=st.sampled_from([True, True, True, False]),
        restores=st.sampled_from([0, 0, 0, 1, 2]),
    )
    def begin(self, begins: bool, seed: int, honours_keys: bool, restores: int) -> None:
        if not begins:  # the simplest walk, which Hypothesis wants to see before any other, is not worth its time
            self.broken = True
            reject()
        self.tally.note("walks")
        self.restores_left = restores
        self.listening.crashed.clear()
        self.world = World(self.root, seed, self.tally, honours_keys=honours_keys)
        self.promises = Promises(self.world)
        first = self.world.folder
        first.mkdir()
        shutil.copyfile(_template(), first / "filmgate.db")
        self.run(self.world.start())

    # tenants

    @rule(
        tenant=tenants,
        only=providers,
        quality=st.sampled_from([None, None, Quality.HIGH]),
        on_unknown=st.sampled_from([None, *OnUnknown]),
        deadline=st.sampled_from([None, None, 60, 900]),
        cancel_after=st.sampled_from([None, None, None, None, 45]),
        keyed=st.booleans(),
        quoted=st.sampled_from([False, False, True]),
        stop=stops,
        die=st.sampled_from([None] * 9 + ["before a write", "after a write"]),
    )
    def create(
        self,
        tenant: str,
        only: tuple[str, ...],
        quality: Quality | None,
        on_unknown: OnUnknown | None,
        deadline: int | None,
        cancel_after: int | None,
        keyed: bool,
        quoted: bool,
        stop: int | None,
        die: str | None,
    ) -> None:
        """A tenant wishes for a video, after it has asked what it would cost or not."""
        spec = VideoSpec(prompt=f"film {len(self.wishes)}", quality=quality)
        routing = RoutingWish(
            only=only,
            on_unknown=on_unknown,
            deadline_seconds=deadline,
            cancel_after_seconds=cancel_after,
            on_unsupported=OnUnsupported.ADJUST,
        )
        if quoted:
            routing = self.run(self._quote(tenant, spec, routing))
        order = _order(tenant, spec, routing, key=f"key-{len(self.wishes)}" if keyed else None)
        self.wishes.append(order)
        self.run(self.world.act("create", self._accept(order), Plan(stop_at=stop, die_at=die)))

    async def _quote(self, tenant: str, spec: VideoSpec, routing: RoutingWish) -> RoutingWish:
        try:
            quote = await self.world.gateway.quotes.quote(OF[tenant], spec, routing)
        except NoRoute:
            return routing
        if quote.id is None or quote.price is None:
            return routing
        self.tally.note("quoted")
        self.promises.quoted[spec.prompt] = quote.price.high
        return RoutingWish(
            **{name: getattr(routing, name) for name in routing.__struct_fields__} | {"quote_id": quote.id}
        )

    async def _accept(self, order: Order) -> None:
        restored = self.promises.restored
        try:
            accepted = await self.world.gateway.videos.accept(OF[order.tenant], order)
        except (InsufficientFunds, NoRoute, Quarantined) as refusal:
            self.tally.note(f"create: {refusal.status} {refusal.code}")
            return
        assert restored == self.promises.restored
        assert (accepted.video.tenant, accepted.video.spec) == (order.tenant, order.spec), "J4: another wish's video"
        self.tally.note("create: replayed" if accepted.replayed else "create: accepted")
        self.promises.acknowledged.add(accepted.video.id)

    @rule(tenant=tenants, on_unknown=st.sampled_from([None, *OnUnknown]))
    def create_and_send(self, tenant: str, on_unknown: OnUnknown | None) -> None:
        """A plain wish that is on its way at once."""
        self._wish(tenant, RoutingWish(on_unknown=on_unknown))
        self.run(self.world.work(Plan(), TaskKind.SUBMIT))

    def _wish(self, tenant: str, routing: RoutingWish) -> None:
        order = _order(tenant, VideoSpec(prompt=f"film {len(self.wishes)}"), routing, key=None)
        self.wishes.append(order)
        self.run(self.world.act("create", self._accept(order)))

    @precondition(lambda self: any(order.key for order in self.wishes))
    @rule(n=index, other=st.booleans(), stop=stops)
    def repeat(self, n: int, other: bool, stop: int | None) -> None:
        """A tenant sends a wish again under its key, or another wish under it."""
        keyed = [order for order in self.wishes if order.key]
        order = keyed[n % len(keyed)]
        if other:
            self.run(self._repeat_other(order))
        else:
            self.run(self.world.act("repeat", self._repeat(order), Plan(stop_at=stop)))

    async def _repeat(self, order: Order) -> None:
        try:
            await self._accept(order)
        except InvalidRequest as refusal:
            assert order.routing.quote_id is not None
            self.tally.note(f"create: {refusal.errors[0].code}")

    async def _repeat_other(self, order: Order) -> None:
        known = await self.world.gateway.store.read(lambda tx: tx.videos.by_key(order.tenant, order.key or ""))
        if known is None:
            return
        other = _order(order.tenant, VideoSpec(prompt=f"not {order.spec.prompt}"), order.routing, key=order.key)
        try:
            await self.world.gateway.videos.accept(OF[other.tenant], other)
        except IdempotencyKeyReused:
            self.tally.note("create: key reused")
        else:
            raise AssertionError("J4: one key stands for two wishes")

    @precondition(lambda self: len(self._open()) > 1 or len(self.promises.history.videos) > 5)
    @rule(n=index, stop=stops)
    def cancel(self, n: int, stop: int | None) -> None:
        videos = self._open() or list(self.promises.history.videos.values())
        video = videos[n % len(videos)]
        self.tally.note(f"cancel: {video.status} {video.substate or 'resting'}")
        self.run(self.world.act("cancel", self._cancel(video.tenant, video.id), Plan(stop_at=stop)))

    def _open(self) -> list[Video]:
        return [video for video in self.promises.history.videos.values() if not video.ended]

    async def _cancel(self, tenant: str, id: str) -> None:
        try:
            await self.world.gateway.cancels.cancel(tenant, id)
        except AlreadyEnded:
            self.tally.note("cancel: already ended")

    @precondition(lambda self: self.promises.history.sums["tenant:prepaid:available", "micros"] < 200_000)
    @rule(amount=st.sampled_from([100_000, 500_000, 1_000_000]), stop=stops)
    def top_up(self, amount: int, stop: int | None) -> None:
        ledger = self.world.gateway.ledger
        work = ledger.top_up("prepaid", amount, actor="operator", note="", key=None)
        self.run(self.world.act("top up", work, Plan(stop_at=stop)))
        self.tally.note("top up")

    @rule(amount=st.sampled_from([-400_000, -100_000, 50_000]), stop=stops)
    def correct(self, amount: int, stop: int | None) -> None:
        """An operator corrects a balance; he can not take what is not there."""
        self.run(self.world.act("correct", self._correct(amount), Plan(stop_at=stop)))

    async def _correct(self, amount: int) -> None:
        try:
            await self.world.gateway.ledger.adjust("prepaid", amount, actor="operator", note="", key=None)
        except InvalidRequest as refusal:
            self.tally.note(f"correct: {refusal.errors[0].code}")
        else:
            self.tally.note("correct: booked")

    # time and the worker

    @rule(span=st.sampled_from([200, 1_000, 5_000, 20_000, MINUTE, 10 * MINUTE, 2 * HOUR]), beats=st.booleans())
    def wait(self, span: int, beats: bool) -> None:
        self.world.clock.at += span
        if beats:
            self.run(self.world.beat())

    @rule(manner=manners, kind=kinds)
    def work(self, manner: Manner, kind: TaskKind | None) -> None:
        """The worker does what is due next; when nothing is, time passes until something is."""
        self.run(self._work(Plan(manner), kind))

    @rule(manner=manners, kind=kinds, stop=st.integers(1, 8))
    def work_slowly(self, manner: Manner, kind: TaskKind | None, stop: int) -> None:
        """The same, and it is kept waiting on its way."""
        self.run(self._work(Plan(manner, stop_at=stop), kind))

    @rule(manner=manners, kind=kinds, fault=st.sampled_from(FAULTS), nth=st.integers(1, 3))
    def work_while_the_database_fails(self, manner: Manner, kind: TaskKind | None, fault: str, nth: int) -> None:
        self.run(self._work(Plan(manner, fault=(nth, fault)), kind))

    async def _work(self, plan: Plan, kind: TaskKind | None) -> None:
        due = await self.world.next_due()
        if due is not None and due < self.world.clock.at + 3 * HOUR:
            self.world.clock.at = max(self.world.clock.at, due)
        await self.world.work(plan, kind)

    @rule(manner=manners)
    def work_all(self, manner: Manner) -> None:
        """The worker does everything that is due."""
        for _ in range(8):
            if self.run(self.world.work(Plan(manner))) is None:
                break
            self.promises_hold()

    @rule()
    def work_well(self) -> None:
        """The worker does what is due next, and the upstreams are well."""
        self.run(self._work(Plan(), None))

    @rule(kind=kinds)
    def work_on(self, kind: TaskKind | None) -> None:
        """The same, for three tasks."""
        for _ in range(3):
            self.run(self._work(Plan(), kind))
            self.promises_hold()

    @precondition(lambda self: self.world.actors)
    @rule(n=index, manner=manners)
    def resume(self, n: int, manner: Manner) -> None:
        """Something that waited goes on; an answer that was due comes, or is lost."""
        actor = self.world.actors[n % len(self.world.actors)]
        self.run(self.world.resume(actor, manner if actor.where == "under way" else _late(manner)))

    # upstreams

    @precondition(lambda self: any(not job.ended for job in self.world.upstreams.jobs))
    @rule(
        n=index,
        how=st.sampled_from(["completed", "failed", "goes on", "goes on"]),
        hooks=st.integers(0, 2),
        stop=stops,
    )
    def make(self, n: int, how: str, hooks: int, stop: int | None) -> None:
        """An upstream gets on with a video, and may call."""
        jobs = [job for job in self.world.upstreams.jobs if not job.ended]
        job = jobs[n % len(jobs)]
        self.tally.note(f"job: {how}")
        if how == "goes on":
            job.progress = min(job.progress + 30, 99)
            self.world.upstreams.hook(job)  # this one takes its time
        else:
            self.world.upstreams.finish(job, how)
        for _ in range(hooks if job.callback else 0):
            self.run(self._call(job, self.world.upstreams.hook(job), stop))

    @rule(tenant=tenants, phase=st.sampled_from(["completed", "failed"]))
    def call_before_the_answer(self, tenant: str, phase: str) -> None:
        """An upstream is done with a video, and calls, before it has answered that it takes it on."""
        self._wish(tenant, RoutingWish(only=(DOITONG,)))
        known = len(self.world.upstreams.jobs)
        self.run(self.world.work(Plan(Manner(Answer.SLOW)), TaskKind.SUBMIT))
        for job in self.world.upstreams.jobs[known:]:
            if job.callback:
                self.world.upstreams.finish(job, phase)
                self.run(self._call(job, self.world.upstreams.hook(job), None))

    @precondition(lambda self: any(job.hooks for job in self.world.upstreams.jobs))
    @rule(n=index, stop=stops)
    def call_again(self, n: int, stop: int | None) -> None:
        """A hook that was sent before comes late, or once more."""
        jobs = [job for job in self.world.upstreams.jobs if job.hooks]
        job = jobs[n % len(jobs)]
        self.tally.note("hook: an old one")
        self.run(self._call(job, job.hooks[n % len(job.hooks)], stop))

    @precondition(lambda self: not self.forged and any(job.callback for job in self.world.upstreams.jobs))
    @rule(n=index)
    def forge(self, n: int) -> None:
        """Somebody who knows an address, and not the secret, calls."""
        jobs = [job for job in self.world.upstreams.jobs if job.callback]
        job = jobs[n % len(jobs)]
        body = b'{"id": "%s", "status": "completed", "url": "https://cdn.doitong.com/evil.mp4"}' % job.ref.encode()
        self.forged = True
        forged = Hook(headers=(("x-doitong-signature", signature(body, "a guess")),), body=body)
        self.run(self._forged(job, forged))

    async def _forged(self, job: Job, hook: Hook) -> None:
        try:
            await self.world.gateway.hooks.hear("doitong", _token(job), hook)
        except Unauthenticated:
            self.tally.note("hook: forged")
        else:
            raise AssertionError("B1: a forged hook was believed")

    async def _call(self, job: Job, hook: Hook, stop: int | None) -> None:
        attempt = await self.world.gateway.store.read(lambda tx: tx.attempts.get(_token(job).partition(".")[0]))
        state = "of nobody" if attempt is None else attempt.state
        self.tally.note(f"hook: while {state}")
        await self.world.act("hook", self.world.gateway.hooks.hear("doitong", _token(job), hook), Plan(stop_at=stop))

    @rule(trouble=st.sampled_from(["unreachable", "not found"]), times=st.integers(1, 3))
    def trouble_polls(self, trouble: str, times: int) -> None:
        self.world.upstreams.poll_troubles.extend([trouble] * times)

    @rule(trouble=st.sampled_from(["unreachable", "gone"]), times=st.integers(1, 7))
    def trouble_files(self, trouble: str, times: int) -> None:
        self.world.upstreams.file_troubles.extend([trouble] * times)

    # misfortune and operators

    @rule()
    def all_is_quiet(self) -> None:
        """What Hypothesis puts in the place of a step that a failure does not need."""

    @precondition(lambda self: self.world.actors or self._open())
    @rule()
    def crash(self) -> None:
        self.tally.note("crash")
        for actor in self.world.actors:
            self.tally.note(f"crash: {actor.where}")
        self.run(self.world.crash())

    @rule(point=st.sampled_from(PROBES), tenant=tenants, only=providers, manner=manners)
    def die_while_sending(self, point: str, tenant: str, only: tuple[str, ...], manner: Manner) -> None:
        """The process is killed at a named point of a submit."""
        self._wish(tenant, RoutingWish(only=only))
        self.run(self._work(Plan(manner, die_at=point), TaskKind.SUBMIT))

    @precondition(lambda self: self._open())
    @rule(point=st.sampled_from(POINTS), manner=manners, kind=kinds)
    def die_at_work(self, point: str, manner: Manner, kind: TaskKind | None) -> None:
        self.run(self._work(Plan(manner, die_at=point), kind))

    @precondition(lambda self: self.restores_left and self.promises.acknowledged - self.at_backup)
    @rule()
    def back_up(self) -> None:
        self.backup = self.run(self.world.back_up())
        self.at_backup = set(self.promises.acknowledged)
        self.wishes_at_backup = len(self.wishes)
        self.tally.note("backup")

    @precondition(lambda self: self.backup is not None and self.restores_left)
    @rule()
    def restore(self) -> None:
        """An operator puts an older database in place: what was accepted since is lost, and nothing may be sent."""
        assert self.backup is not None
        self.world.clock.at += 1_000
        self.tally.note("restore")
        self.restores_left -= 1
        self.promises.acknowledged = set(self.at_backup)
        self.promises.forget()
        since = self.wishes[self.wishes_at_backup :]  # who asks for one of these again gets another video
        self.wishes[self.wishes_at_backup :] = [replace(order, key=None) for order in since]
        self.run(self.world.restore(self.backup))
        self.quarantined = True

    @precondition(lambda self: self.quarantined)
    @rule(waiting=st.sampled_from(list(Waiting)))
    def release(self, waiting: Waiting) -> None:
        self.run(self._release(waiting))

    async def _release(self, waiting: Waiting) -> None:
        unsent = await self.world.gateway.store.read(lambda tx: tx.instance.unsent(1_000))
        released = await self.world.gateway.quarantine.release(waiting, "operator", self.world.clock.now())
        if waiting is Waiting.RESUME:
            self.promises.sanctioned.update(unsent)
        self.tally.note(f"release: {waiting}")
        self.tally.note(f"release: videos {waiting}", released.failed or released.resumed)
        self.quarantined = False

    @precondition(lambda self: self._unknown())
    @rule(n=index, stop=stops)
    def resolve(self, n: int, stop: int | None) -> None:
        """An operator looks a lost attempt up in the provider's books, and says what he found."""
        lost = self._unknown()
        attempt = lost[n % len(lost)]
        job = self._find(attempt)
        unknowns = self.world.gateway.unknowns
        if job is None:
            work: Coroutine[Any, Any, Any] = unknowns.void(attempt.id, actor="operator")
        else:
            work = unknowns.bind(attempt.id, job.ref, actor="operator")
        self.run(self.world.act("resolve", self._resolve(work, "void" if job is None else "bind"), Plan(stop_at=stop)))

    async def _resolve(self, work: Coroutine[Any, Any, Any], verb: str) -> None:
        try:
            await work
        except (NotUnknown, RefTaken) as refusal:
            self.tally.note(f"operator: {verb} {refusal.code}")
        else:
            self.tally.note(f"operator: {verb}")

    def _unknown(self) -> list[Attempt]:
        attempts = self.promises.history.attempts.values()
        return [one for one in attempts if one.state is AttemptState.UNKNOWN and one.ref is None]

    def _find(self, attempt: Attempt) -> Job | None:
        """The job that the provider's books have for it, which no other attempt is known to have made."""
        bound = {(one.account, one.ref) for one in self.promises.history.attempts.values()}
        prompt = self.promises.history.videos[attempt.video].spec.prompt
        for job in self.world.upstreams.jobs:
            mine = job.key == attempt.key if job.key else job.prompt == prompt
            if job.account == attempt.account and mine and (job.account, job.ref) not in bound:
                return job
        return None

    # what must hold

    @invariant()
    def promises_hold(self) -> None:
        self.run(self.promises.check())

    def teardown(self) -> None:
        try:
            if not self.broken:
                self.run(self._heal())
                self.run(self.promises.check())
                self.run(self.promises.check_rest())
                self._count_ends()
        finally:
            if hasattr(self, "world"):
                loop().run_until_complete(self.world.stop())
            shutil.rmtree(self.root)

    async def _heal(self) -> None:
        """Every fault stops, everything that waited goes on, and time passes until nothing is left to do."""
        upstreams = self.world.upstreams
        self.world.healed_at = self.world.clock.at
        upstreams.poll_troubles.clear()
        upstreams.file_troubles.clear()
        while self.world.actors:
            await self.world.resume(self.world.actors[0], Manner())
            await self.promises.check()
        if self.quarantined:
            await self._release(Waiting.FAIL)
        for n, job in enumerate(upstreams.jobs):
            if not job.ended:
                upstreams.finish(job, "failed" if n % 3 == 0 else "completed")
        for n in range(QUIET):
            due = await self.world.next_due()
            if due is None:
                return
            pause = 0 if n < 20 else MINUTE if n < 100 else 10 * MINUTE  # who waits for room looks five times a second
            self.world.clock.at = max(self.world.clock.at + pause, due)
            actor = await self.world.work(Plan())
            for job in upstreams.jobs:  # what is sent only now is made as well
                if not job.ended:
                    upstreams.finish(job, "completed")
            assert actor is None or actor.parked is None
            await self.promises.check()
        raise AssertionError("it never comes to rest")

    def _count_ends(self) -> None:
        for video in self.promises.history.videos.values():
            error = f" {video.error.code}" if video.error else ""
            self.tally.note(f"video: {video.status}{error}")
            if video.charged:
                self.tally.note(f"video: {video.status} and charged")
        for attempt in self.promises.history.attempts.values():
            self.tally.note(f"attempt: {attempt.state}")
            video = self.promises.history.videos[attempt.video]
            if attempt.state == "succeeded" and video.status == "failed":
                self.tally.note("late success")


def _late(manner: Manner) -> Manner:
    """An answer to what was billed: it comes, or is lost."""
    return Manner(Answer.LOSE_AFTER if manner.answer is Answer.LOSE_AFTER else Answer.ACCEPT, manner.says, manner.share)


def _token(job: Job) -> str:
    return (job.callback or "").rpartition("/")[2]


def _order(tenant: str, spec: VideoSpec, routing: RoutingWish, *, key: str | None) -> Order:
    return Order(
        tenant=tenant,
        spec=spec,
        routing=routing,
        metadata={},
        key=key,
        fingerprint=fingerprint(spec, routing, {}),
    )


@cache
def _template() -> Path:
    """A database that is migrated already, for every walk to begin with."""
    root = Path(tempfile.mkdtemp(prefix="promises-", dir=scratch()))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    world = World(root, 0, Tally(), honours_keys=True)
    loop().run_until_complete(world.start())
    loop().run_until_complete(world.stop())
    return world.database
