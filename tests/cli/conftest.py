"""A small gateway to talk to, and a way to run commands against it."""

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.cli.small_gateway import KEY, SmallGateway


@pytest.fixture
def gateway():
    server = SmallGateway().start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands run in a folder of their own, without the variables of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("FILMGATE_URL", "FILMGATE_KEY", "FILMGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run():
    """Run a command in this process: what it printed where, and its exit code."""
    return lambda *words, env=None, stdin=None: CliRunner().invoke(main, list(words), env=env, input=stdin)


@pytest.fixture
def videos(run, gateway):
    """Run a command of ``filmgate videos`` against the small gateway."""
    env = {"FILMGATE_URL": gateway.url, "FILMGATE_KEY": KEY}
    return lambda *words, stdin=None: run("videos", *words, env=env, stdin=stdin)
