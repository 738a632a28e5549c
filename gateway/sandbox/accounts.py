"""An upstream's customer: its key, credits, limits, and what it has asked for so far."""

from collections import Counter
from heapq import heappop, heappush

from gateway.sandbox.jobs import Job
from gateway.sandbox.limits import DAY, MINUTE, Running, Window, limits_of
from gateway.sandbox.refusals import Refusal, Refused
from gateway.sandbox.settings import AccountSettings, Variant
from gateway.sandbox.truth import Refusing
from schema.clock import Millis


class Account:
    def __init__(self, settings: AccountSettings, variant: Variant, limit_speed: float) -> None:
        self.name, self.provider, self.key = settings.name, settings.provider, settings.key
        self.former_keys: tuple[str, ...] = ()
        self.webhook_secret = settings.webhook_secret
        self.variant = settings.variant or variant
        self.credits = settings.credits
        limits = limits_of(settings)
        self.concurrent = limits.concurrent
        self.minute = Window(limits.per_minute, round(MINUTE / limit_speed))
        self.day = Window(limits.per_day, round(DAY / limit_speed))
        self.running = Running()
        self.billed = self.refunded = self.uploads = 0
        self.violations: Counter[str] = Counter()
        self.counted: list[Millis] = []
        self.over: list[Refusing] = []
        self.keyed: dict[str, tuple[str, Job]] = {}
        self._seen: set[str] = set()
        self._refunds: list[tuple[float, str, Job]] = []

    def enter(self, now: Millis) -> None:
        """Count one request against the minute and the day, or refuse it."""
        for name, window in (("per_minute", self.minute), ("per_day", self.day)):
            if not window.has_room(now):
                self._violated(name, now)
                raise Refused(Refusal.RATE_LIMITED, "Rate limit exceeded")
        self.minute.take()
        self.day.take()
        self.counted.append(now)

    def _violated(self, limit: str, now: Millis) -> None:
        self.violations[limit] += 1
        self.over.append(Refusing(at=now, limit=limit))

    def is_first(self, prompt: str) -> bool:
        """Whether this prompt comes for the first time; asking makes it so."""
        if prompt in self._seen:
            return False
        self._seen.add(prompt)
        return True

    def check_room(self, moment: float, now: Millis) -> None:
        if self.concurrent and self.running.count(moment) >= self.concurrent:
            self._violated("concurrent", now)
            raise Refused(Refusal.RATE_LIMITED, "Too many jobs at once")

    def check_credits(self, cost: int, moment: float) -> None:
        self.settle(moment)
        if self.credits < cost:
            raise Refused(
                Refusal.OUT_OF_CREDITS, "Insufficient credits", facts={"required": cost, "current": self.credits}
            )

    def bill(self, job: Job) -> None:
        """Take the credits now; if the job will fail and this upstream pays back, remember when."""
        self.credits -= job.cost
        self.billed += job.cost
        self.running.add(job.ends, job.began)
        if job.fails and job.provider == "veo3o1":
            heappush(self._refunds, (job.ends, job.id, job))

    def settle(self, moment: float) -> None:
        """Pay back for the jobs that failed until now."""
        while self._refunds and self._refunds[0][0] <= moment:
            _, _, job = heappop(self._refunds)
            job.refunded = job.cost
            self.credits += job.cost
            self.refunded += job.cost
