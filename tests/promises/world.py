"""A gateway that can be stopped anywhere, killed and restored: real services, real SQLite files, a virtual clock."""

import asyncio
import contextvars
import random
import shutil
import ssl
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from msgspec.structs import replace

from gateway import upkeep
from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    SecretsSettings,
    ServerSettings,
    Settings,
    TenantSetup,
    Timing,
)
from gateway.store.backup import back_up
from gateway.store.database import CommitUnknown, Database, Migration, StoreUnavailable, Work
from gateway.store.store import Transaction
from gateway.store.tasks import ALL_KINDS, Task, TaskKind
from gateway.wiring import Gateway, Seams, gateway
from providers.registry import KINDS, by_name
from schema.account import Account, Limits, Secret
from schema.clock import Millis
from schema.tenant import Funding, FundingMode, RoutingPolicy, Tenant
from schema.video import OnUnknown
from tests.promises.tally import Tally
from tests.promises.upstream import DOITONG, HOOK_SECRET, VEO, Manner, Upstreams, Wire

T = TypeVar("T")

START: Millis = 1_795_215_600_000
"""2026-11-20 23:00 UTC: budgets of a day meet its end."""

PROBES = ("before_intent", "intended", "bytes_sent", "answered", "before_record")
POINTS = ("before a write", "after a write", "downloading", "asking")
"""Where a process is killed: at the points a submit tells, and at those every handler passes."""

FAULTS = ("away", "answer lost, kept", "answer lost, not kept")
"""What the database may do to a write."""

AWAY, LOST = "the database is away", "the answer to the commit is lost"
EXPECTED = (AWAY, LOST, "")
"""Why a task may be put off."""

TIMING = Timing(submit_deadline_seconds=10_000, asset_timeout_seconds=10_000)
KEY = Secret("a secret key for tests, which is long enough")
TENANTS = (
    Tenant(id="prepaid", name="prepaid", test=True, funding=Funding(mode=FundingMode.PREPAID, opening=600_000)),
    Tenant(id="postpaid", name="postpaid", test=True, routing=RoutingPolicy(on_unknown=OnUnknown.RETRY)),
    Tenant(id="budget", name="budget", test=True, funding=Funding(per_day=800_000, per_month=1_400_000)),
)
PATIENCE = 3_000.0
"""Seconds of the hurried loop for which one step may run; then it hangs."""


class Killed(BaseException):
    """The process ends here: no handler runs, nothing is written any more."""


@dataclass
class VirtualClock:
    at: Millis = START

    def now(self) -> Millis:
        return self.at


@dataclass
class Plan:
    """How one piece of work is run.

    Attributes:
        stop_at: at its so-manyth point it is kept waiting until it is resumed.
        die_at: the first point of this name at which the process is killed.
        fault: what the database does to its so-manyth write.
    """

    manner: Manner = field(default_factory=Manner)
    stop_at: int | None = None
    die_at: str | None = None
    fault: tuple[int, str] | None = None


@dataclass
class Actor:
    """A piece of work under way: a handler, a request or a hook."""

    name: str
    plan: Plan
    task: "asyncio.Task[Any]" = field(init=False)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    parked: "asyncio.Future[None] | None" = None
    where: str = ""
    points: int = 0
    writes: int = 0


_ACTOR: contextvars.ContextVar[Actor | None] = contextvars.ContextVar("actor", default=None)


