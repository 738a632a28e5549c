"""``filmgate quote``, ``balance`` and ``ledger`` against a real gateway in another process."""

import asyncio
import contextlib
import csv
import io
import json
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.exits import ExitCode
from schema.tenant import Funding, FundingMode
from tests.support.running import ACME_KEY, Setup, running

FUNDING = Funding(mode=FundingMode.PREPAID, opening=500_000, per_day=10_000_000)


def serve(folder: Path, said: Connection) -> None:
    """A gateway whose tenant has made a video and is making another, until it is killed; it logs into a file."""

    async def work() -> None:
        async with running(Setup(folder=folder, funding=FUNDING)) as pair:
            await pair.finished((await pair.create("a boat [sim:instant]"))["id"])
            await pair.create("[sim:stuck]")
            said.send(pair.url)
            await asyncio.Event().wait()

    with (folder / "log").open("w") as log, contextlib.redirect_stdout(log):
        asyncio.run(work())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of such a gateway, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    heard, said = spawn.Pipe(duplex=False)
    process = spawn.Process(target=serve, args=(tmp_path_factory.mktemp("gateway"), said))
    process.start()
    said.close()
    try:
        assert heard.poll(60), "it has not come up"
        yield heard.recv()
    finally:
        process.kill()
        process.join()


@pytest.fixture
def ask(run: Callable[..., Any], url: str) -> Callable[..., Any]:
    return lambda *words, stdin=None: run(*words, env={"FILMGATE_URL": url, "FILMGATE_KEY": ACME_KEY}, stdin=stdin)


def facts(text: str) -> dict[str, str]:
    return dict(line.split("  ", 1) for line in text.splitlines() if "  " in line)


def test_a_quote_shows_the_price_and_why_each_account_can_or_can_not(ask):
    result = ask("quote", "a boat", "--seconds", "5")

    assert result.exit_code == ExitCode.OK
    told, table = result.stdout.split("\n\n", 1)
    shown = {name: value.strip() for name, value in facts(told).items()}
    assert shown["made by"] == "doitong-main (doitong)"
    assert shown["price"] == "0.10-0.20 USD"
    assert shown["expected"] == "0.10 USD"
    assert shown["quote"].startswith("quote_")
    assert "doitong-main" in table
    assert "unsupported_duration" in table
    assert result.stderr == ""


def test_a_quote_as_json_is_used_for_the_video(ask):
    wish = ("a boat [sim:instant]", "--seconds", "5", "--cancel-after", "10m")
    quote = json.loads(ask("quote", *wish, "-o", "json").stdout)

    made = ask("videos", "create", *wish, "--quote", quote["id"], "--wait", "-o", "json")
    other = ask("videos", "create", "another", "--quote", quote["id"])

    assert made.exit_code == ExitCode.OK, made.stderr
    assert json.loads(made.stdout)["gateway"]["cost"]["charged_micros"] <= quote["high_micros"]
    assert other.exit_code == ExitCode.USAGE
    assert "gateway.quote_id: was given for another wish" in other.stderr


def test_what_is_missing_is_told_and_the_video_refused(ask):
    wish = ("a boat", "--quality", "high")
    quote = ask("quote", *wish)
    refused = ask("videos", "create", *wish)

    assert quote.exit_code == ExitCode.OK
    assert "USD is missing for it" in quote.stderr
    assert refused.exit_code == ExitCode.LIMIT
    assert "insufficient_funds" in refused.stderr
    assert "is missing" in refused.stderr


def test_a_wish_nobody_can_make_is_not_quoted(ask):
    result = ask("quote", "a boat", "--max-cost", "0.01")

    assert result.exit_code == ExitCode.FAILED
    assert "no_route" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("time", ["0", "soon", "25h"])
def test_a_time_that_makes_no_sense_is_a_usage_error(ask, time):
    assert ask("quote", "a boat", "--cancel-after", time).exit_code == ExitCode.USAGE


def test_the_balance_is_shown(ask):
    table, raw = ask("balance"), json.loads(ask("balance", "-o", "json").stdout)

    shown = {name.strip(): value.strip() for name, value in facts(table.stdout).items()}
    assert table.exit_code == ExitCode.OK
    assert shown["mode"] == "prepaid"
    assert shown["held"] == "0.20 USD" == f"{raw['held_micros'] / 1e6:.2f} USD"
    assert shown["balance"] == f"{raw['balance_micros'] / 1e6:.2f} USD"
    assert shown["available now"] == f"{raw['available_micros'] / 1e6:.2f} USD"
    (budget,) = (value for name, value in shown.items() if name.startswith("budget "))
    assert budget.endswith("of 10.00 USD")


def test_the_ledger_is_listed_page_by_page(ask):
    table, rows = ask("ledger", "list"), json.loads(ask("ledger", "list", "-o", "json").stdout)["data"]
    first = ask("ledger", "list", "--limit", "1", "--order", "asc", "-o", "jsonl")
    rest = ask("ledger", "list", "--order", "asc", "--after", json.loads(first.stdout)["id"], "-o", "json")

    lines = table.stdout.splitlines()
    assert lines[0].split() == ["CREATED", "KIND", "AMOUNT", "FROM", "TO", "VIDEO", "NOTE"]
    assert len(lines) == len(rows) + 1
    assert "top_up   0.50    funding    available" in lines[-1]
    assert "there are more: --after led_" in first.stderr
    assert [row["id"] for row in json.loads(rest.stdout)["data"]] == [row["id"] for row in rows[::-1][1:]]


def test_the_ledger_is_exported_whole(ask):
    result = ask("ledger", "export")

    rows = list(csv.DictReader(io.StringIO(result.stdout, newline="")))
    balance = json.loads(ask("balance", "-o", "json").stdout)
    assert result.exit_code == ExitCode.OK
    assert sum(int(row["amount"]) for row in rows) == 0
    assert sum(int(row["amount"]) for row in rows if row["account"] == "held") == balance["held_micros"]


def test_a_wrong_key_is_told(run, url):
    for words in (("balance",), ("ledger", "list"), ("ledger", "export"), ("quote", "a boat")):
        result = run(*words, env={"FILMGATE_URL": url, "FILMGATE_KEY": "fg_test_nobody"})
        assert result.exit_code == ExitCode.AUTH, words
