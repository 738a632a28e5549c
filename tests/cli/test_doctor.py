"""``filmgate doctor``: one line a thing, and what to do about it."""

import asyncio
import json
import socket

import pytest

from gateway.cli.checkup import Mark, check_python
from gateway.cli.exits import ExitCode
from gateway.store.database import connect
from gateway.store.migrate import packaged

ENVIRON = {
    "FILMGATE_SECRET_KEY": "6rVvJ2m0yX8qTz4LwB1nKpQeUaHsDfGc",
    "VEO3O1_API_KEY": "veo-credential",
    "ACME_API_KEY": "fg_live_acme_0123456789",
}


def config(**changes):
    values = {"listen": "127.0.0.1:0", "database": "sqlite:///filmgate.db", "assets": "file://./assets", **changes}
    return f"""
[server]
listen = "{values["listen"]}"
[database]
url = "{values["database"]}"
[assets]
url = "{values["assets"]}"
[secrets]
key = {{ env = "FILMGATE_SECRET_KEY" }}
[[accounts]]
id = "veo"
provider = "veo3o1"
credential = {{ env = "VEO3O1_API_KEY" }}
[[tenants]]
id = "acme"
keys = [{{ env = "ACME_API_KEY" }}]
"""


@pytest.fixture
def doctor(run, elsewhere):
    def looked(text, *words):
        if text is not None:
            (elsewhere / "filmgate.toml").write_text(text)
        return run("doctor", *words, env=ENVIRON)

    return looked


@pytest.fixture
def checks(doctor):
    def seen(text):
        return {check["name"]: check for check in json.loads(doctor(text, "-o", "json").stdout)}

    return seen


def test_a_healthy_place_is_all_ok(doctor):
    result = doctor(config())

    assert result.exit_code == ExitCode.OK
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ok", "ok", "ok", "ok", "--", "ok", "ok"]
    assert "--  database: is not there yet  -> filmgate db migrate --config filmgate.toml" in result.stdout
    assert "ok  secret key: 32 characters" in result.stdout


def test_without_a_configuration_only_the_rest_is_looked_at(doctor):
    result = doctor(None)

    assert result.exit_code == ExitCode.FAILED
    assert "there is no such file  -> filmgate init -c filmgate.toml" in result.stdout
    assert "listen" not in result.stdout


def test_a_configuration_with_warnings_is_noted(checks):
    literal = config().replace('{ env = "VEO3O1_API_KEY" }', '"typed-in"')

    assert checks(literal)["config"]["mark"] == Mark.NOTE


def test_a_database_that_is_behind_says_how_to_catch_up(checks, elsewhere):
    (elsewhere / "filmgate.db").touch()

    database = checks(config())["database"]

    assert database["mark"] == Mark.BAD
    assert database["fix"] == "filmgate db migrate --config filmgate.toml"


def test_a_database_that_is_up_to_date_is_ok(checks):
    asyncio.run(migrate("sqlite:///filmgate.db"))

    assert checks(config())["database"] == {
        "mark": "ok",
        "name": "database",
        "found": "sqlite, up to date",
        "fix": None,
    }


async def migrate(url):
    database = await connect(url, exclusive=False)
    await database.migrate(packaged())
    await database.close()


def test_a_database_that_is_none_is_told(checks, elsewhere):
    (elsewhere / "filmgate.db").write_bytes(b"this is no database" * 500)

    assert checks(config())["database"]["mark"] == Mark.BAD


def test_a_database_that_can_not_be_reached_is_told_without_its_password(doctor):
    result = doctor(config(database="postgresql://filmgate:hunter2@127.0.0.1:1/filmgate"))

    assert result.exit_code == ExitCode.FAILED
    assert "!!  database:" in result.stdout
    assert "hunter2" not in result.output


def test_a_place_for_videos_that_is_none_is_told(checks, elsewhere):
    (elsewhere / "assets").write_text("a file")

    assert checks(config())["assets"]["mark"] == Mark.BAD


def test_an_object_store_that_can_not_be_reached_is_told(checks):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    store = f'options = {{ endpoint = "http://127.0.0.1:{port}", allow_http = "true" }}'
    assets = checks(config().replace('file://./assets"', f's3://bucket/videos"\n{store}'))["assets"]

    assert assets["mark"] == Mark.BAD
    assert "assets.options" in assets["fix"]


def test_a_port_somebody_else_uses_is_told(checks):
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = checks(config(listen=f"127.0.0.1:{other.getsockname()[1]}"))["listen"]

    assert listen["mark"] == Mark.BAD
    assert "is used by" in listen["found"]
    assert "server.listen" in listen["fix"]


def test_a_port_a_gateway_uses_is_fine(checks, gateway):
    assert checks(config(listen=gateway.url.removeprefix("http://")))["listen"]["mark"] == Mark.NOTE


def test_an_address_that_is_not_this_machines_is_told(checks):
    assert checks(config(listen="192.0.2.1:8080"))["listen"]["mark"] == Mark.BAD


def test_an_old_python_is_told():
    assert check_python((3, 10, 9)).mark is Mark.BAD
    assert check_python((3, 11, 0)).mark is Mark.OK
