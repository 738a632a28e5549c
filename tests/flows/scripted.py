"""A day at a gateway, told by a test: its real services on a real database, and no network but what the test says."""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace

from gateway.config.settings import Settings, TenantSetup, Timing
from gateway.fetcher import Fetched
from gateway.policy.auditing import Finding
from gateway.policy.signing import callback_token, fingerprint
from gateway.policy.verdict import Outcome
from gateway.probe import Point
from gateway.sandbox.mp4 import clip
from gateway.services.audit import Audit
from gateway.services.records import Case
from gateway.services.updates import Updates
from gateway.store.store import Transaction
from gateway.store.tasks import StaleLease, Task, TaskKind
from gateway.wiring import Gateway, Seams, gateway
from providers.base import Accepted, Hook, Phase, Update
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Millis
from schema.errors import FailureKind
from schema.ledger import MICROS_UNIT
from schema.lifecycle import LIVE, AttemptState
from schema.money import Credits
from schema.tenant import Funding, FundingMode, RoutingPolicy, Tenant
from schema.video import Order, RoutingWish, Video, VideoSpec
from tests.flows.engine import an_account, settings
from tests.flows.hostile import DOITONG, VEO3O1, Request
from tests.support.certificates import certificates

MIDNIGHT = 1_790_812_800_000
"""2026-10-01, 00:00 UTC."""

NOBODY = "http://127.0.0.1:9"
FILES = {"veo-main": "https://cdn.veo3o1.com/film.mp4", "doitong-main": "https://cdn.doitong.com/film.mp4"}
HOOK_SECRET = b"a hook secret"
ALL = 1_000


@dataclass
class Daytime:
    """A clock that stands still until it is moved."""

    moment: Millis

    def now(self) -> Millis:
        return self.moment

    def on(self, seconds: float) -> None:
        self.moment += round(seconds * 1000)


class Unsent(Exception):
    """The intent is written down, and this test does the sending."""


def halt(point: Point) -> None:
    if point is Point.INTENDED:
        raise Unsent


def evenly() -> float:
    return 0.5


TENANTS = {
    "acme": Funding(mode=FundingMode.PREPAID, opening=13_500_000),
    "bluebird": Funding(),
    "cedar": Funding(per_day=7_500_000),
}


