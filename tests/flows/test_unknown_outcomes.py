"""A provider bills and drops the answer: every row of docs/unknown-outcomes.md is played, and must be the truth."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings, Variant
from gateway.wiring import Seams
from schema.attempt import Attempt
from schema.incident import IncidentKind
from schema.lifecycle import LIVE, AttemptState
from schema.tenant import RoutingPolicy
from schema.video import OnUnknown, Strategy
from tests.flows.engine import until
from tests.flows.whole_books import Books, assert_as_billed, assert_settled, audited, books_of
from tests.support.certificates import certificates
from tests.support.running import FAST, Running, Setup, running

DOCUMENT = Path(__file__).parents[2] / "docs" / "unknown-outcomes.md"
TIMING = replace(
    FAST,
    submit_deadline_seconds=2,  # an operator is heard so long after the last replay
    replay_schedule_seconds=(0.05, 0.1, 0.15),
    breaker_failures=1000,
    retry_every_seconds=0.01,
)
DEADLINE_SECONDS = 4
WHEREVER = RoutingPolicy(strategy=Strategy.ORDERED, order=("veo-main", "doitong-main"))
WITHOUT_KEYS, WITH_KEYS = "The provider knows no keys", "The provider honours keys"

LOST = {
    "the first": "[sim:veo3o1:drop-after-accept-once]",
    "the first, and there is nobody else": "[sim:veo3o1:drop-after-accept-once]",
    "every one, and there is nobody else": "[sim:veo3o1:drop-after-accept]",
    "every one, and no hook": "[sim:drop-after-accept] [sim:lost-webhook]",
}
LOST_WITH_KEYS = {
    "the first": "[sim:drop-after-accept-once]",
    "every one": "[sim:drop-after-accept]",
    "every one, and no hook": "[sim:drop-after-accept] [sim:lost-webhook]",
    "the first, and the keys are ignored": "[sim:drop-after-accept-once]",
}


@dataclass(frozen=True)
class Wish:
    """One video of a story: under which policy, which answers are lost, who may make it, and how long it is waited."""

    policy: str
    markers: str
    only: tuple[str, ...] = ()
    deadline_seconds: int = 60

    @property
    def prompt(self) -> str:
        return f"a boat, {self.policy} {self.markers}"

    @property
    def gateway(self) -> dict[str, Any]:
        return {"on_unknown": self.policy, "only": list(self.only), "deadline_seconds": self.deadline_seconds}


# the document


def rows(heading: str) -> list[dict[str, str]]:
    """The table under a heading, a dict a row."""
    _, _, behind = DOCUMENT.read_text().partition(f"# {heading}\n")
    lines = [line for line in behind.partition("\n#")[0].splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, cells, strict=True)) for cells in body]


def each(heading: str, *names: str) -> Any:
    found = rows(heading)
    return pytest.mark.parametrize(
        "row", [pytest.param(row, id=", ".join(row[name] for name in names)) for row in found]
    )


def as_documented(row: dict[str, str], seen: dict[str, str]) -> dict[str, str]:
    """What the row says, with a span of numbers narrowed to the one that was seen, if that lies in it."""
    low, _, high = row.get("submissions", "").partition(" to ")
    if high and int(low) <= int(seen["submissions"]) <= int(high):
        row = {**row, "submissions": seen["submissions"]}
    return {name: row[name] for name in seen}


# what happens


@asynccontextmanager
async def a_gateway(folder: Path, **variant: Any) -> AsyncIterator[Running]:
    unlimited = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    sandbox = SandboxSettings(speed=200, accounts=unlimited, variant=Variant(**variant))
    chosen = Setup(folder=folder, timing=TIMING, routing=WHEREVER, sandbox=sandbox, seams=Seams(verify=certificates()))
    async with running(chosen) as here:
        yield here


async def ask(here: Running, wish: Wish) -> str:
    return str((await here.create(wish.prompt, gateway=wish.gateway))["id"])


async def quiet(here: Running) -> None:
    """Until nothing is made any more, and every hook that is to come has come."""

    async def is_quiet() -> bool:
        books, truth = await books_of(here.gateway.store), await here.truth()
        heard = [bool(job["deliveries"]) for job in truth["jobs"] if calls_back(job)]
        known = [one.state not in LIVE and not _found(one) for one in books.attempts]
        return all(heard) and all(known) and {job["status"] for job in truth["jobs"]} == {"completed"}

    await until(is_quiet)


def calls_back(job: dict[str, Any]) -> bool:
    return job["provider"] == "doitong" and "lost-webhook" not in job["prompt"]


def _found(attempt: Attempt) -> bool:
    return attempt.state is AttemptState.UNKNOWN and attempt.ref is not None


async def whole(here: Running) -> tuple[Books, dict[str, Any]]:
    """The books and the sandbox's; everything that can be checked about money is."""
    books, truth = await audited(here.gateway.store, here.gateway.settings), await here.truth()
    assert_settled(books)
    assert_as_billed(books, truth)
    return books, truth


def how_it_ended(books: Books, id: str) -> dict[str, str]:
    [video] = [video for video in books.videos if video.id == id]
    attempts = [attempt for attempt in books.attempts if attempt.video == id]
    return {
        "the video": video.status.value if video.error is None else f"{video.status}: {video.error.code}",
        "the tenant": ", ".join(f"{kind} {micros / 1e6:.2f}" for kind, micros in books.moved(id).items() if micros),
        "cost": _where(books, attempts, "cost"),
        "suspense": _where(books, attempts, "suspense"),
    }


