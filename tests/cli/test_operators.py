"""``filmgate attempts``, ``tenants`` and ``incidents``, against a real gateway on a real sandbox."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from click.testing import CliRunner, Result
from msgspec.structs import replace

from gateway.cli import main
from gateway.cli.exits import ExitCode
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from schema.tenant import Funding, FundingMode
from tests.flows.test_resolutions import accepted, answered
from tests.repo.sources import ROOT
from tests.support.running import ACME_KEY, FAST, OPERATOR_KEY, SPEED, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "att_" + "0" * 26


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    careless, prepaid = replace(FAST, breaker_failures=1_000_000), Funding(mode=FundingMode.PREPAID, opening=20_000_000)
    unlimited = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    setup = Setup(
        folder=tmp_path_factory.mktemp("here"),
        timing=careless,
        concurrent=1_000,
        funding=prepaid,
        sandbox=SandboxSettings(speed=SPEED, accounts=unlimited),
    )
    async with running(setup) as both:
        yield both


@pytest.fixture(autouse=True)
def log_apart(tmp_path: Path) -> Iterator[None]:
    """What the gateway logs is not what the commands print, although one process does both here."""
    before = structlog.get_config()
    with (tmp_path / "log").open("w") as file:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=file))
        yield
        structlog.configure(**before)


async def command(here: Running, *words: str, key: str = OPERATOR_KEY) -> Result:
    """Run a command in a thread: the gateway that answers it lives in this one."""
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, main, list(words), env=env)


async def data(here: Running, *words: str) -> Any:
    result = await command(here, *words, "-o", "json")
    assert result.exit_code == ExitCode.OK, result.output
    return json.loads(result.stdout)


async def lost(here: Running, prompt: str = "[sim:drop-after-accept] a fox") -> tuple[str, str]:
    created = await here.create(prompt, gateway={"only": ["veo3o1"]})
    video = await here.finished(created["id"])
    return video["id"], video["gateway"]["attempts"][0]["id"]


async def job_of(here: Running, prompt: str) -> str:
    [ref] = [job["id"] for job in (await here.truth())["jobs"] if job["prompt"] == prompt]
    return str(ref)


async def test_unknown_attempts_are_a_table_on_a_terminal(here):
    _, attempt = await lost(here)

    result = await command(here, "attempts", "unknown", "--limit", "100")

    head, *rows = result.stdout.splitlines()
    assert result.exit_code == ExitCode.OK
    assert " ".join(head.split()) == "ID ACCOUNT TENANT VIDEO SENT AGE CREDITS MONEY REASON REF PROMPT"
    [row] = [row for row in rows if attempt in row]
    assert all(word in row for word in ("veo-main", "acme", "failed", "0.40", "lost", "[sim:drop-after-accept] a fox"))


async def test_unknown_attempts_are_narrowed_and_read_a_page_at_a_time(here):
    for _ in range(2):
        await lost(here)

    first = await command(here, "attempts", "unknown", "--limit", "1", "-o", "json")
    after = json.loads(first.stdout)["last_id"]
    rest = await data(here, "attempts", "unknown", "--after", after, "--account", "veo-main")
    nobody = await command(here, "attempts", "unknown", "--tenant", "other")

    assert f"there are more: --after {after}" in first.stderr
    assert after not in {one["id"] for one in rest["data"]}
    assert (nobody.stdout, nobody.stderr) == ("", "no unknown attempts\n")


async def test_a_bind_says_what_was_written_down_and_is_final(here):
    prompt = "[sim:drop-after-accept] a fox to be bound"
    video, attempt = await lost(here, prompt)
    ref = await job_of(here, prompt)

    bound = await command(here, "attempts", "bind", attempt, ref, "--note", "in the dashboard", "--yes")
    again = await command(here, "attempts", "bind", attempt, ref, "--yes")

    assert bound.exit_code == ExitCode.OK, bound.output
    for line in (f"attempt  {attempt}", f"video    {video}", f"ref      {ref}", "by       house …hijk"):
        assert line in bound.stdout
    assert "note     in the dashboard" in bound.stdout
    assert again.exit_code == ExitCode.FAILED
    assert "not_unknown" in again.stderr


async def test_a_void_by_a_script_that_says_yes_is_not_asked_about(here):
    _, attempt = await lost(here)

    resolution = await data(here, "attempts", "void", attempt, "--credits", "2", "--note", "gone", "--yes")

    assert (resolution["verb"], resolution["credits"], resolution["note"]) == ("void", 2, "gone")


@pytest.mark.parametrize("verb", [("void",), ("bind", "job-7")])
async def test_a_script_that_does_not_say_yes_changes_nothing(here, verb):
    _, attempt = await lost(here)
    word, *ref = verb

    result = await command(here, "attempts", word, attempt, *ref)

    unknown = (await data(here, "attempts", "unknown", "--limit", "100"))["data"]
    assert result.exit_code == ExitCode.USAGE
    assert "say --yes" in result.stderr
    assert attempt in {one["id"] for one in unknown}


async def test_a_bind_on_a_terminal_is_asked_about_and_shows_the_job(here):
    _, attempt = await lost(here)

    exited, said = await typed(here, "n\n", "attempts", "bind", attempt, "job-7")

    unknown = (await data(here, "attempts", "unknown", "--limit", "100"))["data"]
    assert exited == ExitCode.FAILED
    assert f"{attempt} is the provider's job job-7: this is for ever. Go on?" in said
    assert attempt in {one["id"] for one in unknown}


@pytest.mark.parametrize(("answer", "code"), [("n\n", ExitCode.FAILED), ("y\n", ExitCode.OK)])
async def test_a_void_on_a_terminal_is_asked_about(here, answer, code):
    _, attempt = await lost(here)

    exited, said = await typed(here, answer, "attempts", "void", attempt)

    written = (await data(here, "attempts", "unknown", "--limit", "100"))["data"]
    assert exited == code
    assert "Go on?" in said
    assert (attempt in {one["id"] for one in written}) == (code is ExitCode.FAILED)


async def test_a_void_that_says_yes_is_not_asked_about_on_a_terminal(here):
    _, attempt = await lost(here)

    exited, said = await typed(here, "", "attempts", "void", attempt, "--yes")

    assert (exited, said) == (ExitCode.OK, "")


async def typed(here: Running, answer: str, *words: str) -> tuple[int | None, str]:
    """Run a command on a real terminal, where somebody types an answer: its exit code, and what it said to him."""
    keyboard, terminal = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.cli", *words),
            stdin=terminal,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"FILMGATE_URL": here.url, "FILMGATE_KEY": OPERATOR_KEY, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        )
        os.write(keyboard, answer.encode())
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    return process.returncode, said.decode()


async def test_exit_codes_tell_what_is_wrong(here):
    _, attempt = await lost(here)

    nobody = await command(here, "attempts", "void", NOBODY, "--yes")
    forbidden = await command(here, "attempts", "unknown", key=ACME_KEY)
    odd = await command(here, "attempts", "bind", "no/such", "ref")
    spaced = await command(here, "attempts", "bind", attempt, "two words", "--yes")

    assert nobody.exit_code == ExitCode.NOT_FOUND
    assert forbidden.exit_code == ExitCode.AUTH
    assert odd.exit_code == spaced.exit_code == ExitCode.USAGE


async def test_a_top_up_gives_once_for_a_key(here):
    before = (await data(here, "tenants", "balance", "acme"))["available_micros"]

    first = await command(here, "tenants", "top-up", "acme", "5.25", "--note", "invoice 7", "--key", "k1")
    again = await data(here, "tenants", "top-up", "acme", "5.25", "--key", "k1")
    other = await command(here, "tenants", "top-up", "acme", "6", "--key", "k1")

    assert first.exit_code == ExitCode.OK, first.output
    assert "amount   5.25 USD" in first.stdout
    assert f"balance  {(before + 5_250_000) / 1e6:.2f} USD" in first.stdout
    assert "already booked" not in first.stderr
    assert again["id"] in first.stdout
    assert (other.exit_code, "idempotency_key_reused" in other.stderr) == (ExitCode.USAGE, True)
    assert (await data(here, "tenants", "balance", "acme"))["available_micros"] == before + 5_250_000


async def test_a_repeated_top_up_says_that_it_was_booked_already(here):
    await command(here, "tenants", "top-up", "acme", "1", "--key", "k2")

    again = await command(here, "tenants", "top-up", "acme", "1", "--key", "k2")

    assert again.exit_code == ExitCode.OK
    assert again.stderr == "already booked: the same key was used before\n"


async def test_a_correction_shows_the_new_balance(here):
    before = (await data(here, "tenants", "balance", "acme"))["balance_micros"]

    taken = await command(here, "tenants", "adjust", "acme", "-0.5")

    assert f"balance  {(before - 500_000) / 1e6:.2f} USD" in taken.stdout


async def test_a_correction_may_take(here):
    taken = await data(here, "tenants", "adjust", "acme", "-0.75", "--note", "twice billed")
    given = await data(here, "tenants", "adjust", "acme", "0.75")

    assert (taken["amount_micros"], given["amount_micros"]) == (-750_000, 750_000)
    assert taken["note"] == "twice billed"


async def test_a_correction_is_booked_once_for_a_key(here):
    first = await data(here, "tenants", "adjust", "acme", "-0.25", "--key", "k3")
    again = await command(here, "tenants", "adjust", "acme", "-0.25", "--key", "k3")
    other = await command(here, "tenants", "adjust", "acme", "-0.5", "--key", "k3")

    assert again.exit_code == ExitCode.OK
    assert again.stderr == "already booked: the same key was used before\n"
    assert first["id"] in again.stdout
    assert (other.exit_code, "idempotency_key_reused" in other.stderr) == (ExitCode.USAGE, True)


async def test_a_balance_is_shown_as_its_tenant_sees_it(here):
    theirs = await command(here, "balance", key=ACME_KEY)
    result = await command(here, "tenants", "balance", "acme")

    assert result.exit_code == ExitCode.OK
    assert result.stdout == theirs.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("top-up", "nobody", "1"), ExitCode.NOT_FOUND),
        (("top-up", "acme", "ten"), ExitCode.USAGE),
        (("top-up", "acme", "0"), ExitCode.USAGE),
        (("adjust", "acme", "--9"), ExitCode.USAGE),
        (("adjust", "acme", "-99999"), ExitCode.USAGE),
        (("balance", "no/such"), ExitCode.USAGE),
    ],
)
async def test_money_that_can_not_be_booked_is_refused(here, words, code):
    result = await command(here, "tenants", *words)

    assert result.exit_code == code, result.output


async def test_an_amount_that_is_written_in_another_way_is_told_how_to_write_it(here):
    result = await command(here, "tenants", "top-up", "acme", "1e3")

    assert result.exit_code == ExitCode.USAGE
    assert 'must be an amount as text, such as "20.00"' in result.stderr
    assert "regex" not in result.stderr


async def test_incidents_are_a_table_on_a_terminal(here):
    _, attempt = await lost(here)
    await command(here, "attempts", "void", attempt, "--yes")
    found = await here.gateway.store.read(lambda tx: tx.attempts.get(attempt))
    await answered(here, found, accepted("uuid-of-a-replay"))

    table = await command(here, "incidents", "--kind", "duplicate_charge")
    none = await command(here, "incidents", "--kind", "orphan_hook")

    assert any(attempt in line and "second uuid-of-a-replay" in line for line in table.stdout.splitlines())
    assert (none.stdout, none.stderr) == ("", "no incidents\n")
