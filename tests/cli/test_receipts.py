"""``filmgate receipts`` and ``filmgate videos receipt``: a real gateway's receipts, verified after it is gone."""

import asyncio
import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.cli.exits import ExitCode
from gateway.policy.receipts import WELL_KNOWN, KeySet, Signer
from schema.account import Secret
from tests.support.commands import Ran, filmgate
from tests.support.running import ACME_KEY, SECRET_KEY, Setup, running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a gateway that has stopped since had its database."""
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def made(home: Path) -> tuple[bytes, bytes]:
    """A receipt of that gateway, and its keys."""
    with contextlib.redirect_stdout(io.StringIO()):
        return asyncio.run(_made(home))


async def _made(folder: Path) -> tuple[bytes, bytes]:
    async with running(Setup(folder=folder)) as pair:
        video = await pair.finished((await pair.create("a boat [sim:instant]"))["id"])
        receipt = await pair.client.get(f"/v1/videos/{video['id']}/receipt")
        keys = await pair.client.get(WELL_KNOWN)
    assert (receipt.status_code, keys.status_code) == (200, 200)
    return receipt.content, keys.content


@pytest.fixture
def files(elsewhere: Path, made: tuple[bytes, bytes]) -> Path:
    """A folder with receipt.json and keys.json."""
    receipt, keys = made
    (elsewhere / "receipt.json").write_bytes(receipt)
    (elsewhere / "keys.json").write_bytes(keys)
    return elsewhere


def test_a_receipt_is_verified_offline_and_what_it_says_is_told(run, files, made):
    facts = json.loads(made[0])

    result = run("receipts", "verify", "receipt.json", "--keys", "keys.json")

    assert (result.exit_code, result.stderr) == (ExitCode.OK, "")
    told = dict(line.split(None, 1) for line in result.stdout.splitlines())
    assert told["video"] == facts["video"]
    assert told["status"] == "completed"
    assert told["charged"] == f"{facts['money']['charged_micros'] / 1_000_000:.2f} USD"
    assert "genuine" in told["verified"]


def test_a_receipt_may_come_from_stdin_and_be_formatted(run, files, made):
    formatted = json.dumps(json.loads(made[0]), indent=4, sort_keys=True)

    result = run("receipts", "verify", "-", "--keys", "keys.json", stdin=formatted)

    assert result.exit_code == ExitCode.OK


def test_a_changed_digit_is_found_wherever_it_is(run, files, made):
    text = made[0].decode()
    places = [place for place, character in enumerate(text) if character.isdecimal()]
    for place in places[:: len(places) // 12]:
        changed = f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"

        result = run("receipts", "verify", "-", "--keys", "keys.json", stdin=changed)

        assert result.exit_code == ExitCode.FAILED
        assert result.stdout == ""
        assert "the receipt is not verified: " in result.stderr


def test_a_changed_charge_is_said_to_be_changed(run, files, made):
    facts = json.loads(made[0])
    facts["money"]["charged_micros"] -= 1
    (files / "receipt.json").write_text(json.dumps(facts))

    result = run("receipts", "verify", "receipt.json", "--keys", "keys.json")

    assert result.exit_code == ExitCode.FAILED
    assert result.stderr == (
        "filmgate: receipt.json is not verified: its signature does not fit: it was changed after it was signed\n"
    )


def test_a_receipt_of_another_gateway_is_told_by_its_key(run, files, made):
    other = Signer(Secret("another secret key, which is long enough")).keys
    (files / "keys.json").write_bytes(msgspec.json.encode(other))

    result = run("receipts", "verify", "receipt.json", "--keys", "keys.json")

    assert result.exit_code == ExitCode.FAILED
    assert json.loads(made[1])["keys"][0]["kid"] in result.stderr
    assert "is not among those given" in result.stderr


@pytest.mark.parametrize(
    ("receipt", "keys", "message"),
    [
        pytest.param("none.json", "keys.json", "none.json can not be read: No such file", id="no-receipt"),
        pytest.param(".", "keys.json", ". can not be read: Is a directory", id="a-folder"),
        pytest.param("receipt.json", "none.json", "none.json can not be read: No such file", id="no-keys"),
        pytest.param("receipt.json", "receipt.json", "receipt.json holds no keys", id="keys-that-are-none"),
        pytest.param("keys.json", "keys.json", "keys.json is not verified: it carries no signature", id="no-signature"),
        pytest.param("binary", "keys.json", "binary is not verified: it can not be read as a receipt", id="binary"),
    ],
)
def test_what_can_not_be_read_is_told_by_name(run, files, receipt, keys, message):
    (files / "binary").write_bytes(bytes(range(256)))

    result = run("receipts", "verify", receipt, "--keys", keys)

    assert result.exit_code == ExitCode.FAILED
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_what_is_signed_and_no_receipt_is_told(run, files):
    signer = Signer(SECRET_KEY)
    (files / "receipt.json").write_bytes(signer.signed({"video": 3}))
    (files / "keys.json").write_bytes(msgspec.json.encode(signer.keys))

    result = run("receipts", "verify", "receipt.json", "--keys", "keys.json")

    assert result.exit_code == ExitCode.FAILED
    assert "does not read like one" in result.stderr


def test_a_message_can_not_steer_the_terminal(run, files):
    (files / "receipt.json").write_bytes(b'{"signature": "\\u001b[2J..' + b"A" * 86 + b'"}')

    assert "\x1b" not in run("receipts", "verify", "receipt.json", "--keys", "keys.json").stderr


def test_without_keys_and_without_a_gateway_nobody_is_believed(run, files):
    result = run("receipts", "verify", "receipt.json", "--url", "http://127.0.0.1:9")

    assert result.exit_code == ExitCode.TRY_AGAIN
    assert f"http://127.0.0.1:9{WELL_KNOWN} gave no answer" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://:0"])
def test_an_address_that_is_none_is_a_usage_error(run, url):
    assert run("receipts", "keys", "--url", url).exit_code == ExitCode.USAGE


def test_the_keys_can_be_read_from_the_configuration_s_database(run, files, made, home):
    url = f"sqlite:///{home}/filmgate.db"
    (files / "filmgate.toml").write_text(f'[secrets]\nkey = {{ file = "secret" }}\n[database]\nurl = "{url}"\n')
    (files / "secret").write_text(SECRET_KEY.reveal())

    result = run("receipts", "keys", "-c", "filmgate.toml")

    assert result.exit_code == ExitCode.OK, result.output
    assert json.loads(result.stdout) == json.loads(made[1])


def test_a_video_without_a_receipt_is_told(videos, gateway):
    result = videos("receipt", "video_" + "9".zfill(26))

    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stdout == ""


def test_the_verification_in_the_documentation_works_and_finds_a_change(files, made):
    (sample,) = re.findall(r"```python\n(.+?)```", (ROOT / "docs" / "receipts.md").read_text(), re.DOTALL)
    program = [sys.executable, "-c", sample + "print(receipt['video'])"]

    good = subprocess.run(program, cwd=files, capture_output=True, text=True, timeout=60, check=False)
    (files / "receipt.json").write_bytes(made[0].replace(b'"status":"completed"', b'"status":"canceled"'))
    bad = subprocess.run(program, cwd=files, capture_output=True, text=True, timeout=60, check=False)

    assert (good.returncode, good.stdout) == (0, json.loads(made[0])["video"] + "\n")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "InvalidSignatureError" in bad.stderr


async def command(*words: str, url: str) -> Ran:
    """Run the program as a process of its own against a gateway that runs in this one."""
    return await filmgate(*words, environ={"FILMGATE_URL": url, "FILMGATE_KEY": ACME_KEY})


async def test_a_running_gateway_is_asked_for_receipts_and_keys(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        stuck = await pair.create("a boat [sim:stuck]")
        video = await pair.finished((await pair.create("a boat [sim:instant]"))["id"])
        exact = (await pair.client.get(f"/v1/videos/{video['id']}/receipt")).content
        at = {"url": pair.url}
        file = tmp_path / "receipt.json"

        early = await command("videos", "receipt", stuck["id"], **at)
        printed = await command("videos", "receipt", video["id"], **at)
        saved = await command("videos", "receipt", video["id"], "--out", str(file), **at)
        nowhere = await command("videos", "receipt", video["id"], "--out", str(tmp_path / "no" / "file"), **at)
        keys = await command("receipts", "keys", **at)
        asked = await command("receipts", "verify", str(file), **at)
        told = await command("receipts", "verify", str(file), "--keys", pair.url + WELL_KNOWN, **at)
        signer = Signer(pair.gateway.ground.root)
        wrong = await command("receipts", "verify", str(file), "--keys", pair.url + "/livez", **at)

    assert (early[0], early[1]) == (ExitCode.TRY_AGAIN, "")
    assert printed == (ExitCode.OK, exact.decode(), "")
    assert saved == (ExitCode.OK, "", "")
    assert file.read_bytes() == exact
    assert nowhere[0] == ExitCode.FAILED
    assert "can not be written" in nowhere[2]
    assert msgspec.json.decode(keys[1], type=KeySet) == signer.keys
    assert asked[0] == told[0] == ExitCode.OK
    assert asked[1] == told[1]
    assert video["id"] in asked[1]
    assert wrong[0] == ExitCode.FAILED
    assert "holds no keys" in wrong[2]
