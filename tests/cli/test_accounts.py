"""``filmgate accounts``, against a real gateway on a real sandbox."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from msgspec.structs import replace

from gateway.cli.account_views import AccountLine, Circuit, Credits, Limit, Limits, Observed, Resting, accounts_view
from gateway.cli.exits import ExitCode
from tests.cli.test_operators import command, data
from tests.support.running import ACME_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = "ACCOUNT PROVIDER STATUS UNTIL RUNNING WAITING MINUTE DAY CREDITS LASTS MADE PAUSED BY"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("here"), per_minute=600)) as both:
        yield both


@pytest.fixture(autouse=True)
def log_apart(tmp_path: Path) -> Iterator[None]:
    """What the gateway logs is not what the commands print, although one process does both here."""
    before = structlog.get_config()
    with (tmp_path / "log").open("w") as file:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=file))
        yield
        structlog.configure(**before)


async def test_nothing_has_happened_at_first(here):
    result = await command(here, "accounts", "events")

    assert (result.stdout, result.stderr) == ("", "no events\n")


async def test_accounts_are_a_table_on_a_terminal(here):
    result = await command(here, "accounts", "list")

    head, doitong, veo = result.stdout.splitlines()
    assert " ".join(head.split()) == HEAD
    assert " ".join(veo.split()) == "veo-main veo3o1 ok - 0 of 8 0 600 left - - - 0 of 0 -"
    assert " ".join(doitong.split()) == "doitong-main doitong ok - 0 0 600 left - - - 0 of 0 -"


async def test_accounts_are_a_line_each_for_the_next_program(here):
    result = await command(here, "accounts", "list", "-o", "jsonl")

    assert [json.loads(line)["account"] for line in result.stdout.splitlines()] == ["doitong-main", "veo-main"]


async def test_an_account_is_paused_and_goes_on(here):
    paused = await command(here, "accounts", "pause", "veo-main", "--note", "the bill")
    [_, listed] = (await data(here, "accounts", "list"))["data"]
    resumed = await command(here, "accounts", "resume", "veo-main")

    assert paused.exit_code == ExitCode.OK, paused.output
    [_, row] = paused.stdout.splitlines()
    assert row.split()[:3] == ["veo-main", "veo3o1", "paused"]
    assert row.endswith("house …hijk the bill")
    assert listed["pause"]["note"] == "the bill"
    assert resumed.stdout.splitlines()[1].split()[2] == "ok"


async def test_an_accounts_credits_are_told(here):
    told = await data(here, "accounts", "credits", "veo-main", "120", "--note", "the dashboard")
    listed = await command(here, "accounts", "list")

    assert told["credits"]["left"] == 120
    assert "120" in listed.stdout.splitlines()[2].split()


async def test_what_happened_is_a_table_a_page_at_a_time(here):
    for note in ("first", "second"):
        assert (await data(here, "accounts", "reset", "doitong-main", "--note", note))["circuit"]["state"] == "closed"

    page = await command(here, "accounts", "events", "--account", "doitong-main", "--limit", "1")
    lines = await command(here, "accounts", "events", "--account", "doitong-main", "-o", "jsonl")
    after = page.stderr.split()[-1]
    behind = await command(here, "accounts", "events", "--account", "doitong-main", "--after", after)

    head, row = page.stdout.splitlines()
    assert head.split() == ["ID", "WHEN", "ACCOUNT", "WHAT", "BY", "FACTS"]
    assert "account.reset" in row
    assert row.endswith("note second")
    assert page.stderr.startswith("there are more: --after aev_")
    assert behind.stdout.splitlines()[1].endswith("note first")
    assert [json.loads(line)["data"]["note"] for line in lines.stdout.splitlines()] == ["second", "first"]


async def test_an_account_that_nobody_has_configured_is_not_found(here):
    result = await command(here, "accounts", "pause", "nobody")

    assert result.exit_code == ExitCode.NOT_FOUND


@pytest.mark.parametrize("words", [("pause", "no/body"), ("credits", "veo-main", "-1"), ("events", "--limit", "101")])
async def test_what_makes_no_sense_is_never_sent(here, words):
    result = await command(here, "accounts", *words)

    assert result.exit_code == ExitCode.USAGE


async def test_who_is_no_operator_is_told_so(here):
    result = await command(here, "accounts", "list", key=ACME_KEY)

    assert result.exit_code == ExitCode.AUTH


WELL = AccountLine(
    account="veo-main",
    provider="veo3o1",
    circuit=Circuit("closed"),
    paused=False,
    credential="works",
    limits=Limits(concurrent=Limit(8, 2, 6), per_minute=Limit(), per_day=Limit()),
    waiting=3,
    observed=Observed(made=9, failed=1),
)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({}, "ok - 2 of 8 3 - - - - 9 of 10 -", id="well"),
        pytest.param(
            {"circuit": Circuit("open", 1_795_000_000)},
            "circuit open 2026-11-18 11:06:40Z 2 of 8 3 - - - - 9 of 10 -",
            id="open",
        ),
        pytest.param(
            {"circuit": Circuit("half_open"), "resting": Resting("busy", 1_795_000_000)},
            "circuit half_open, busy 2026-11-18 11:06:40Z 2 of 8 3 - - - - 9 of 10 -",
            id="two-reasons",
        ),
        pytest.param(
            {"credential": "refused", "resting": Resting("busy", 1_795_000_000)},
            "credential refused, busy - 2 of 8 3 - - - - 9 of 10 -",
            id="no-end-is-known",
        ),
        pytest.param({"credits": Credits(5, 0.5)}, "ok - 2 of 8 3 - - 5 30m 9 of 10 -", id="minutes"),
        pytest.param({"credits": Credits(5, 12.4)}, "ok - 2 of 8 3 - - 5 12h 9 of 10 -", id="hours"),
        pytest.param({"credits": Credits(5, 240)}, "ok - 2 of 8 3 - - 5 10d 9 of 10 -", id="days"),
        pytest.param({"credits": Credits(5)}, "ok - 2 of 8 3 - - 5 - 9 of 10 -", id="for-ever"),
    ],
)
async def test_a_row_says_what_keeps_an_account_from_videos_and_how_long_its_credits_last(changes, says):
    _, row = accounts_view((replace(WELL, **changes),)).splitlines()

    assert " ".join(row.split()) == f"veo-main veo3o1 {says}"
