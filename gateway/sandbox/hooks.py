"""Delivers Doitong's webhooks: signed, in order for each job, tried again when nobody says 2xx."""

import asyncio
import contextlib
import ssl
from functools import cache
from types import TracebackType
from typing import Self

import httpx
import msgspec

from gateway.sandbox.agenda import Due, steps_of
from gateway.sandbox.doitong import payload, signature
from gateway.sandbox.jobs import Delivery
from gateway.sandbox.pace import NEVER
from gateway.sandbox.world import Made, World
from schema.clock import Millis, millis

AT_ONCE = 32
GLANCE_SECONDS = 0.25
"""How often the agenda is looked at even if nothing seems due: the clock may be moved by hand, the speed changed."""


@cache
def _certificates() -> ssl.SSLContext:
    """Loading them costs more than starting a sandbox."""
    return httpx.create_ssl_context()


class Sender:
    def __init__(self, world: World) -> None:
        self._world = world
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(world.settings.hook_timeout_seconds, pool=None),
            trust_env=False,
            verify=_certificates(),
        )
        world.agenda.on_head = self._wake.set

    async def __aenter__(self) -> Self:
        self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._loop
        await self.forget()
        await self._client.aclose()

    async def forget(self) -> None:
        """Give up what is on its way."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def early(self, made: Made) -> None:
        """Deliver the first webhook of a job before its create answer, if its prompt says so."""
        steps = () if made.replayed or "early-webhook" not in made.job.script else steps_of(made.job)
        if steps:
            await self._deliver(Due(job=made.job, step=steps[0], then=steps[1:]))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._world.clock.now()
            moment = self._world.pace.at(now)
            while (due := self._world.agenda.pop(moment)) is not None:
                self._start(due)
            await self._sleep(now)

    def _start(self, due: Due) -> None:
        task = asyncio.create_task(self._deliver(due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sleep(self, now: Millis) -> None:
        moment = self._world.agenda.next_moment
        seconds = None if moment == NEVER else max(0.0, (self._world.pace.real(moment) - now) / 1000)
        with contextlib.suppress(TimeoutError):  # no wait_for: before Python 3.12 it may forget that it was cancelled
            async with asyncio.timeout(None if seconds is None else min(seconds, GLANCE_SECONDS)):
                await self._wake.wait()

    async def _deliver(self, due: Due) -> None:
        """One try, then what follows from it: a retry, or the job's next webhook."""
        if due.body is None:
            due = msgspec.structs.replace(due, body=payload(due.job, due.step.status, self._world))
        async with self._room:
            delivery = await self._post(due)
        due.job.deliveries.append(delivery)
        moment = self._world.pace.at(self._world.clock.now())
        retries = self._world.settings.hook_retry_seconds
        is_taken = delivery.answer is not None and 200 <= delivery.answer < 300
        if is_taken or due.number > len(retries):
            self._world.agenda.follow(due.then, due.job, moment)
        else:
            again = msgspec.structs.replace(due, number=due.number + 1)
            self._world.agenda.add(moment + millis(retries[due.number - 1]), again)

    async def _post(self, due: Due) -> Delivery:
        now = self._world.clock.now()
        url, body = due.job.order.webhook_url or "", due.body or b""
        try:
            response = await self._client.post(url, content=body, headers=self._headers(due, body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Delivery(
                at=now, status=due.step.status, number=due.number, answer=None, error=f"{type(error).__name__}: {error}"
            )
        return Delivery(at=now, status=due.step.status, number=due.number, answer=response.status_code)

    def _headers(self, due: Due, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "Doitong-Webhook/1.0 (sandbox)"}
        account = self._world.accounts[due.job.account]
        if account.webhook_secret is not None:
            secret = account.webhook_secret + ("-wrong" if "bad-signature" in due.job.script else "")
            headers["X-Doitong-Signature"] = signature(body, secret, account.variant)
        return headers
