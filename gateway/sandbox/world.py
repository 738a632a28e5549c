"""The state of both upstreams: who may ask, what was made, what was billed. No I/O; `now` is passed in."""

from enum import StrEnum
from hashlib import sha256
from random import Random
from uuid import UUID

from msgspec import Struct

from gateway.sandbox.accounts import Account
from gateway.sandbox.agenda import Agenda, steps_of
from gateway.sandbox.jobs import Job, Order, end_of, look
from gateway.sandbox.pace import NEVER, Pace
from gateway.sandbox.prompt import MARKERS, Kind, Script, read, scripted
from gateway.sandbox.refusals import POLL_FAULTS, REFUSALS, Refusal, Refused
from gateway.sandbox.settings import Provider, SandboxSettings
from gateway.sandbox.truth import AccountTruth, Books, JobTruth, Submission, Totals, Truth
from schema.clock import Clock, Millis, millis


class Door(StrEnum):
    """How an upstream meets its callers at the moment."""

    UP = "up"
    REFUSE = "refuse"
    HTTP_500 = "500"
    HTTP_503 = "503"
    HANG = "hang"


class Call(Struct, kw_only=True):
    """A create call on its way in; filled as it is understood."""

    provider: Provider
    at: Millis
    body_sha256: str
    idempotency_key: str | None = None
    account: Account | None = None
    prompt: str | None = None

    @classmethod
    def of(cls, provider: Provider, now: Millis, body: bytes, key: str | None = None) -> "Call":
        return cls(provider=provider, at=now, body_sha256=sha256(body).hexdigest(), idempotency_key=key)


class Made(Struct, frozen=True, kw_only=True):
    """A job made for a call, the id to answer with, and the markers that will spoil the answer."""

    job: Job
    shown_id: str
    spoils: tuple[str, ...]
    replayed: bool = False


class Image(Struct, frozen=True):
    data: bytes
    media_type: str


