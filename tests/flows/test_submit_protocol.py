"""The promise that matters most: a paid request whose answer is lost is never paid for twice by accident."""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.wiring import Seams
from schema.attempt import Attempt, Verdict
from schema.errors import FailureKind
from schema.event import EventType
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.video import MAX_PROMPT, OnUnknown, Video
from tests.flows import hostile as acts
from tests.flows.engine import QUICK, Engine, an_account, settings, until, working
from tests.flows.hostile import DOITONG, VEO3O1, Act, Dialect, Hostile, answers, closed_port, forever, hostile, says
from tests.sandbox.callers import HandClock
from tests.support.certificates import certificates

SHORT = 0.3
"""Seconds a send may take in total, where the upstream does not answer at all."""

PAGE = "<!doctype html><title>Welcome</title><h1>It works</h1>"
LARGE = "水" * MAX_PROMPT

COMPLETED = ("completed", None)
INVALID = ("failed", "invalid_request")
REFUSED_CONTENT = ("failed", "content_rejected")
NOBODY_KNOWS = ("failed", "submission_outcome_unknown")
TOO_LATE = ("failed", "deadline_exceeded")


@dataclass(frozen=True)
class Fault:
    """What an upstream does to one submit, and what that must be taken for.

    Attributes:
        whole: whether the whole request had arrived when it happened.
        submit_deadline: seconds; short where no answer will come.
    """

    name: str
    act: Act
    verdict: Verdict
    kind: FailureKind
    whole: bool = True
    submit_deadline: float = 5
    prompt: str = "a paper boat in the rain"


def lost(name: str, act: Act, kind: FailureKind = FailureKind.LOST, **more: Any) -> Fault:
    return Fault(name, act, Verdict.UNKNOWN, kind, **more)


def no(name: str, act: Act, kind: FailureKind) -> Fault:
    return Fault(name, act, Verdict.REJECTED, kind)


TRANSPORT = (
    lost("reset on accept", acts.reset_on_accept, whole=False),
    lost("closed on accept", acts.close_on_accept, whole=False),
    lost("reset inside the body", acts.reset_inside_the_body, whole=False, prompt=LARGE),
    lost("reset after the body", acts.reset_after_the_body),
    lost("closed after the body", acts.close_after_the_body),
    lost("half of the headers", acts.half_of_the_headers),
    lost("cut short of its length", acts.cut_short),
    lost("cut inside a chunk", acts.broken_chunk),
    lost("never answered", acts.hang, submit_deadline=SHORT),
    lost("dripped", acts.drip, submit_deadline=SHORT),
    lost("encoded", acts.zipped),
    lost("huge", acts.huge),
    lost("cut short in silence", acts.cut_short_in_silence, FailureKind.PROTOCOL),
    lost("a page", answers(PAGE, Content_Type="text/html"), FailureKind.PROTOCOL),
    lost("an empty answer", answers(""), FailureKind.PROTOCOL),
    lost("no content", answers("", "204 No Content"), FailureKind.PROTOCOL),
    *(
        lost(f"a redirect, {status[:3]}", answers("", status, Location="/elsewhere"), FailureKind.PROTOCOL)
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect")
    ),
    *(
        lost(f"status {status}", answers(PAGE, status), FailureKind.UNAVAILABLE)
        for status in ("408 Timeout", "409 Conflict", "425 Too Early", "500 Error", "502 Bad Gateway", "503 Busy")
    ),
    no("a bare 429", answers(PAGE, "429 Slow Down"), FailureKind.RATE_LIMITED),
    no("a bare 402", answers("", "402 Payment Required"), FailureKind.OUT_OF_CREDITS),
    no("a bare 401", answers("", "401 Unauthorized"), FailureKind.UNAUTHORIZED),
    no("a guard's 403", answers(PAGE, "403 Forbidden"), FailureKind.BUSY),
    no("a bare 404", answers(PAGE, "404 Not Found"), FailureKind.UNSUPPORTED),
    no("a bare 400", answers("", "400 Bad Request"), FailureKind.INVALID_REQUEST),
)
"""Faults that need no word of the provider's own."""

