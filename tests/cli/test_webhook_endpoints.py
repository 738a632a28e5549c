"""``filmgate webhooks``, against a real gateway: endpoints, and what signs for them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from tests.support.running import ADMIN_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS = "https://8.8.8.8/hooks"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("here"))) as both:
        yield both


async def command(here: Running, *words: str) -> Result:
    """Run a command in a thread: the gateway that answers it lives in this one."""
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": ADMIN_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ["webhooks", *words], env=env)


async def told(here: Running, *words: str) -> dict[str, Any]:
    """What a command says as JSON, among the lines of the gateway's log, which shares this process."""
    result = await command(here, *words, "-o", "jsonl")
    assert result.exit_code == ExitCode.OK, result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


async def test_an_endpoint_is_made_changed_disabled_and_removed(here: Running):
    made = await command(here, "create", ADDRESS, "--name", "production", "--event", "video.completed")
    assert made.exit_code == ExitCode.OK, made.output
    assert "keep the secret: nobody can show it again" in made.stderr
    assert "whsec_" in made.stdout
    listed = await told(here, "list")
    id, secret_end = listed["id"], listed["signing_secret_hint"]

    shown = await command(here, "get", id)
    changed = await told(here, "update", id, "--all-events", "--disable")
    table = await command(here, "list")
    gone = await command(here, "delete", id)
    missing = await command(here, "get", id)

    assert secret_end in shown.stdout
    assert "video.completed" in shown.stdout
    assert (changed["event_types"], changed["disabled"], changed["name"]) == ([], True, "production")
    assert "disabled" in table.stdout
    assert f"{id} is gone" in gone.stderr
    assert missing.exit_code == ExitCode.NOT_FOUND


async def test_secrets_are_rotated_and_the_old_one_goes_on_when_asked(here: Running):
    made = await told(here, "create", ADDRESS)

    kept = await told(here, "rotate-secret", made["id"], "--keep-old")
    alone = await told(here, "rotate-secret", made["id"])
    first = await told(here, "rotate-secret")
    second = await told(here, "rotate-secret", "--keep-old")
    shown = await told(here, "secret")

    assert kept["previous_secret_until"]
    assert alone["previous_secret_until"] is None
    assert len({one["signing_secret"] for one in (made, kept, alone, first, second)}) == 5
    assert (shown["version"], "signing_secret" in shown) == (2, False)


async def test_what_can_not_be_is_told_with_the_field(here: Running):
    inside = await command(here, "create", "https://127.0.0.1/hooks")
    nothing = await command(here, "update", "whe_" + "0" * 26)

    assert inside.exit_code != ExitCode.OK
    assert "url" in inside.stderr
    assert "must lead to a host of the public internet" in inside.stderr
    assert nothing.exit_code == ExitCode.USAGE
