"""The program: its help is quick, its exit codes are promises."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli.exits import ExitCode

ROOT = Path(__file__).parents[2]
HEAVY = ("litestar", "strawberry", "httpx", "uvicorn", "apsw", "asyncpg", "aiohttp")
COMMANDS = (
    *(("config", verb) for verb in ("check", "show", "schema")),
    ("init",),
    *(("db", verb) for verb in ("migrate", "backup", "restore", "status", "quarantine", "release")),
    ("serve",),
    ("work",),
    ("demo",),
    ("schema", "sdl"),
    ("schema", "openapi"),
    ("doctor",),
    ("quote",),
    ("balance",),
    ("ledger", "list"),
    ("ledger", "export"),
    ("receipts", "verify"),
    ("receipts", "keys"),
    ("version",),
    *(("tenants", "policy", verb) for verb in ("show", "set", "history", "restore")),
    ("tenants", "whatif"),
    *(("videos", verb) for verb in ("create", "get", "list", "watch", "download", "cancel", "explain", "receipt")),
)


def python(*words):
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom gateway.cli import main\nmain(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    result = python("-c", program)

    assert "Usage" in result.stdout
    assert result.stderr.strip() == "[]"


def test_the_program_runs_as_a_module():
    result = python("-m", "gateway.cli", "version")

    assert (result.returncode, result.stdout, result.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run, command):
    result = run(*command, "--help")

    assert result.exit_code == ExitCode.OK
    assert f"filmgate {' '.join(command)}" in " ".join(result.output.split()) or "Usage" in result.output


def test_the_version_may_be_asked_for_both_ways(run):
    assert run("version").stdout == f"{__version__}\n"
    assert run("--version").stdout == f"filmgate {__version__}\n"


def test_an_unknown_command_is_a_usage_error(run):
    assert run("vidoes").exit_code == ExitCode.USAGE


def test_the_exit_codes_are_these():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "CONFIG": 3,
        "AUTH": 4,
        "NOT_FOUND": 5,
        "PROVIDER": 6,
        "LIMIT": 7,
        "TRY_AGAIN": 75,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize("command", [("serve",), ("work",), ("db", "migrate")], ids=" ".join)
def test_a_server_does_not_start_with_a_wrong_configuration(run, command, elsewhere):
    (elsewhere / "filmgate.toml").write_text("[server]\nlisten = 3\n")

    result = run(*command)

    assert result.exit_code == ExitCode.CONFIG
    assert result.stdout == ""
    assert "filmgate.toml:2: server.listen:" in result.stderr
