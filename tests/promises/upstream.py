"""Two upstreams in memory, below the real adapters and the real HTTP client. They keep the truth about money."""

import base64
import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from providers.base import Hook
from tests.promises.tally import Tally

VEO, DOITONG = "veo-main", "doitong-main"
HOOK_SECRET = "the secret of the hooks"
FLAT = 2
RANGES = {"standard": (100, 200), "high": (300, 500)}


class Answer(StrEnum):
    """What becomes of one paid request."""

    ACCEPT = "accept"
    REFUSE_CONTENT = "refuse: content"
    REFUSE_RATE = "refuse: too fast"
    REFUSE_CREDITS = "refuse: no credits"
    REFUSE_KEY = "refuse: credential"
    NOT_SENT = "not sent"
    LOSE_BEFORE = "lost before it arrived"
    LOSE_AFTER = "lost after it was billed"
    BROKEN = "an error, nothing billed"
    BROKEN_BILLED = "an error, billed"
    SLOW = "billed, the answer takes its time"
    SLOW_UNSEEN = "under way for a long time"


REFUSALS = {
    Answer.REFUSE_CONTENT: (1000, "CONTENT_REJECTED"),
    Answer.REFUSE_RATE: (1003, "RATE_LIMIT_EXCEEDED"),
    Answer.REFUSE_CREDITS: (1001, "INSUFFICIENT_CREDITS"),
    Answer.REFUSE_KEY: (1002, "UNAUTHENTICATED"),
}
BILLED = frozenset({Answer.ACCEPT, Answer.LOSE_AFTER, Answer.BROKEN_BILLED, Answer.SLOW})


class Says(StrEnum):
    """When an upstream says what a video cost."""

    ALWAYS = "always"
    AT_THE_END = "at the end"
    NEVER = "never"


@dataclass(frozen=True)
class Manner:
    """How an upstream treats the paid requests it gets from one handler.

    Attributes:
        share: where in its range the cost lies, in percent; above 100 is above the range.
    """

    answer: Answer = Answer.ACCEPT
    says: Says = Says.ALWAYS
    share: int = 50


@dataclass
class Job:
    """A video an upstream has taken on, and billed."""

    ref: str
    account: str
    prompt: str
    key: str | None
    billed: int
    highest: int
    says: Says
    callback: str | None
    phase: str = "processing"
    progress: int = 0
    refunded: int = 0
    told: bool = False
    kept: bool = False
    hooks: list[Hook] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.phase != "processing"

    @property
    def net(self) -> int:
        return self.billed - self.refunded

    @property
    def said(self) -> int | None:
        """What it says it cost, as far as it has said so at this point."""
        silent = self.account == VEO or self.says is Says.NEVER or (self.says is Says.AT_THE_END and not self.ended)
        return None if silent else self.billed


@dataclass(frozen=True)
class Send:
    """A paid request whose bytes left the gateway."""

    account: str
    prompt: str
    key: str | None
    body: bytes


Gate = Callable[[str], Awaitable[Manner]]
"""Asked by each request on its way: how it is to be treated; may keep it waiting."""


class Upstreams:
    """The truth of both upstreams. It outlives every life of the gateway."""

    def __init__(self, tally: Tally, *, honours_keys: bool) -> None:
        self.tally = tally
        self.honours_keys = honours_keys
        self.jobs: list[Job] = []
        self.sends: list[Send] = []
        self.poll_troubles: deque[str] = deque()
        self.file_troubles: deque[str] = deque()

    def job(self, account: str, ref: str) -> Job | None:
        return next((job for job in self.jobs if (job.account, job.ref) == (account, ref)), None)

    def known(self, send: Send, manner: Manner) -> Job | None:
        """What is made under a key can not be refused for what it shows any more."""
        if manner.answer is not Answer.REFUSE_CONTENT or not self.honours_keys or send.key is None:
            return None
        return next((job for job in self.jobs if job.key == send.key), None)

    def take(self, send: Send, wish: dict[str, Any], manner: Manner) -> Job:
        """Begin a job and bill it, unless the key is known."""
        known = next((job for job in self.jobs if send.key is not None and job.key == send.key), None)
        if known is not None and self.honours_keys:
            self.tally.note("upstream knew the key")
            return known
        if known is not None:
            self.tally.note("upstream forgot the key and billed twice")
        low, high = (FLAT, FLAT) if send.account == VEO else RANGES[wish["quality"]]
        cost = FLAT if send.account == VEO else low + (high - low) * manner.share // 100
        if cost > high:
            self.tally.note("cost above the range")
        job = Job(
            ref=f"job-{len(self.jobs) + 1}",
            account=send.account,
            prompt=send.prompt,
            key=send.key,
            billed=cost,
            highest=high,
            says=manner.says,
            callback=wish["callback"],
        )
        self.jobs.append(job)
        return job

    def answers_kept(self) -> None:
        """What was answered so far is on the gateway's disk."""
        for job in self.jobs:
            job.kept = job.told

    def answers_lost(self) -> None:
        """Who heard the other answers is dead."""
        for job in self.jobs:
            job.told = job.kept

    def finish(self, job: Job, phase: str) -> None:
        """Let a job end; whoever refunds does so now."""
        job.phase, job.progress = phase, 100
        if phase == "failed" and job.account == VEO:
            job.refunded = job.billed

    def hook(self, job: Job) -> Hook:
        """The call that tells how a job is, signed."""
        body = json.dumps(_doitong(job) | {"at": len(job.hooks)}).encode()
        hook = Hook(headers=(("x-doitong-signature", signature(body)),), body=body)
        job.hooks.append(hook)
        return hook


