"""``filmgate tenants policy`` and ``whatif``, against a real gateway on a real sandbox."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from tests.support.running import ACME_KEY, OPERATOR_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("here"))) as both:
        yield both


async def command(here: Running, *words: str, key: str = OPERATOR_KEY) -> Result:
    """Run a command in a thread: the gateway that answers it lives in this one."""
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, main, ["tenants", *words], env=env)


async def told(here: Running, *words: str) -> dict[str, object]:
    """What a command says as JSON, among the lines of the gateway's log, which shares this process."""
    result = await command(here, *words, "-o", "jsonl")
    assert result.exit_code == ExitCode.OK, result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("{")]
    found: dict[str, object] = json.loads(line)
    return found


async def version(here: Running) -> int:
    found: int = (await here.client.get("/v1/tenant")).json()["policy"]["version"]
    return found


async def test_a_policy_is_shown_set_and_restored(here: Running) -> None:
    before = await version(here)
    changed = await command(
        here,
        *("policy", "set", "acme", "--note", "try veo"),
        *("--set", "strategy=ordered", "--set", "order=veo-main, doitong-main", "--set", "weights.price=0.9"),
        *("--set", "max_wait_seconds=30", "--set", 'rules=[{"when": {"image": true}, "prefer": ["veo-main"]}]'),
    )
    shown = await command(here, "policy", "show", "acme")
    restored = await command(here, "policy", "restore", "acme", str(before))

    assert changed.exit_code == shown.exit_code == restored.exit_code == ExitCode.OK, changed.output
    for line in (
        f"version           {before + 1}",
        "note              try veo",
        "managed by        api",
        "strategy          ordered",
        "weights           price 0.9, speed 0.3, reliability 0.2",
        "order             veo-main, doitong-main",
        "rule 1            image true: prefer veo-main",
    ):
        assert line in shown.stdout
    assert f"version {before} again" in restored.stdout
    assert await version(here) == before + 2


async def test_a_file_says_the_same_and_set_counts_more(here: Running, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"routing": {"strategy": "fastest", "weights": {"price": 0.1, "speed": 0.9}}}))

    made = await told(here, "policy", "set", "acme", "--file", str(file), "--set", "weights.price=0.2")
    again = await command(here, "policy", "set", "acme", "--file", str(file), "--set", "weights.price=0.2")
    back = await told(here, "policy", "set", "acme", "--set", "strategy=", "--set", "weights=null")

    assert made["routing"]["strategy"] == "fastest"  # type: ignore[index]  # it is an object
    assert made["routing"]["weights"] == {"price": 0.2, "speed": 0.9, "reliability": 0.2}  # type: ignore[index]  # as above
    assert "nothing changed" in again.stderr
    assert back["routing"]["strategy"] == "cheapest"  # type: ignore[index]  # as above


async def test_the_history_is_a_table_of_versions(here: Running) -> None:
    await command(here, "policy", "set", "acme", "--set", "max_wait_seconds=5", "--note", "patient")
    await command(here, "policy", "set", "acme", "--set", "max_wait_seconds=")

    result = await command(here, "policy", "history", "acme", "--limit", "2")

    assert "VERSION  SINCE" in result.stdout
    assert "house …" in result.stdout
    assert "patient" in result.stdout
    assert f"there are more: --after {await version(here) - 1}" in result.stderr


async def test_who_expected_another_version_is_told(here: Running) -> None:
    now = await version(here)

    result = await command(here, "policy", "set", "acme", "--set", "strategy=fastest", "--expect", str(now + 7))

    assert result.exit_code == ExitCode.FAILED
    assert f"Version {now + 7} was to be changed, and version {now}" in result.stderr
    assert "version_conflict" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to change"),
        (("--set", "strategy"), "write NAME=VALUE"),
        (("--set", "rules=["), "rules takes JSON"),
        (("--set", "order=veo-mian"), "did you mean 'veo-main'?"),
        (("--set", "strategy=cheap"), "must be one of cheapest"),
    ],
)
@pytest.mark.parametrize("verb", [("policy", "set"), ("whatif",)], ids="-".join)
async def test_what_can_not_be_is_a_mistake_of_usage(here: Running, verb: tuple[str, ...], words, said: str) -> None:
    result = await command(here, *verb, "acme", *words)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.output.replace("\n", " ")


async def test_what_another_policy_had_changed_is_shown(here: Running) -> None:
    for number in range(2):
        await here.finished((await here.create(f"[sim:instant] boat {number}"))["id"])

    words = ("whatif", "acme", "--set", "strategy=ordered", "--set", "order=veo-main", "--last", "2")
    shown, counted = await command(here, *words), await told(here, *words)

    assert shown.exit_code == ExitCode.OK
    assert "2 considered, 0 the same, 2 changed" in shown.stdout
    assert "doitong-main  veo-main  2" in shown.stdout
    assert "USD before" in shown.stdout
    assert counted["changed"] == 2


async def test_only_operators_may_and_only_for_tenants_there_are(here: Running) -> None:
    assert (await command(here, "policy", "show", "acme", key=ACME_KEY)).exit_code == ExitCode.AUTH
    assert (await command(here, "policy", "show", "nobody")).exit_code == ExitCode.NOT_FOUND
    assert (await command(here, "policy", "show", "a/b")).exit_code == ExitCode.USAGE