VEO3O1_WORDS = (
    lost("code 0 without a uuid", says(code=0, msg="Success", data={"status": "pending"}), FailureKind.PROTOCOL),
    lost("code 5000", says(code=5000, msg="Server error", data=None), FailureKind.UNAVAILABLE),
    lost("an unknown code", says(code=7777, msg="?", data=None), FailureKind.PROTOCOL),
    no("code 1003", says(code=1003, msg="Rate limit exceeded"), FailureKind.RATE_LIMITED),
    no("429 and code 1003", says("429 Slow Down", code=1003, msg="Rate limit"), FailureKind.RATE_LIMITED),
    no("code 1001", says(code=1001, data={"required": 2, "current": 0}), FailureKind.OUT_OF_CREDITS),
    no("402 and code 1001", says("402 Payment Required", code=1001), FailureKind.OUT_OF_CREDITS),
    no("code 1002", says(code=1002, msg="Authentication failed"), FailureKind.UNAUTHORIZED),
    no("401 and code 1002", says("401 Unauthorized", code=1002), FailureKind.UNAUTHORIZED),
    no("code 1000", says(code=1000, msg="Invalid parameters"), FailureKind.INVALID_REQUEST),
    no("400 and code 1000", says("400 Bad Request", code=1000), FailureKind.INVALID_REQUEST),
)


def graphql(status: str, code: str) -> Act:
    return says(status, data=None, errors=[{"message": "No", "extensions": {"code": code}}])


DOITONG_WORDS = (
    lost("no id", says(data={"generate": {"id": None, "status": "processing"}}), FailureKind.PROTOCOL),
    lost("a server error by name", graphql("200 OK", "INTERNAL_SERVER_ERROR"), FailureKind.UNAVAILABLE),
    lost("an error nobody knows", graphql("200 OK", "OUT_OF_CHEESE"), FailureKind.PROTOCOL),
    no("a rate limit by name", graphql("200 OK", "RATE_LIMIT_EXCEEDED"), FailureKind.RATE_LIMITED),
    no("429 with a name", graphql("429 Slow Down", "RATE_LIMITED"), FailureKind.RATE_LIMITED),
    no("no credits by name", graphql("200 OK", "INSUFFICIENT_CREDITS"), FailureKind.OUT_OF_CREDITS),
    no("402 with a name", graphql("402 Payment Required", "INSUFFICIENT_CREDITS"), FailureKind.OUT_OF_CREDITS),
    no("401 with a name", graphql("401 Unauthorized", "UNAUTHENTICATED"), FailureKind.UNAUTHORIZED),
    no("bad input by name", graphql("200 OK", "BAD_USER_INPUT"), FailureKind.INVALID_REQUEST),
    no("400 with a name", graphql("400 Bad Request", "BAD_USER_INPUT"), FailureKind.INVALID_REQUEST),
    no("content by name", graphql("200 OK", "CONTENT_POLICY_VIOLATION"), FailureKind.CONTENT_REJECTED),
)

VEO3O1_FAULTS = TRANSPORT + VEO3O1_WORDS
DOITONG_FAULTS = TRANSPORT + DOITONG_WORDS
ENDS = {FailureKind.INVALID_REQUEST: INVALID, FailureKind.CONTENT_REJECTED: REFUSED_CONTENT}
"""Refusals that end a video; after every other one the next account is asked."""


def each(faults: Iterable[Fault]) -> Any:
    return pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name.replace(" ", "-")) for fault in faults])


def only(faults: Iterable[Fault], verdict: Verdict) -> list[Fault]:
    return [fault for fault in faults if fault.verdict is verdict]


def how_it_ended(video: Video) -> tuple[str, str | None]:
    return video.status.value, None if video.error is None else video.error.code


def outcome_of(attempt: Attempt) -> tuple[Verdict | None, FailureKind | None]:
    return attempt.verdict, None if attempt.reason is None else attempt.reason.code


