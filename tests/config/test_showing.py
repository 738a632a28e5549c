"""What counts, as it is shown: every key once, what the file says at its line, and the rest by what it follows from."""

import tomllib
from pathlib import Path

import pytest

from gateway.config.inventory import keys_of
from gateway.config.load import read_text
from gateway.config.showing import Origin, Showing
from providers.registry import by_name

EXAMPLE = (Path(__file__).parents[2] / "filmgate.example.toml").read_text()


@pytest.fixture
def shown(environ):
    def keys(text, **variables):
        reading = read_text(text, {**environ, **variables})
        assert reading.settings is not None, reading.findings
        return list(Showing(reading, "f.toml", by_name()).keys())

    return keys


def test_every_key_of_the_example_is_shown_once(shown):
    keys = [key.path for key in shown(EXAMPLE)]

    assert keys == [key.path for key in keys_of(tomllib.loads(EXAMPLE), by_name())]
    assert len(set(keys)) == len(keys)


def test_what_the_file_says_is_shown_at_its_own_line(shown):
    lines = EXAMPLE.split("\n")
    said = [key for key in shown(EXAMPLE) if key.origin is Origin.FILE]

    assert len(said) > 80
    for key in said:
        line = lines[int((key.where or "").removeprefix("f.toml:")) - 1]
        assert any(word in line for word in key.path.split(".")[-2:]), (key, line)


def test_values_are_shown_as_a_file_writes_them(shown):
    keys = {key.path: key.value for key in shown(EXAMPLE)}

    assert keys["tenants.acme.funding.per_day"] == "25.00"
    assert keys["accounts.veo-main.limits.per_minute"] == 10
    assert keys["tenants.acme.keys"][1] == {"env": "ACME_VIEWER_KEY", "scopes": ["videos:read"]}
    assert keys["tenants.acme.webhooks"][0]["secret"] == {"env": "ACME_WEBHOOK_SECRET"}


def test_what_follows_from_another_key_says_from_which(shown, small):
    keys = {key.path: (key.value, key.where) for key in shown("[server]\nproduction = true\n" + small)}

    assert keys["server.docs"] == (False, "server.production")
    assert keys["accounts.veo.plan"] == ("default", "the provider's first")
    assert keys["accounts.veo.limits.concurrent"] == (1, "the plan default")
    assert keys["tenants.acme.limits.queued"] == (1000, "[limits]")


def test_a_plan_from_a_variable_gives_its_limits(shown, small):
    account = '[[accounts]]\nid = "d"\nprovider = "doitong"\ncredential = { env = "DOITONG_API_KEY" }\n'

    keys = {key.path: key for key in shown(small + account, FILMGATE_ACCOUNTS__D__PLAN="starter")}

    assert keys["accounts.d.plan"].origin is Origin.ENVIRONMENT
    assert (keys["accounts.d.limits.per_minute"].value, keys["accounts.d.limits.per_minute"].where) == (
        30, "the plan starter"
    )  # fmt: skip
