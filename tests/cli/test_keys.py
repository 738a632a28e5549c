"""``filmgate keys``, against a real gateway: for a tenant's administrators, and for operators."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from tests.support.running import ACME_KEY, ADMIN_KEY, OPERATOR_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("here"))) as both:
        yield both


async def command(here: Running, *words: str, key: str = ADMIN_KEY) -> Result:
    """Run a command in a thread: the gateway that answers it lives in this one."""
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, main, ["keys", *words], env=env)


async def told(here: Running, *words: str, key: str = ADMIN_KEY) -> dict[str, Any]:
    """What a command says as JSON, among the lines of the gateway's log, which shares this process."""
    result = await command(here, *words, "-o", "jsonl", key=key)
    assert result.exit_code == ExitCode.OK, result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


async def works(here: Running, text: str) -> bool:
    response = await here.client.get("/v1/videos", headers={"authorization": f"Bearer {text}"})
    return response.status_code == 200


async def test_a_key_is_created_and_shown_this_once(here: Running) -> None:
    created = await command(
        here,
        *("create", "--name", "backend", "--scope", "videos:read", "--expires-in", "90d"),
        *("--network", "127.0.0.0/8", "--network", "::1", "--origin", "https://app.example.com"),
    )
    assert created.exit_code == ExitCode.OK, created.output
    assert "keep the key: nobody can show it again" in created.stderr
    found = re.search(r"^key +(fg_test_\w+)$", created.stdout, re.MULTILINE)
    id = re.search(r"^id +(key_\w+)$", created.stdout, re.MULTILINE)
    assert found is not None
    assert id is not None
    assert await works(here, found[1])

    shown = await command(here, "show", id[1])
    assert found[1] not in shown.output
    for line in (
        f"key         …{found[1][-4:]}",
        "name        backend",
        "status      active",
        "scopes      videos:read",
        "origins     https://app.example.com",
        "networks    127.0.0.0/8, ::1/128",
        "managed by  api",
    ):
        assert line in shown.stdout


async def test_a_key_is_updated_and_what_is_not_said_stays(here: Running) -> None:
    key = await told(here, "create", "--name", "a", "--scope", "videos:read", "--expires-at", "2031-01-31T00:00:00Z")
    assert key["expires_at"] == 1_927_584_000

    changed = await told(here, "update", key["id"], "--name", "b", "--network", "127.0.0.1")
    freed = await told(here, "update", key["id"], "--never-expires", "--any-network", "--any-origin")

    assert (changed["name"], changed["networks"], changed["expires_at"]) == ("b", ["127.0.0.1/32"], key["expires_at"])
    assert (freed["name"], freed["networks"], freed["origins"], freed["expires_at"]) == ("b", [], [], None)
    nothing = await command(here, "update", key["id"])
    assert nothing.exit_code == ExitCode.USAGE
    assert "say what to change" in nothing.stderr


async def test_a_key_is_rotated_and_revoked(here: Running) -> None:
    old = await told(here, "create", "--scope", "videos:read")

    new = await told(here, "rotate", old["id"], "--overlap", "1h")
    assert new["rotates"] == old["id"]
    assert await works(here, old["key"])
    assert await works(here, new["key"])
    again = await command(here, "rotate", old["id"])
    assert again.exit_code == ExitCode.FAILED
    assert new["id"] in again.stderr

    assert (await told(here, "revoke", old["id"]))["status"] == "revoked"
    assert (await told(here, "revoke", old["id"]))["status"] == "revoked"
    assert not await works(here, old["key"])
    assert await works(here, new["key"])


async def test_keys_are_listed_for_people_and_for_programs(here: Running) -> None:
    made = [(await told(here, "create", "--scope", "videos:read", "--name", f"n{n}"))["id"] for n in range(3)]

    table = await command(here, "list", "--limit", "2")
    lines = [line.split() for line in table.stdout.splitlines() if line.startswith(("ID", "key_"))]
    assert lines[0][:4] == ["ID", "KEY", "NAME", "STATUS"]
    assert [line[0] for line in lines[1:]] == made[:0:-1]
    assert f"there are more: --after {made[1]}" in table.stderr
    rest = await command(here, "list", "--after", made[1], "-o", "jsonl")
    ids = [json.loads(line)["id"] for line in rest.stdout.splitlines() if line.startswith("{")]
    assert ids[0] == made[0]
    page = await command(here, "list", "-o", "json")
    assert '"has_more"' in page.stdout


async def test_operators_name_the_tenant(here: Running) -> None:
    key = await told(here, "create", "--tenant", "other", key=OPERATOR_KEY)

    assert key["scopes"] == ["videos:read", "videos:write"]
    assert await works(here, key["key"])
    assert (await told(here, "show", key["id"], "--tenant", "other", key=OPERATOR_KEY))["id"] == key["id"]
    assert (await command(here, "show", key["id"])).exit_code == ExitCode.NOT_FOUND
    assert (await command(here, "list", "--tenant", "other")).exit_code == ExitCode.AUTH
    assert (await command(here, "list", "--tenant", "nobody", key=OPERATOR_KEY)).exit_code == ExitCode.NOT_FOUND
    assert (await command(here, "list", key=ACME_KEY)).exit_code == ExitCode.AUTH


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--expires-in", "soon"),
        ("create", "--expires-at", "tomorrow"),
        ("create", "--expires-at", "2031-01-31T00:00:00"),
        ("create", "--scope", "videos:all"),
        ("create", "--scope", "videos:read", "--network", "10.0.0.1/8"),
        ("create", "--scope", "videos:read", "--expires-in", "1h", "--expires-at", "2031-01-31T00:00:00Z"),
        ("rotate", "key_x", "--overlap", "a while"),
        ("show", "../admin"),
    ],
)
async def test_what_can_not_be_meant_is_a_usage_error(here: Running, words: tuple[str, ...]) -> None:
    assert (await command(here, *words)).exit_code == ExitCode.USAGE