def honest(sent: list[str]) -> httpx.MockTransport:
    """Both providers as they should be: what they take is made by the first poll. ``sent`` lists the jobs paid for."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = Request(request.method, request.url.path, dict(request.headers), request.content)
        if asked.path.endswith(".mp4"):
            return answered(clip("16:9", 1, 0))
        dialect = DOITONG if asked.path.endswith("/graphql") else VEO3O1
        if not dialect.is_paid(asked):
            return answered(dialect.done(dialect.ref_of(asked), f"https://cdn.{dialect.provider}.com/film.mp4"))
        sent.append(f"job-{len(sent) + 1}")
        return answered(dialect.accepted(sent[-1]))

    return httpx.MockTransport(answer)


def answered(body: bytes) -> httpx.Response:
    """An answer that is read as one from the network is."""
    return httpx.Response(200, stream=httpx.ByteStream(body))


def the_settings(
    folder: Path, database_url: str | None = None, tenants_funding: Mapping[str, Funding] = TENANTS
) -> Settings:
    """Two accounts: videos cost 2 credits at 20 cents, or 100 to 200 (high: 300 to 500) at a tenth of a cent."""
    chosen = settings(
        folder,
        an_account("veo-main", "veo3o1", NOBODY, price_per_credit=200_000),
        an_account("doitong-main", "doitong", NOBODY, price_per_credit=1_000),
        timing=Timing(breaker_failures=1_000),  # what accounts answer is the script's: none is to be left alone
        database_url=database_url,
    )
    routing = RoutingPolicy(order=("veo-main", "doitong-main"))
    tenants = tuple(
        TenantSetup(tenant=Tenant(id=id, name=id, routing=routing, funding=funding, test=True))
        for id, funding in tenants_funding.items()
    )
    return replace(chosen, tenants=tenants)


@asynccontextmanager
async def opened(
    folder: Path,
    at: Millis,
    database_url: str | None = None,
    *,
    clock: Daytime | None = None,
    funding: Mapping[str, Funding] | None = None,
    **seams: Any,
) -> AsyncIterator["Day"]:
    """The gateway at a moment; its worker does not run. ``funding`` is how some tenants pay, or new ones."""
    clock = clock or Daytime(at)
    entropy = random.Random(at).randbytes  # noqa: S311 - the same day every time
    usual: dict[str, Any] = {"luck": evenly, "entropy": entropy, "probe": halt, "verify": certificates()}
    chosen = the_settings(folder, database_url, TENANTS | dict(funding or {}))
    async with gateway(chosen, Seams(clock=clock, **(usual | seams))) as built:
        yield Day(built, clock, folder)


@dataclass
class Day:
    """The gateway, and both ends of it: what tenants ask and what providers do.

    ``bills`` is the providers' own book: account, attempt and credits, in the order they were taken.
    """

    gateway: Gateway
    clock: Daytime
    folder: Path
    bills: list[tuple[str, str, Credits]] = field(default_factory=list)
    refs: int = 0

    # tenants

    async def ask(
        self, tenant: str, *, seconds: int | None = None, quality: Any = None, resent: bool = False, **routing: Any
    ) -> Video:
        """A wish that is accepted; ``resent`` when its SDK says that it sends it again."""
        found = self.gateway.tenants.get(tenant)
        assert found is not None
        spec, wish = VideoSpec(prompt="a fox", seconds=seconds, quality=quality), RoutingWish(**routing)
        order = Order(
            tenant=tenant,
            spec=spec,
            routing=wish,
            metadata={},
            key=None,
            fingerprint=fingerprint(spec, wish, {}),
            resent=resent,
        )
        return (await self.gateway.videos.accept(found, order)).video

    async def cancel(self, video: Video) -> None:
        await self.gateway.cancels.cancel(video.tenant, video.id)

    async def look(self, video: Video) -> Video:
        """How a video is by now."""
        return await self.gateway.videos.get(video.tenant, video.id)

    # what an operator sees

    async def sum_of(self, account: str, unit: str = MICROS_UNIT) -> int:
        """What an account of the ledger stands at."""
        sums = await self.gateway.store.read(lambda tx: tx.ledger.balances())
        return sums.get((account, unit), 0)

    async def audit(self) -> list[Finding]:
        return await Audit(store=self.gateway.store, tenants=self.gateway.tenants, clock=self.clock).verify()

    # what the worker does until it would send

    def _service(self, kind: TaskKind) -> Any:
        handler: Any = self.gateway.worker._handlers[kind]
        return handler.__self__

    async def _claim(self, kind: TaskKind, limit: int) -> list[Task]:
        now = self.clock.now()
        return await self.gateway.store.write(
            lambda tx: tx.tasks.claim("day", now=now, until=now + 1_000, limit=limit, kinds=(kind,))
        )

    async def _task(self, kind: TaskKind, subject: str) -> Task:
        return next(task for task in await self._claim(kind, ALL) if task.subject == subject)

    async def work(self, kind: TaskKind, limit: int = ALL) -> None:
        """Do what is due of a kind, all at once, as a worker does."""
        await asyncio.gather(*(self._work(task) for task in await self._claim(kind, limit)))

    async def _work(self, task: Task) -> None:
        with suppress(StaleLease):  # somebody else has it by now
            await self.gateway.worker._handlers[task.kind](task)

    async def intend(self, video: Video) -> Attempt:
        """The next attempt of a video, written down and not sent yet."""
        self.clock.on(2)
        task = await self._task(TaskKind.SUBMIT, video.id)
        try:
            await self._service(TaskKind.SUBMIT).handle(task)
        except Unsent:
            return (await self.attempts(video))[-1]
        raise AssertionError("nobody could take it")

    async def attempts(self, video: Video) -> list[Attempt]:
        return await self.gateway.store.read(lambda tx: tx.attempts.of_video(video.id))

    async def expire(self, attempt: Attempt) -> None:
        """The attempt's watch is due."""
        await self._service(TaskKind.WATCH).handle(await self._task(TaskKind.WATCH, attempt.id))

    # providers

    async def outcome(self, attempt: Attempt, outcome: Outcome) -> None:
        self.clock.on(1)
        await self._hear(attempt, lambda updates, case: updates.outcome(case, outcome))

    async def _hear(self, attempt: Attempt, what: Callable[[Updates, Case], Awaitable[None]]) -> None:
        """What came from outside, written down as an answer, a poll and a hook are."""
        watches, now = self._service(TaskKind.WATCH), self.clock.now()

        async def work(tx: Transaction) -> None:
            case = await watches._records.case(tx, attempt.video, attempt.id, now)
            await what(watches._updates, case)

        await self.gateway.store.write(work)

    async def take(self, attempt: Attempt, bill: Credits) -> str:
        """The provider accepts, and bills at once: the job's id."""
        self.refs += 1
        ref = f"job-{self.refs}"
        self.bills.append((attempt.account, attempt.id, bill))
        await self.outcome(attempt, Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref=ref)))
        return ref

    async def lose(self, attempt: Attempt) -> None:
        await self.outcome(attempt, Outcome(verdict=Verdict.UNKNOWN, reason=Reason(FailureKind.LOST)))

    async def refuse(self, attempt: Attempt, kind: FailureKind, **told: Any) -> None:
        verdict = Verdict.NOT_SENT if kind is FailureKind.UNREACHABLE else Verdict.REJECTED
        await self.outcome(attempt, Outcome(verdict=verdict, reason=Reason(kind), retry_after=60, **told))

    async def dry(self, attempt: Attempt, bought: Credits) -> None:
        """The account is empty, it says, and how empty: so much was bought, and its own book knows the rest."""
        spent = sum(credits for account, _, credits in self.bills if account == attempt.account)
        await self.refuse(attempt, FailureKind.OUT_OF_CREDITS, credits_available=bought - spent)
        self.clock.on(61)

    async def news(self, attempt: Attempt, ref: str, phase: Phase, **told: Any) -> None:
        self.clock.on(20)
        update = Update(ref=ref, phase=phase, **told)
        await self._hear(attempt, lambda updates, case: updates.news(case, update))

    async def hook(self, attempt: Attempt, ref: str, status: str, **told: Any) -> None:
        """The provider of doitong-main calls back, in its own words and signed."""
        self.clock.on(1)
        body = json.dumps({"id": ref, "status": status, **told}).encode()
        signature = f"sha256={hmac.digest(HOOK_SECRET, body, 'sha256').hex()}"
        hook = Hook(headers=(("x-doitong-signature", signature),), body=body)
        await self.gateway.hooks.hear(attempt.provider, callback_token(self.gateway.ground.root, attempt.id), hook)

    async def make(self, attempt: Attempt, ref: str, credits: Credits | None = None) -> None:
        """The provider made it, and its file is copied here."""
        await self.news(attempt, ref, Phase.SUCCEEDED, video_url=FILES[attempt.account], credits=credits)
        made = await self.gateway.store.read(lambda tx: tx.attempts.get(attempt.id))
        assert made is not None
        assert made.state is AttemptState.SUCCEEDED, made
        path, content = self.folder / "film.mp4", f"film of {attempt.id}".encode()
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        fetched = Fetched(path=path, size=len(content), sha256=sha256, media_type="video/mp4")
        self.clock.on(1)
        task = await self._task(TaskKind.FETCH, attempt.id)
        await self._service(TaskKind.FETCH)._keep(task, made, fetched)

    async def fail(self, attempt: Attempt, ref: str, *, refund: Credits = 0) -> None:
        """The provider could not make it; some give the credits back."""
        if refund:
            self.bills.append((attempt.account, attempt.id, -refund))
        await self.news(attempt, ref, Phase.FAILED, failure="the GPU caught fire")

    # short ways

    async def run(self, video: Video, bill: Credits) -> tuple[Attempt, str]:
        """The next attempt is taken."""
        attempt = await self.intend(video)
        return attempt, await self.take(attempt, bill)

    async def second(self, video: Video) -> Attempt:
        """The job that was made beside the first."""
        return next(one for one in await self.attempts(video) if one.n == 2 and one.state not in LIVE)