class World:
    def __init__(self, settings: SandboxSettings, clock: Clock, url: str) -> None:
        self.settings, self.clock, self.url = settings, clock, url
        self.agenda = Agenda()
        self._random = Random(settings.seed)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the settings. Ids made so far do not come again."""
        settings = self.settings
        self.pace = Pace(settings.speed, self.clock.now())
        self.variant = settings.variant
        self.accounts = {a.name: Account(a, settings.variant, settings.limit_speed) for a in settings.accounts}
        self.jobs: dict[str, Job] = {}
        self.images: dict[str, Image] = {}
        self.books = Books()
        self.doors: dict[Provider, Door] = {"veo3o1": Door.UP, "doitong": Door.UP}
        self.agenda.clear()

    def holder(self, provider: Provider, key: str | None) -> Account:
        """Whose key this is."""
        for account in self.accounts.values():
            if account.provider == provider and key in (account.key, *account.former_keys):
                return account
        raise Refused(Refusal.UNAUTHORIZED, "Invalid API key")

    def create(self, call: Call, account: Account, order: Order, cost: int) -> Made:
        """Make a job and bill it, or answer an earlier one again; written into the books in the same instant."""
        call.prompt = order.prompt
        script = read(scripted(order.prompt, self.settings.scripts), call.provider)
        active = _active(script, account, order.prompt)
        if (earlier := self._replayed(call, account)) is not None:
            made = Made(job=earlier, shown_id=self._shown_id(earlier), spoils=_spoils(active), replayed=True)
        else:
            self._check(script, active, account, cost, call.at)
            made = Made(
                job=(job := self._make(call, account, order, active, cost)), shown_id=job.id, spoils=_spoils(active)
            )
        self._accept(call, made)
        return made

    def refuse(self, call: Call, refused: Refused) -> None:
        """Write a refused create call into the books."""
        self.books.submissions.append(
            Submission(
                provider=call.provider,
                account=call.account.name if call.account else None,
                at=call.at,
                idempotency_key=call.idempotency_key,
                body_sha256=call.body_sha256,
                prompt=call.prompt,
                accepted=False,
                outcome=refused.refusal,
                fault=refused.fault,
            )
        )

    def job_for(self, account: Account, job_id: str) -> Job:
        """The job a status call asks about; another account's is as unknown as none."""
        job = self.jobs.get(job_id)
        if job is None or job.account != account.name:
            raise Refused(Refusal.NOT_FOUND, "Video not found")
        job.polls += 1
        for name in job.script & POLL_FAULTS.keys():
            refusal, times = POLL_FAULTS[name]
            if job.polls <= times:
                raise Refused(refusal, "Video not found" if refusal is Refusal.NOT_FOUND else "Server error")
        return job

    def video_url(self, job: Job) -> str | None:
        """The URL a completed job shows; asking counts, as a late one comes with the second time."""
        job.urls_asked += 1
        if "no-url" in job.script or ("late-url" in job.script and job.urls_asked == 1):
            return None
        if others := self.accounts[job.account].variant.file_urls:
            return others[list(self.jobs).index(job.id) % len(others)]
        return f"{self.url}/files/{job.id}.mp4"

    def add_image(self, image: Image, suffix: str) -> str:
        key = f"uploads/{self._random.getrandbits(64):016x}.{suffix}"
        self.images[key] = image
        return key

    def truth(self, now: Millis) -> Truth:
        moment = self.pace.at(now)
        for account in self.accounts.values():
            account.settle(moment)
        jobs = self._distinct()
        return Truth(
            submissions=self.books.submissions,
            jobs=[self._job_truth(job, moment) for job in jobs],
            accounts=[_account_truth(account, moment) for account in self.accounts.values()],
            calls=dict(self.books.calls),
            totals=self._totals(len(jobs)),
        )

    def totals(self, now: Millis) -> Totals:
        moment = self.pace.at(now)
        for account in self.accounts.values():
            account.settle(moment)
        return self._totals(len(self._distinct()))

    def _distinct(self) -> list[Job]:
        """Every job once: one may answer to two ids."""
        return [job for job_id, job in self.jobs.items() if job_id == job.id]

    def _replayed(self, call: Call, account: Account) -> Job | None:
        if call.idempotency_key is None or call.provider != "doitong" or not account.variant.doitong_keys:
            return None
        sha, job = account.keyed.get(call.idempotency_key, (None, None))
        if job is None or self.pace.at(call.at) - job.began > millis(self.settings.idempotency_seconds):
            return None
        if sha != call.body_sha256:
            raise Refused(Refusal.CONFLICT, "This Idempotency-Key was used with another body")
        return job

    def _check(self, script: Script, active: tuple[str, ...], account: Account, cost: int, now: Millis) -> None:
        if script.unknown:
            raise Refused(Refusal.INVALID, f"Unknown marker [sim:{script.unknown[0]}]")
        for name in active:
            if name in REFUSALS:
                facts = {"required": cost, "current": 0} if name == "no-credits" else {}
                raise Refused(REFUSALS[name], MARKERS[name].says.capitalize(), facts=facts, fault=name)
        moment = self.pace.at(now)
        account.check_room(moment, now)
        account.check_credits(cost, moment)

    def _make(self, call: Call, account: Account, order: Order, active: tuple[str, ...], cost: int) -> Job:
        script = frozenset(name for name in active if MARKERS[name].kind is not Kind.ANSWER)
        began, span = self.pace.at(call.at), self._span(call.provider) * (5 if "slow" in script else 1)
        job = Job(
            id=self._id(call.provider),
            provider=call.provider,
            account=account.name,
            order=order,
            script=script,
            cost=cost,
            accepted_at=call.at,
            began=began,
            ends=end_of(script, began, span),
            span=span,
        )
        self.jobs[job.id] = job
        account.bill(job)
        if call.idempotency_key is not None:
            account.keyed[call.idempotency_key] = (call.body_sha256, job)
        steps = steps_of(job)
        if "early-webhook" not in script:
            self.agenda.follow(steps, job, job.ends)
        return job

    def _accept(self, call: Call, made: Made) -> None:
        self.books.submissions.append(
            Submission(
                provider=call.provider,
                account=made.job.account,
                at=call.at,
                idempotency_key=call.idempotency_key,
                body_sha256=call.body_sha256,
                prompt=call.prompt,
                accepted=True,
                replayed=made.replayed,
                job=made.job.id,
                billed=0 if made.replayed else made.job.cost,
                outcome="accepted",
                fault=made.spoils[0] if made.spoils else None,
            )
        )

    def _shown_id(self, job: Job) -> str:
        if "different-id" not in job.script:
            return job.id
        alias = self._id(job.provider)
        self.jobs[alias] = job
        return alias

    def _span(self, provider: Provider) -> float:
        settings = self.settings
        bounds = settings.veo3o1_seconds if provider == "veo3o1" else settings.doitong_seconds
        return millis(self._random.uniform(*bounds))

    def _id(self, provider: Provider) -> str:
        if provider == "veo3o1":
            return str(UUID(int=self._random.getrandbits(128), version=4))
        return f"{self._random.getrandbits(60):015x}"

    def _job_truth(self, job: Job, moment: float) -> JobTruth:
        return JobTruth(
            id=job.id,
            provider=job.provider,
            account=job.account,
            prompt=job.order.prompt,
            aspect_ratio=job.order.aspect,
            seconds=job.order.seconds,
            image_url=job.order.image_url,
            status=look(job, moment).status,
            accepted_at=job.accepted_at,
            ends_at=None if job.ends == NEVER else self.pace.real(job.ends),
            billed=job.cost,
            refunded=job.refunded,
            file_reads=job.file_reads,
            deliveries=job.deliveries,
        )

    def _totals(self, jobs: int) -> Totals:
        submissions = self.books.submissions
        return Totals(
            submissions=len(submissions),
            accepted=sum(one.accepted for one in submissions),
            replayed=sum(one.replayed for one in submissions),
            jobs=jobs,
            billed=sum(account.billed for account in self.accounts.values()),
            refunded=sum(account.refunded for account in self.accounts.values()),
        )


def _active(script: Script, account: Account, prompt: str) -> tuple[str, ...]:
    """The markers that count this time, in the order written; the `-once` ones only the first time."""
    if script.once and account.is_first(prompt):
        return (*script.once, *script.always)
    return script.always


def _spoils(active: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in active if MARKERS[name].kind is Kind.ANSWER)


def _account_truth(account: Account, moment: float) -> AccountTruth:
    return AccountTruth(
        name=account.name,
        provider=account.provider,
        credits=account.credits,
        billed=account.billed,
        refunded=account.refunded,
        running=account.running.count(moment),
        peak_running=account.running.peak,
        uploads=account.uploads,
        violations=dict(account.violations),
        counted=list(account.counted),
        over=list(account.over),
    )
