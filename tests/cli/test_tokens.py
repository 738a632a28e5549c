"""``filmgate tokens``, against a real gateway on a real sandbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from tests.support.browsers import browser
from tests.support.running import ACME_KEY, OPERATOR_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("here"))) as both:
        yield both


@pytest.fixture(autouse=True)
def log_apart(tmp_path: Path) -> Iterator[None]:
    """What the gateway logs is not what the commands print, although one process does both here."""
    before = structlog.get_config()
    with (tmp_path / "log").open("w") as file:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=file))
        yield
        structlog.configure(**before)


async def command(here: Running, *words: str, key: str = ACME_KEY) -> Result:
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, main, ["tokens", *words], env=env)


async def test_a_token_is_printed_alone_so_that_it_can_be_piped(here):
    made = await command(here, "create", "--end-user", "ann", "--write", "--creates", "2", "--allowance", "1.50")

    assert made.exit_code == ExitCode.OK, made.output
    assert made.stdout.count("\n") == 1
    assert "works until" in made.stderr
    async with browser(here.url, made.stdout.strip()) as page:
        assert (await page.post("/v1/videos", json={"prompt": "a fox"})).status_code == 202


async def test_tokens_are_a_table_and_one_can_be_ended(here):
    made = json.loads((await command(here, "create", "--seconds", "60", "-o", "json")).stdout)
    before = await command(here, "list", "--limit", "1")
    ended = await command(here, "revoke", made["id"])
    after = await command(here, "list", "--limit", "1")

    assert made["expires_at"] - made["created_at"] == 60
    assert before.stdout.split("\n")[1].split()[:2] == [made["id"], "works"]
    assert ended.exit_code == ExitCode.OK
    assert after.stdout.split("\n")[1].split()[:2] == [made["id"], "revoked"]
    async with browser(here.url, made["token"]) as page:
        assert (await page.get("/v1/videos")).status_code == 401


async def test_what_is_wrong_is_said_with_its_field(here):
    refused = await command(here, "create", "--creates", "2")
    unknown = await command(here, "revoke", "ctk_" + "0" * 26)

    assert refused.exit_code == ExitCode.USAGE
    assert "creates" in refused.stderr
    assert unknown.exit_code == ExitCode.NOT_FOUND


async def test_operators_sign_with_a_new_key(here):
    rotated = await command(here, "rotate-key", "--note", "yearly", key=OPERATOR_KEY)
    refused = await command(here, "rotate-key")

    assert rotated.exit_code == ExitCode.OK, rotated.output
    assert len(rotated.stdout.strip()) == 43
    assert refused.exit_code == ExitCode.AUTH