@dataclass(frozen=True)
class Scene:
    """A gateway with two accounts at one provider: a hostile upstream, asked first, and an honest one."""

    engine: Engine
    first: Hostile
    second: Hostile

    async def play(self, prompt: str = "a paper boat in the rain", **routing: Any) -> tuple[Video, list[Attempt]]:
        """One video from its acceptance to its end."""
        accepted = await self.engine.accept(prompt, routing=routing)
        video = await self.engine.ended(accepted.id)
        return video, await self.engine.attempts(video.id)


@asynccontextmanager
async def scene(
    folder: Path,
    dialect: Dialect,
    *script: Act,
    timing: Timing = QUICK,
    tls: ssl.SSLContext | None = None,
    seams: Seams | None = None,
    first_url: str | None = None,
    alone: bool = False,
) -> AsyncIterator[Scene]:
    async with hostile(dialect, *script, tls=tls) as first, hostile(dialect) as second:
        accounts = [an_account("a-first", dialect.provider, first_url or first.url)]
        accounts += [] if alone else [an_account("b-second", dialect.provider, second.url)]
        async with working(settings(folder, *accounts, timing=timing), seams) as engine:
            yield Scene(engine, first, second)


def patience(fault: Fault, **changes: Any) -> Timing:
    return replace(QUICK, submit_deadline_seconds=fault.submit_deadline, **changes)


# a provider without keys: once, whatever happens


@each(only(VEO3O1_FAULTS, Verdict.UNKNOWN))
async def test_a_lost_submit_is_paid_for_once_and_sent_nowhere_else(tmp_path, fault):
    async with scene(tmp_path, VEO3O1, fault.act, timing=patience(fault)) as here:
        video, [attempt] = await here.play(fault.prompt)

    assert how_it_ended(video) == NOBODY_KNOWS
    assert (attempt.state, *outcome_of(attempt)) == (AttemptState.UNKNOWN, Verdict.UNKNOWN, fault.kind)
    assert len(here.first.raw) == 1
    assert len(here.first.paid) == len(here.first.requests) == int(fault.whole)
    assert here.second.raw == []


@each(only(VEO3O1_FAULTS, Verdict.REJECTED))
async def test_a_refused_submit_goes_to_the_second_account_unless_nobody_would_take_it(tmp_path, fault):
    async with scene(tmp_path, VEO3O1, fault.act) as here:
        video, [refused, *others] = await here.play()

    assert (refused.state, *outcome_of(refused)) == (AttemptState.FAILED, Verdict.REJECTED, fault.kind)
    assert how_it_ended(video) == ENDS.get(fault.kind, COMPLETED)
    assert len(here.first.paid) == len(here.first.requests) == 1
    assert len(here.second.paid) == len(others) == (0 if fault.kind in ENDS else 1)


async def test_a_refused_connection_was_never_a_submit(tmp_path):
    with closed_port() as nowhere:
        async with scene(tmp_path, VEO3O1, first_url=nowhere) as here:
            video, [first, other] = await here.play()

    assert outcome_of(first) == (Verdict.NOT_SENT, FailureKind.UNREACHABLE)
    assert other.account == "b-second"
    assert how_it_ended(video) == COMPLETED
    assert len(here.second.paid) == 1


async def test_what_was_never_sent_is_sent_again_when_there_is_nobody_else(tmp_path):
    unlucky = Seams(luck=lambda: 1.0, verify=certificates())  # the longest of every wait: 0.5 s, 1 s, …
    quick = replace(QUICK, video_deadline_seconds=1)
    with closed_port() as nowhere:
        async with scene(tmp_path, VEO3O1, first_url=nowhere, alone=True, timing=quick, seams=unlucky) as here:
            accepted = await here.engine.accept()

            async def sent_again() -> bool:
                return len(await here.engine.attempts(accepted.id)) == 2

            await until(sent_again)
            video = await here.engine.ended(accepted.id)
            attempts = await here.engine.attempts(accepted.id)

    assert how_it_ended(video) == TOO_LATE
    assert {outcome_of(attempt) for attempt in attempts} == {(Verdict.NOT_SENT, FailureKind.UNREACHABLE)}


