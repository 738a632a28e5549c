"""``filmgate accounts add`` …, ``tenants create`` …, ``audit`` and ``config status``, against a real gateway."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from tests.support.running import ACME_KEY, ADMIN_KEY, OPERATOR_KEY, Running, Setup, running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("setups by the CLI"),  # they read what those before them did
]

SECRET = "sandbox-veo3o1-key"  # the sandbox's


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


async def command(here: Running, *words: str, key: str = OPERATOR_KEY, typed: str | None = None) -> Result:
    """Run a command in a thread: the gateway that answers it lives in this one."""
    env = {"FILMGATE_URL": here.url, "FILMGATE_KEY": key, "VEO_KEY": SECRET, "HOOK": "whsec-first"}
    return await asyncio.to_thread(CliRunner().invoke, main, list(words), env=env, input=typed)


async def data(here: Running, *words: str, **more: Any) -> Any:
    result = await command(here, *words, "-o", "json", **more)
    assert result.exit_code == ExitCode.OK, result.output
    assert SECRET not in result.output
    return json.loads(result.stdout)


def veo(here: Running, id: str) -> tuple[str, ...]:
    return ("accounts", "add", id, "--provider", "veo3o1", "--base-url", here.sandbox.veo3o1_url, "--sandbox")


async def test_an_account_goes_its_whole_way(here):
    made = await data(here, *veo(here, "veo-cli"), "--credential-env", "VEO_KEY", "--price-per-credit", "0.20")
    updated = await data(here, "accounts", "update", "veo-cli", "--concurrent", "3")
    tested = await command(here, "accounts", "test", "veo-cli")
    rotated = await data(here, "accounts", "credential", "veo-cli", typed="another-credential\n")
    hooked = await data(here, "accounts", "webhook-secrets", "veo-cli", "--secret-env", "HOOK")
    listed = await command(here, "accounts", "setups")
    stale = await command(here, "accounts", "update", "veo-cli", "--concurrent", "4", "--expect", "1")
    removed = await command(here, "accounts", "remove", "veo-cli")

    assert (made["id"], made["price_per_credit"], made["credential_version"]) == ("veo-cli", "0.20", 1)
    assert updated["limits"]["concurrent"] == 3
    assert "reached     yes\ncredential  works" in tested.stdout
    assert (rotated["credential_version"], hooked["webhook_secrets"]) == (2, 1)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        "ACCOUNT",
        "doitong-main",
        "veo-cli",
        "veo-main",
    ]
    assert (stale.exit_code, "changed_meanwhile" in stale.stderr) == (ExitCode.FAILED, True)
    assert (removed.exit_code, removed.stderr) == (ExitCode.OK, "veo-cli is removed\n")


async def test_a_secret_comes_from_a_pipe_or_a_variable_and_never_without(here):
    piped = await data(here, *veo(here, "piped"), typed=f"{SECRET}\n")
    nothing = await command(here, *veo(here, "nothing"), typed="")
    unset = await command(here, *veo(here, "unset"), "--credential-env", "NOT_THERE")

    assert piped["id"] == "piped"
    assert (nothing.exit_code, unset.exit_code) == (ExitCode.USAGE, ExitCode.USAGE)
    assert "NOT_THERE is not set" in unset.stderr


async def test_a_tenant_sets_up_its_own_with_its_own_key(here):
    made = await data(here, *veo(here, "mine"), "--own", "--credential-env", "VEO_KEY", key=ADMIN_KEY)
    listed = await data(here, "accounts", "setups", "--own", key=ADMIN_KEY)
    removed = await command(here, "accounts", "remove", "acme~mine", "--own", key=ADMIN_KEY)
    others = await command(here, "accounts", "remove", "veo-main", "--own", "--expect", "1", key=ADMIN_KEY)
    may_not = await command(here, "accounts", "setups", key=ACME_KEY)

    assert (made["id"], made["owner"]) == ("acme~mine", "acme")
    assert [one["id"] for one in listed["data"]] == ["acme~mine"]
    assert removed.exit_code == ExitCode.OK, removed.output
    assert others.exit_code == ExitCode.NOT_FOUND
    assert may_not.exit_code == ExitCode.AUTH


async def test_every_mistake_is_told_with_its_field(here):
    result = await command(here, *veo(here, "bad id"), "--plan", "gold", typed="key-of-mine")

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("filmgate: id: ")
    assert "\n  plan: 'gold' is not a plan of veo3o1" in result.stderr


async def test_a_tenant_goes_its_whole_way(here):
    made = await data(here, "tenants", "create", "studio", "--test", "--funding", "prepaid", "--opening", "2.00")
    updated = await data(here, "tenants", "update", "studio", "--name", "The Studio", "--queued", "5")
    shown = await command(here, "tenants", "show", "studio")
    listed = await command(here, "tenants", "list")
    by_file = await command(here, "tenants", "remove", "acme")
    removed = await command(here, "tenants", "remove", "studio")
    gone = await command(here, "tenants", "show", "studio")

    assert (made["setup"]["funding"]["opening"], made["setup"]["version"]) == ("2.00", 1)
    assert (updated["name"], updated["setup"]["limits"]["queued"]) == ("The Studio", 5)
    assert "managed by      api" in shown.stdout
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["TENANT", "acme", "house", "other", "studio"]
    assert "filmgate.toml" in by_file.stderr
    assert (removed.exit_code, gone.exit_code) == (ExitCode.OK, ExitCode.NOT_FOUND)


async def test_what_was_done_is_in_the_trail(here):
    listed = await command(here, "audit", "list", "--action", "tenant.", "--subject", "studio")
    page = await data(here, "audit", "list", "--limit", "1")
    exported = await command(here, "audit", "export", "--since", "2020-01-01")
    own = await data(here, "audit", "list", "--own", key=ADMIN_KEY)

    assert all(action in listed.stdout for action in ("tenant.created", "tenant.updated", "tenant.removed"))
    assert page["has_more"] is True
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert lines[-1]["id"] == page["data"][0]["id"]
    assert {one["tenant"] for one in own["data"]} == {"acme"}


async def test_how_a_gateway_stands_to_its_file_is_told(here):
    result = await command(here, "config", "status")

    assert result.exit_code == ExitCode.OK, result.output
    assert result.stdout.startswith("file    filmgate.toml\nloaded  ")