def signature(body: bytes, secret: str = HOOK_SECRET) -> str:
    return "sha256=" + base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


class Wire(httpx.AsyncBaseTransport):
    """Carries one gateway's requests to the upstreams; once it is cut, nothing passes any more."""

    def __init__(self, upstreams: Upstreams, gate: Gate) -> None:
        self._upstreams = upstreams
        self._gate = gate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if request.url.path.endswith(".mp4"):
            return await self._file(request)
        if request.url.host == "veo.test":
            paid = request.method == "POST"
            return await (self._veo_paid(request, body) if paid else self._veo_poll(request))
        asked = json.loads(body)
        if "idempotency-key" in request.headers:
            return await self._doitong_paid(request, body, asked)
        return await self._doitong_poll(request, next(iter(asked["variables"].values())))

    # paid requests

    async def _veo_paid(self, request: httpx.Request, body: bytes) -> httpx.Response:
        prompt = json.loads(body)["prompt"]
        send = Send(VEO, prompt, None, body)
        return await self._paid(request, send, {"callback": None, "quality": "standard"})

    async def _doitong_paid(self, request: httpx.Request, body: bytes, asked: dict[str, Any]) -> httpx.Response:
        wish = asked["variables"]["input"]
        options = wish["options"]
        send = Send(DOITONG, wish["input"]["text"], request.headers["idempotency-key"], body)
        facts = {"callback": options.get("webhookUrl"), "quality": options.get("quality", "standard")}
        return await self._paid(request, send, facts)

    async def _paid(self, request: httpx.Request, send: Send, wish: dict[str, Any]) -> httpx.Response:
        manner = await self._gate("connecting")
        self._upstreams.tally.note(f"answer: {manner.answer}")
        if manner.answer is Answer.NOT_SENT:
            raise httpx.ConnectError("refused", request=request)
        trace = request.extensions["trace"]
        await trace("http11.send_request_headers.started", {})
        self._upstreams.sends.append(send)
        await trace("http11.send_request_body.complete", {})
        if manner.answer is Answer.SLOW_UNSEEN:
            manner = await self._gate("under way")
        job = (
            self._upstreams.take(send, wish, manner) if manner.answer in BILLED else self._upstreams.known(send, manner)
        )
        if manner.answer is Answer.SLOW:
            manner = await self._gate("answer due")
        if manner.answer in (Answer.LOSE_BEFORE, Answer.LOSE_AFTER, Answer.NOT_SENT):
            raise httpx.ReadError("reset", request=request)
        if manner.answer in (Answer.BROKEN, Answer.BROKEN_BILLED):
            return _json(500, {"message": "internal"})
        if job is None:
            return self._refusal(send, manner.answer)
        job.told = True
        return self._accepted(job)

    def _refusal(self, send: Send, answer: Answer) -> httpx.Response:
        code, word = REFUSALS.get(answer, REFUSALS[Answer.REFUSE_RATE])
        if send.account == VEO:
            return _json(200, {"code": code, "msg": "no"})
        return _json(200, {"errors": [{"message": "no", "extensions": {"code": word}}]})

    def _accepted(self, job: Job) -> httpx.Response:
        if job.account == VEO:
            return _json(200, {"code": 0, "msg": "Success", "data": _veo(job)})
        return _json(200, {"data": {"generate": _doitong(job)}})

    # polls and files

    async def _veo_poll(self, request: httpx.Request) -> httpx.Response:
        job = await self._asked(VEO, request.url.path.rpartition("/")[2], request)
        if job is None:
            return _json(404, {"code": 1000, "msg": "no such video"})
        return _json(200, {"code": 0, "msg": "Success", "data": _veo(job)})

    async def _doitong_poll(self, request: httpx.Request, ref: str) -> httpx.Response:
        job = await self._asked(DOITONG, ref, request)
        return _json(200, {"data": {"generation": None if job is None else _doitong(job)}})

    async def _asked(self, account: str, ref: str, request: httpx.Request) -> Job | None:
        await self._gate("asking")
        trouble = self._upstreams.poll_troubles.popleft() if self._upstreams.poll_troubles else None
        if trouble is not None:
            self._upstreams.tally.note(f"poll: {trouble}")
        if trouble == "unreachable":
            raise httpx.ReadError("reset", request=request)
        return None if trouble == "not found" else self._upstreams.job(account, ref)

    async def _file(self, request: httpx.Request) -> httpx.Response:
        await self._gate("downloading")
        trouble = self._upstreams.file_troubles.popleft() if self._upstreams.file_troubles else None
        if trouble is not None:
            self._upstreams.tally.note(f"file: {trouble}")
        if trouble == "unreachable":
            raise httpx.ReadError("reset", request=request)
        if trouble == "gone":
            return _json(404, {})
        return httpx.Response(200, stream=httpx.ByteStream(b"\0\0\0\x18ftypmp42" + request.url.path.encode()))


def _json(status: int, body: dict[str, Any]) -> httpx.Response:
    stream = httpx.ByteStream(json.dumps(body).encode())
    return httpx.Response(status, headers={"content-type": "application/json"}, stream=stream)


def _veo(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {"uuid": job.ref, "status": job.phase, "progress": job.progress}
    return told | ({"videoUrl": f"https://cdn.veo3o1.com/{job.ref}.mp4"} if job.phase == "completed" else {})


def _doitong(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {"id": job.ref, "status": job.phase, "progress": job.progress}
    told |= {"url": f"https://cdn.doitong.com/{job.ref}.mp4"} if job.phase == "completed" else {}
    return told | ({} if job.said is None else {"creditCost": job.said})