async def test_no_wait_before_another_try_is_longer_than_the_video_may_take(tmp_path):
    unlucky = Seams(luck=lambda: 1.0, clock=HandClock(), verify=certificates())
    quick = replace(QUICK, video_deadline_seconds=0.3)  # the first wait alone would be half a second
    with closed_port() as nowhere:
        async with scene(tmp_path, VEO3O1, first_url=nowhere, alone=True, timing=quick, seams=unlucky) as here:
            accepted = await here.engine.accept()

            async def waits_again() -> bool:
                return [one.state for one in await here.engine.attempts(accepted.id)] == [AttemptState.FAILED]

            await until(waits_again)
            due = await here.engine.gateway.store.read(lambda tx: tx.tasks.next_due())

    assert due == accepted.deadline_at


async def test_an_answer_with_an_id_is_an_acceptance_whatever_stands_beside_it(tmp_path):
    beside = says("500 Error", code=5000, msg="Server error", data={"uuid": "ref-0", "status": "pending"})
    async with scene(tmp_path, VEO3O1, beside) as here:
        video, [attempt] = await here.play()

    assert how_it_ended(video) == COMPLETED
    assert (attempt.verdict, attempt.ref) == (Verdict.ACCEPTED, "ref-0")
    assert len(here.first.paid) == 1


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving_as(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> Seams:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Seams(verify=context)


@pytest.mark.parametrize(
    ("certificate", "trusted"), [("somebody-else.test", True), ("localhost", False)], ids=["wrong-name", "wrong-signer"]
)
async def test_a_wrong_certificate_is_told_nothing(tmp_path, authority, certificate, trusted):
    signer = authority if trusted else trustme.CA()
    tls = serving_as(signer, certificate)
    async with scene(tmp_path, VEO3O1, tls=tls, seams=trusting(authority)) as here:
        video, [distrusted, _] = await here.play()

    assert outcome_of(distrusted) == (Verdict.NOT_SENT, FailureKind.UNREACHABLE)
    assert "CERTIFICATE" in (distrusted.reason.message if distrusted.reason else "").upper()
    assert here.first.requests == []
    assert how_it_ended(video) == COMPLETED


async def test_submits_polls_and_downloads_trust_the_same_authorities(tmp_path, authority):
    tls = serving_as(authority, "localhost")
    async with scene(tmp_path, VEO3O1, tls=tls, seams=trusting(authority)) as here:
        video, [attempt] = await here.play()

    assert how_it_ended(video) == COMPLETED
    assert attempt.account == "a-first"
    assert here.second.raw == []


async def test_a_handshake_that_breaks_was_never_a_submit(tmp_path, authority):
    async with (
        hostile(VEO3O1, acts.reset_on_accept) as plain,
        scene(tmp_path, VEO3O1, first_url=plain.url.replace("http:", "https:"), seams=trusting(authority)) as here,
    ):
        video, [broken, _] = await here.play()

    assert outcome_of(broken) == (Verdict.NOT_SENT, FailureKind.UNREACHABLE)
    assert how_it_ended(video) == COMPLETED


BEHIND_TLS = {fault.name: fault for fault in TRANSPORT if fault.verdict is Verdict.UNKNOWN}


@each(
    BEHIND_TLS[name]
    for name in ("reset on accept", "reset inside the body", "reset after the body", "half of the headers", "dripped")
)
async def test_behind_tls_a_lost_submit_is_as_lost_as_without(tmp_path, authority, fault):
    tls = serving_as(authority, "localhost")
    async with scene(tmp_path, VEO3O1, fault.act, timing=patience(fault), tls=tls, seams=trusting(authority)) as here:
        video, [attempt] = await here.play(fault.prompt)

    assert how_it_ended(video) == NOBODY_KNOWS
    assert outcome_of(attempt) == (Verdict.UNKNOWN, fault.kind)
    assert (len(here.first.raw), len(here.first.paid), here.second.raw) == (1, int(fault.whole), [])


# a provider that knows our keys: the same bytes, the same key, the same account


@each(only(DOITONG_FAULTS, Verdict.UNKNOWN))
async def test_a_lost_submit_is_replayed_and_bills_once(tmp_path, fault):
    async with scene(tmp_path, DOITONG, fault.act, timing=patience(fault)) as here:
        video, [attempt] = await here.play(fault.prompt)
        told = [event.type for event in await here.engine.events(video.id)]

    assert how_it_ended(video) == COMPLETED
    assert EventType.OUTCOME_UNKNOWN in told
    assert attempt.replays == 1
    assert set(here.first.keys) == {attempt.key}
    assert len(here.first.paid) == int(fault.whole) + 1
    assert len(here.first.bodies) == len(here.first.refs) == 1
    assert here.second.raw == []


@each(
    fault
    for fault in only(DOITONG_FAULTS, Verdict.UNKNOWN)
    if fault.name
    in {"reset on accept", "reset after the body", "cut short in silence", "status 502 Bad Gateway", "no id"}
)
async def test_replays_end_with_their_schedule_and_the_video_with_its_deadline(tmp_path, fault):
    quick = patience(fault, video_deadline_seconds=0.7)
    async with scene(tmp_path, DOITONG, *forever(fault.act), timing=quick) as here:
        video, [attempt] = await here.play(fault.prompt)

    assert how_it_ended(video) == TOO_LATE
    assert (attempt.state, *outcome_of(attempt)) == (AttemptState.UNKNOWN, Verdict.UNKNOWN, fault.kind)
    assert len(here.first.raw) == 1 + attempt.replays <= 1 + len(QUICK.replay_schedule_seconds)
    assert len(here.first.paid) == (len(here.first.raw) if fault.whole else 0)
    assert len(here.first.bodies) <= 1
    assert set(here.first.keys) <= {attempt.key}
    assert here.second.raw == []


@each(only(DOITONG_FAULTS, Verdict.REJECTED))
async def test_a_refusal_by_a_provider_with_keys_goes_to_the_second_account_too(tmp_path, fault):
    async with scene(tmp_path, DOITONG, fault.act) as here:
        video, [refused, *others] = await here.play()

    assert (refused.state, *outcome_of(refused)) == (AttemptState.FAILED, Verdict.REJECTED, fault.kind)
    assert how_it_ended(video) == ENDS.get(fault.kind, COMPLETED)
    assert len(here.first.paid) == 1
    assert len(here.second.paid) == len(others) == (0 if fault.kind in ENDS else 1)


PASSING = (FailureKind.RATE_LIMITED, FailureKind.OUT_OF_CREDITS, FailureKind.UNAUTHORIZED, FailureKind.BUSY)


@each(fault for fault in only(DOITONG_FAULTS, Verdict.REJECTED) if fault.kind in PASSING)
async def test_a_replay_that_is_turned_away_proves_nothing_about_the_submit_before_it(tmp_path, fault):
    async with scene(tmp_path, DOITONG, acts.reset_after_the_body, fault.act) as here:
        video, [attempt] = await here.play()

    assert how_it_ended(video) == COMPLETED
    assert set(here.first.keys) == {attempt.key}
    assert len(here.first.paid) == 3
    assert here.second.paid == []


async def test_a_replay_that_can_not_be_sent_proves_nothing_about_the_submit_before_it(tmp_path):
    quick = replace(QUICK, video_deadline_seconds=1)
    async with scene(tmp_path, DOITONG, acts.reset_and_vanish, timing=quick) as here:
        video, [attempt] = await here.play()

    assert how_it_ended(video) == TOO_LATE
    assert attempt.verdict is Verdict.UNKNOWN
    assert attempt.replays == len(QUICK.replay_schedule_seconds)
    assert len(here.first.paid) == 1
    assert here.second.paid == []


@each(fault for fault in DOITONG_WORDS if fault.kind in ENDS)
async def test_a_replay_that_is_refused_for_what_it_says_proves_that_nothing_was_begun(tmp_path, fault):
    async with scene(tmp_path, DOITONG, acts.reset_after_the_body, fault.act) as here:
        video, _ = await here.play()

    assert how_it_ended(video) == ENDS[fault.kind]
    assert here.second.paid == []


# what it does to the account


async def test_a_circuit_that_lost_submits_have_opened_is_probed_and_closes(tmp_path):
    lost_twice = (acts.reset_after_the_body, acts.reset_after_the_body)
    quick = replace(QUICK, breaker_failures=2, breaker_reset_seconds=0.1, video_deadline_seconds=5)
    async with scene(tmp_path, VEO3O1, *lost_twice, alone=True, timing=quick) as here:
        lost_ones = [await here.play() for _ in lost_twice]
        video, [attempt] = await here.play()

    assert [how_it_ended(lost_one) for lost_one, _ in lost_ones] == [NOBODY_KNOWS, NOBODY_KNOWS]
    assert how_it_ended(video) == COMPLETED
    assert attempt.state is AttemptState.SUCCEEDED
    assert len(here.first.paid) == 3


# what a tenant may consent to


async def test_who_chose_to_wait_waits_until_the_deadline(tmp_path):
    quick = replace(QUICK, video_deadline_seconds=0.7)
    async with scene(tmp_path, VEO3O1, acts.reset_after_the_body, timing=quick) as here:
        accepted = await here.engine.accept(routing={"on_unknown": OnUnknown.WAIT})
        told = [event async for event, _ in here.engine.gateway.events.watch("acme", accepted.id)]
        video = await here.engine.video(accepted.id)

    lost_it, ended = told[-2:]
    assert lost_it.type is EventType.OUTCOME_UNKNOWN
    assert (lost_it.data["status"], lost_it.data["substate"]) == (VideoStatus.IN_PROGRESS, Substate.OUTCOME_UNKNOWN)
    assert ended.type is EventType.FAILED
    assert how_it_ended(video) == TOO_LATE
    assert len(here.first.paid) == 1
    assert here.second.raw == []


async def test_who_chose_to_retry_pays_at_most_twice(tmp_path):
    async with scene(tmp_path, VEO3O1, *forever(acts.reset_after_the_body), alone=True) as here:
        video, attempts = await here.play(on_unknown=OnUnknown.RETRY)

    assert how_it_ended(video) == NOBODY_KNOWS
    assert [attempt.verdict for attempt in attempts] == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert len(here.first.paid) == 2


async def test_a_retry_that_is_answered_completes_the_video(tmp_path):
    async with scene(tmp_path, VEO3O1, acts.reset_after_the_body, alone=True) as here:
        video, attempts = await here.play(on_unknown=OnUnknown.RETRY)

    assert how_it_ended(video) == COMPLETED
    assert [attempt.state for attempt in attempts] == [AttemptState.UNKNOWN, AttemptState.SUCCEEDED]
    assert len(here.first.paid) == 2


async def test_who_chose_failover_has_it_made_elsewhere(tmp_path):
    async with scene(tmp_path, VEO3O1, acts.reset_after_the_body) as here:
        video, attempts = await here.play(on_unknown=OnUnknown.FAILOVER)

    assert how_it_ended(video) == COMPLETED
    assert [attempt.state for attempt in attempts] == [AttemptState.UNKNOWN, AttemptState.SUCCEEDED]
    assert (len(here.first.paid), len(here.second.paid)) == (1, 1)


async def test_failover_without_an_elsewhere_sends_nothing_twice(tmp_path):
    async with scene(tmp_path, VEO3O1, *forever(acts.reset_after_the_body), alone=True) as here:
        video, attempts = await here.play(on_unknown=OnUnknown.FAILOVER)

    assert how_it_ended(video) == NOBODY_KNOWS
    assert len(here.first.paid) == len(attempts) == 1


async def test_consent_to_pay_twice_is_not_used_where_the_same_key_will_do(tmp_path):
    async with scene(tmp_path, DOITONG, acts.reset_after_the_body) as here:
        video, attempts = await here.play(on_unknown=OnUnknown.FAILOVER)

    assert how_it_ended(video) == COMPLETED
    assert len(here.first.refs) == len(attempts) == 1
    assert here.second.raw == []