class World:
    """One walk's world. Only one actor moves at a time, so that a walk is the same whenever it is walked."""

    def __init__(self, root: Path, seed: int, tally: Tally, *, honours_keys: bool) -> None:
        self.root = root
        self.tally = tally
        self.clock = VirtualClock()
        self.random = random.Random(seed)  # noqa: S311 - luck that can be had again
        self.upstreams = Upstreams(tally, honours_keys=honours_keys)
        self.actors: list[Actor] = []
        self.failures: list[BaseException] = []
        self.gateway: Gateway
        self.healed_at: Millis = 0
        self.dead = False
        self._life = 0
        self._stack = AsyncExitStack()
        self._tasks: list[TaskKind] = []

    # lives

    @property
    def folder(self) -> Path:
        return self.root / f"life-{self._life}"

    @property
    def database(self) -> Path:
        return self.folder / "filmgate.db"

    async def start(self) -> None:
        """Begin a life on the files of the folder."""
        self.folder.mkdir(exist_ok=True)
        self.dead = False
        seams = Seams(
            clock=self.clock,
            luck=self.random.random,
            entropy=self.random.randbytes,
            probe=self._probe,
            verify=_unused(),
            transport=Wire(self.upstreams, self._gate),
        )
        self.gateway = await self._stack.enter_async_context(gateway(_settings(self.root, self.database), seams))
        store = self.gateway.store
        store.database = Paced(store.database, self._around)

    async def stop(self) -> None:
        """Let go of a life, whatever it was at; what it still writes, nobody reads."""
        self.dead = True
        actors, self.actors = self.actors, []
        for actor in actors:
            if actor.parked is not None and not actor.parked.done():
                actor.parked.set_exception(Killed())
        await asyncio.gather(*(actor.task for actor in actors), return_exceptions=True)
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def crash(self) -> None:
        """Kill the process and start another on what it leaves behind."""
        await self._kill()
        await self.start()

    async def back_up(self) -> Path:
        file = self.root / "backup.db"
        back_up(self.database, file)
        return file

    async def restore(self, file: Path) -> None:
        """Kill the process, make a backup the database, start again: in quarantine."""
        await self._kill()
        await upkeep.restore(file, self.database, self.clock)
        await self.start()

    async def _kill(self) -> None:
        if not self.dead:
            self._leave_behind()
        await self.stop()
        gone = self.folder
        self._life += 1
        shutil.rmtree(gone)

    def _leave_behind(self) -> None:
        """Copy the files as they are at this instant: what a kill leaves."""
        self.dead = True
        self.upstreams.answers_lost()
        heir = self.root / f"life-{self._life + 1}"
        (heir / "filmgate-data" / "journal").mkdir(parents=True)
        for name in ("filmgate.db", "filmgate.db-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, heir / name)
        for journal in (self.folder / "filmgate-data" / "journal").glob("*.jsonl"):
            shutil.copyfile(journal, heir / "filmgate-data" / "journal" / journal.name)

    def file_exists(self, key: str) -> bool:
        return (self.root / "assets" / key).is_file()

    # actors

    async def act(self, name: str, work: Coroutine[Any, Any, Any], plan: Plan | None = None) -> Actor:
        """Begin a piece of work, and let it run until it ends or waits."""
        actor = Actor(name, plan or Plan())
        context = contextvars.copy_context()
        context.run(_ACTOR.set, actor)
        actor.task = asyncio.get_running_loop().create_task(work, context=context)
        actor.task.add_done_callback(lambda _: actor.moved.set())
        self.actors.append(actor)
        await self._settle(actor)
        return actor

    async def resume(self, actor: Actor, manner: Manner | None = None) -> None:
        """Let one that waits go on; on a busy machine a deadline may have made it go on before."""
        assert actor.parked is not None
        actor.plan = replace_plan(actor.plan, manner)
        parked, actor.parked = actor.parked, None
        if not parked.done():
            actor.moved.clear()
            parked.set_result(None)
        await self._settle(actor)

    async def _settle(self, actor: Actor) -> None:
        async with asyncio.timeout(PATIENCE):
            await actor.moved.wait()
        if not actor.task.done():
            return
        if actor in self.actors:
            self.actors.remove(actor)
        error = actor.task.exception()
        if isinstance(error, Killed):
            self.tally.note(f"killed: {actor.plan.die_at}")
            await self._kill()
            await self.start()

    async def _point(self, name: str) -> Actor | None:
        """A point on the way of an actor: here it may be kept waiting, or the process killed."""
        if self.dead:
            raise Killed
        actor = _ACTOR.get()
        if actor is None:
            return None
        self._die(actor, name)
        actor.points += 1
        if actor.points == actor.plan.stop_at:
            await self._park(actor, name)
        return actor

    async def _park(self, actor: Actor, where: str) -> None:
        self.tally.note(f"kept waiting: {where}")
        actor.where = where
        actor.parked = asyncio.get_running_loop().create_future()
        actor.moved.set()
        try:
            await actor.parked
        except asyncio.CancelledError:
            actor.moved.clear()
            raise

    def _die(self, actor: Actor, name: str) -> None:
        if actor.plan.die_at == name:
            self._leave_behind()
            raise Killed

    def _probe(self, name: str) -> None:
        if self.dead:
            raise Killed
        if name == "before_record":
            self.upstreams.answers_kept()
        actor = _ACTOR.get()
        if actor is not None:
            self._die(actor, name)

    async def _gate(self, where: str) -> Manner:
        actor = await self._point(where)
        if actor is None:
            return Manner()
        if where in ("under way", "answer due"):
            await self._park(actor, where)
        return actor.plan.manner

    async def _around(self, write: Callable[[], Awaitable[T]]) -> T:
        """Every write: a point before it and one behind, and what a database may do to it."""
        actor = await self._point("before a write")
        fault = None
        if actor is not None:
            actor.writes += 1
            fault = actor.plan.fault[1] if actor.plan.fault and actor.plan.fault[0] == actor.writes else None
        if fault is not None:
            self.tally.note(f"database: {fault}")
        if fault == "away":
            raise StoreUnavailable(AWAY, retry_after_seconds=1)
        if fault == "answer lost, not kept":
            raise CommitUnknown(LOST)
        result = await write()
        if fault == "answer lost, kept":
            raise CommitUnknown(LOST)
        await self._point("after a write")
        return result

    # the worker's own code, one task at a time

    async def claim(self, preferred: TaskKind | None) -> Task | None:
        """The next due task that the worker would take, of a kind if there is one."""
        worker, now = self.gateway.worker, self.clock.now()
        room, kinds = await worker._room()
        if room <= 0:
            return None
        if TaskKind.SUBMIT in kinds:
            await self.gateway.queue.call()
        for chosen in ((preferred,) if preferred in kinds else (), kinds):
            claim = partial(_claim, worker=worker._name, now=now, until=now + worker._lease, kinds=chosen)
            claimed = await self.gateway.store.write(claim) if chosen else []
            if claimed:
                return claimed[0]
        return None

    async def work(self, plan: Plan, preferred: TaskKind | None = None) -> Actor | None:
        """Let the worker do one task that is due."""
        task = await self.claim(preferred)
        if task is None:
            return None
        self.tally.note(f"task: {task.kind}")
        return await self.act(f"{task.kind} {task.subject}", self._do(task), plan)

    async def _do(self, task: Task) -> None:
        worker = self.gateway.worker
        await worker._begin(task)
        running = next((one for one, its in worker._running.items() if its is task), None)
        if running is not None:
            await asyncio.wait([running])
            running.result()

    async def next_due(self) -> Millis | None:
        return await self.gateway.store.read(lambda tx: tx.tasks.next_due(ALL_KINDS))

    async def beat(self) -> None:
        """The worker says it lives."""
        worker = self.gateway.worker
        if worker._running:
            await worker._renew(self.clock.now() + worker._lease)


async def _claim(
    tx: Transaction, *, worker: str, now: Millis, until: Millis, kinds: tuple[TaskKind, ...]
) -> list[Task]:
    return await tx.tasks.claim(worker, now=now, until=until, limit=1, kinds=kinds)


def replace_plan(plan: Plan, manner: Manner | None) -> Plan:
    """What is left of a plan when it goes on."""
    return Plan(manner=manner or plan.manner, die_at=plan.die_at)


class Paced:
    """A database with a point before and behind each write."""

    def __init__(self, inner: Database, around: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self._inner = inner
        self._around = around

    @property
    def name(self) -> str:
        return self._inner.name

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        result: T = await self._around(lambda: self._inner.write(work, tenant=tenant))
        return result

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        return await self._inner.read(work, tenant=tenant, snapshot=snapshot)

    async def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        return await self._inner.migrate(migrations)

    async def pending(self, migrations: Sequence[Migration]) -> list[str]:
        return await self._inner.pending(migrations)

    async def announce(self, topics: Collection[str]) -> None:
        await self._inner.announce(topics)

    async def listen(self, heard: Callable[[list[str]], None]) -> None:
        await self._inner.listen(heard)

    async def ping(self) -> None:
        await self._inner.ping()

    async def close(self) -> None:
        await self._inner.close()


@cache
def _unused() -> ssl.SSLContext:
    """Nothing here speaks TLS; making a real one would cost more than a walk."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _settings(root: Path, database: Path) -> Settings:
    return Settings(
        secrets=SecretsSettings(key=KEY),
        server=ServerSettings(public_url="https://gateway.test"),
        database=DatabaseSettings(url=f"sqlite:///{database}"),
        assets=AssetsSettings(url=f"file://{root}/assets"),
        timing=TIMING,
        accounts=_accounts(),
        tenants=tuple(TenantSetup(tenant=tenant) for tenant in TENANTS),
    )


@cache
def _accounts() -> tuple[Account, ...]:
    kinds = by_name(KINDS)
    veo = Account(
        id=VEO,
        provider="veo3o1",
        base_url="https://veo.test",
        credential=Secret("veo"),
        price_per_credit=200_000,
        limits=Limits(concurrent=2),
        options=kinds["veo3o1"].options(),
        sandbox=True,
    )
    doitong = replace(
        veo,
        id=DOITONG,
        provider="doitong",
        base_url="https://doitong.test",
        price_per_credit=1_000,
        limits=Limits(concurrent=3),
        webhook_secrets=(Secret(HOOK_SECRET),),
        options=kinds["doitong"].options(),
    )
    return veo, doitong


class Listening:
    """What the gateway logs goes nowhere but here: a handler that crashed is a broken promise."""

    def __init__(self, tally: Tally) -> None:
        self.crashed: list[str] = []
        self.tally = tally

    def __call__(self, logger: Any, method: str, event: Any) -> Any:
        name, error = str(event.get("event")), str(event.get("error", ""))
        self.tally.note(f"log: {name}")
        if name == "task.crashed":
            self.crashed.append(f"{event!r} {traceback.format_exc()}")
        elif name == "task.put_off" and error not in EXPECTED:
            self.crashed.append(f"{event!r}")
        raise structlog.DropEvent