def _where(books: Books, attempts: list[Attempt], name: str) -> str:
    sums: Counter[str] = Counter()
    for attempt in attempts:
        sums[attempt.account] += books.credits(attempt, name)
    return ", ".join(f"{sums[account]} at {account}" for account in sorted(sums) if sums[account]) or "nothing"


def what_arrived(truth: dict[str, Any], prompt: str) -> dict[str, str]:
    submissions = [one for one in truth["submissions"] if one["prompt"] == prompt]
    return {"submissions": str(len(submissions)), "bills": str(sum(one["billed"] > 0 for one in submissions))}


async def play(folder: Path, row: dict[str, str], wishes: list[Wish], **variant: Any) -> None:
    async with a_gateway(folder, **variant) as here:
        ids = [await ask(here, wish) for wish in wishes]
        await asyncio.gather(*(here.finished(id) for id in ids))
        await quiet(here)
        books, truth = await whole(here)
        incidents = (await here.gateway.incidents.page(kind=None, after=None, limit=100)).incidents

    for id, wish in zip(ids, wishes, strict=True):
        seen = {**what_arrived(truth, wish.prompt), **how_it_ended(books, id)}
        assert seen == as_documented(row, seen)
    billed_twice = [incident.video for incident in incidents if incident.kind is IncidentKind.DUPLICATE_CHARGE]
    assert Counter(billed_twice) == Counter(ids if "ignored" in row["answers lost"] else [])


def deadline(row: dict[str, str]) -> int:
    return DEADLINE_SECONDS if "deadline_exceeded" in row["the video"] else 60


# the rows


@each(WITHOUT_KEYS, "on_unknown", "answers lost")
async def test_without_keys_the_policy_says_what_happens(tmp_path, row):
    only = ("veo-main",) if "nobody else" in row["answers lost"] else ()
    await play(tmp_path, row, [Wish(row["on_unknown"], LOST[row["answers lost"]], only, deadline(row))])


@each(WITH_KEYS, "answers lost")
async def test_with_keys_no_policy_is_asked(tmp_path, row):
    lost, keys = LOST_WITH_KEYS[row["answers lost"]], "ignored" not in row["answers lost"]
    wishes = [Wish(policy, lost, ("doitong-main",), deadline(row)) for policy in OnUnknown]
    await play(tmp_path, row, wishes, doitong_keys=keys)


def test_every_policy_is_in_the_document():
    assert {row["on_unknown"] for row in rows(WITHOUT_KEYS)} == {policy.value for policy in OnUnknown}
    assert {row["on_unknown"] for row in rows(WITH_KEYS)} == {"any"}


# what an operator finds out

BEGINNINGS = {
    "fail, and it has failed": Wish("fail", LOST["the first"]),
    "wait, and it waits": Wish("wait", LOST["the first"]),
    "retry, and the other was made": Wish("retry", LOST["the first, and there is nobody else"], ("veo-main",)),
    "with keys, and it has failed": Wish("fail", LOST["every one, and no hook"], ("doitong-main",), DEADLINE_SECONDS),
}


async def until_unknown(here: Running, id: str, wish: Wish) -> Attempt:
    """The attempt nobody knows the outcome of, once everything else is known."""
    if wish.policy == OnUnknown.WAIT:
        await until_waiting(here, id)
    else:
        await here.finished(id)
    await quiet(here)
    [lost] = [one for one in (await books_of(here.gateway.store)).attempts if one.state is AttemptState.UNKNOWN]
    return lost


async def until_waiting(here: Running, id: str) -> None:
    async def waits() -> bool:
        video = (await here.client.get(f"/v1/videos/{id}")).json()
        return bool(video["gateway"]["substate"] == "outcome_unknown")

    await until(waits)


async def resolve(here: Running, attempt: Attempt, says: str, cost: str) -> None:
    """What the row says that the operator says, by the operator's door."""
    if says == "bind":
        known = {one.ref for one in (await books_of(here.gateway.store)).attempts}
        [job] = [job for job in (await here.truth())["jobs"] if job["id"] not in known]
        verb, body = "bind", {"ref": job["id"]}
    else:
        verb, body = "void", {"credits": int(cost.partition(" ")[0]) if "billed" in says else 0}
    answer = await here.operator.post(f"/v1/admin/attempts/{attempt.id}/{verb}", json={**body, "note": "I looked"})
    assert answer.status_code == 200, answer.text


@each("What an operator can find out", "when", "the operator says")
async def test_an_operator_ends_the_suspense(tmp_path, row):
    wish = BEGINNINGS[row["when"]]
    async with a_gateway(tmp_path) as here:
        id = await ask(here, wish)
        lost = await until_unknown(here, id, wish)
        before = how_it_ended(await books_of(here.gateway.store), id)
        await resolve(here, lost, row["the operator says"], row["cost"])
        await here.finished(id)
        await quiet(here)
        extra = int(row["extra outputs"])

        async def kept() -> bool:
            return len((await here.gateway.videos.seen("acme", id)).outputs) == extra

        await until(kept)
        books = await audited(here.gateway.store, here.gateway.settings)
        assert_settled(books)
        if row["the operator says"] == "bind":  # what is voided was billed here all the same
            assert_as_billed(books, await here.truth())
        suspense = (await here.operator.get("/v1/admin/suspense")).json()["data"]

    seen = how_it_ended(books, id)
    assert before["suspense"] != "nothing"
    assert seen == as_documented(row, seen)
    assert {(one["credits"], one["micros"], one["attempts"]) for one in suspense} == {(0, 0, 0)}
