"""Variables and options go before the file, name what they set, and are named when they are wrong."""

import tomllib
from pathlib import Path

import pytest

from gateway.config.inventory import keys_of
from gateway.config.load import read_text
from gateway.config.overrides import variable
from providers.registry import by_name
from schema.account import Secret
from schema.tenant import Scope
from schema.video import Strategy

EXAMPLE = Path(__file__).parents[2] / "filmgate.example.toml"


@pytest.fixture
def read(small, environ):
    """The small file, read with some variables and options."""
    return lambda *options, text=small, **variables: read_text(text, {**environ, **variables}, options=options)


@pytest.mark.parametrize(
    ("name", "text", "get", "value"),
    [
        ("SERVER__LISTEN", "0.0.0.0:80", lambda s: s.server.listen, "0.0.0.0:80"),
        ("SERVER__LISTEN", '"[::]:80"', lambda s: s.server.listen, "[::]:80"),
        ("SERVER__DOCS", "false", lambda s: s.server.docs, False),
        ("DATABASE__URL", "postgresql://u@h/d", lambda s: s.database.url, "postgresql://u@h/d"),
        ("DATABASE__POOL", "4", lambda s: s.database.pool, 4),
        ("EGRESS__ALLOW", '["http://127.0.0.1:9"]', lambda s: s.egress.allow, ("http://127.0.0.1:9",)),
        (
            "TENANTS__ACME__ROUTING__STRATEGY",
            "fastest",
            lambda s: s.tenants[0].tenant.routing.strategy,
            Strategy.FASTEST,
        ),
        ("TENANTS__ACME__LIMITS__QUEUED", "5", lambda s: s.tenants[0].tenant.limits.queued, 5),
        ("TENANTS__ACME__NAME", "42", lambda s: s.tenants[0].tenant.name, "42"),
        ("ACCOUNTS__VEO__PRICE_PER_CREDIT", "0.30", lambda s: s.accounts[0].price_per_credit, 300_000),
        ("ACCOUNTS__VEO__LIMITS__PER_MINUTE", "3", lambda s: s.accounts[0].limits.per_minute, 3),
        ("ACCOUNTS__VEO__OPTIONS__MAX_PROMPT", "100", lambda s: s.accounts[0].options.max_prompt, 100),
        ("ACCOUNTS__VEO__CREDENTIAL", "12345", lambda s: s.accounts[0].credential, Secret("12345")),
        (
            "ACCOUNTS__VEO__CREDENTIAL",
            '{ env = "ACME_API_KEY" }',
            lambda s: s.accounts[0].credential.reveal()[:8],
            "fg_live_",
        ),
        ("SECRETS__KEY", "tR7pW2zXq9LmN4vBc8KsHd3JfGy6UeAo", lambda s: s.secrets.key.reveal()[:4], "tR7p"),
    ],
)
def test_a_variable_goes_before_the_file(read, name, text, get, value):
    reading = read(**{f"FILMGATE_{name}": text})

    if "ACME_API_KEY" not in text:
        assert reading.findings == ()
    assert reading.settings is not None
    assert get(reading.settings) == value


def test_an_option_goes_before_a_variable_and_the_last_option_before_the_others(read):
    reading = read("worker.concurrency=3", "worker.concurrency=4", FILMGATE_WORKER__CONCURRENCY="2")

    assert reading.settings.worker.concurrency == 4


def test_keys_of_a_tenant_may_be_given_whole(read):
    reading = read(
        FILMGATE_TENANTS__ACME__KEYS='[{ env = "ACME_VIEWER_KEY", scopes = ["operator"] }, "fg_live_0123456789abcdef"]'
    )

    assert reading.findings == ()
    assert reading.settings.tenants[0].keys[0].scopes == {Scope.OPERATOR}


@pytest.mark.parametrize(
    "name", ["FILMGATE_SECRET_KEY", "FILMGATE_CONFIG", "FILMGATE_URL", "FILMGATE_PORT_8080_TCP", "FILMGATE"]
)
def test_variables_without_two_underscores_are_left_alone(read, name, environ):
    assert read(**{name: environ.get(name, "anything")}).findings == ()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("FILMGATE_SERVER__LISTN", "FILMGATE_SERVER__LISTEN"),
        ("FILMGATE_ACCOUNTS__VEO2__PLAN", "FILMGATE_ACCOUNTS__VEO__PLAN"),
        ("FILMGATE_TENANTS__ACME__ROUTING__STRATGY", "FILMGATE_TENANTS__ACME__ROUTING__STRATEGY"),
        ("FILMGATE_SERVER__listen", "FILMGATE_SERVER__LISTEN"),
    ],
)
def test_a_variable_that_names_nothing_is_named_with_what_it_is_near_to(read, name, near):
    (finding,) = read(**{name: "x"}).findings

    assert (finding.source, finding.line, finding.excerpt, finding.warning) == (name, None, None, False)
    assert finding.hint == f"did you mean '{near}'?"


@pytest.mark.parametrize("name", ["FILMGATE_ZZZ__YYY__XXX", "FILMGATE___", "FILMGATE_ACCOUNTS__VEO__ID"])
def test_a_variable_that_is_near_to_nothing_is_an_error_too(read, name):
    assert [finding.source for finding in read(**{name: "x"}).findings] == [name]


def test_what_is_wrong_with_a_value_names_its_variable_and_does_not_show_it(read):
    reading = read(FILMGATE_TIMING__LEASE_SECONDS="PLANTED", FILMGATE_SECRETS__KEY="PLANTED")

    said = [(finding.source, finding.path, finding.line, finding.excerpt) for finding in reading.findings]
    assert said == [
        ("FILMGATE_SECRETS__KEY", "secrets.key", None, None),
        ("FILMGATE_TIMING__LEASE_SECONDS", "timing.lease_seconds", None, None),
    ]
    assert not any("PLANTED" in finding.problem for finding in reading.findings)


def test_a_secret_in_a_variable_is_as_good_as_one_that_the_file_refers_to(read, small):
    text = "[server]\nproduction = true\n" + small

    assert read(text=text, FILMGATE_ACCOUNTS__VEO__CREDENTIAL="typed-in").findings == ()


def test_an_id_with_dots_and_dashes_is_written_with_underscores(read, small):
    text = small.replace('id = "veo"', 'id = "veo-3.main"')

    reading = read(text=text, FILMGATE_ACCOUNTS__VEO_3_MAIN__PRICE_PER_CREDIT="0.50")

    assert reading.settings.accounts[0].price_per_credit == 500_000
    assert read("accounts.veo-3.main.price_per_credit=0.60", text=text).settings.accounts[0].price_per_credit == 600_000


def test_ids_that_differ_in_dashes_only_can_not_be_told_apart(read, small):
    second = '[[accounts]]\nid = "v.eo"\nprovider = "veo3o1"\ncredential = { env = "DOITONG_API_KEY" }\n'
    text = small.replace('id = "veo"', 'id = "v-eo"') + second

    (finding,) = read(text=text, FILMGATE_ACCOUNTS__V_EO__SANDBOX="false").findings

    assert finding.problem == (
        "could be accounts.v-eo.sandbox and accounts.v.eo.sandbox: their ids differ in dots and dashes only"
    )


def test_a_value_can_not_bring_other_keys_along(read):
    reading = read(FILMGATE_SERVER__LISTEN='"127.0.0.1:1"\nx = 1')

    assert [finding.source for finding in reading.findings] == ["FILMGATE_SERVER__LISTEN"]


@pytest.mark.parametrize("wrong", ["server = 3", "[[server]]", "accounts = 3", "tenants = [3]"])
def test_where_the_file_has_no_table_the_file_is_what_is_wrong(read, wrong):
    reading = read(text=wrong, FILMGATE_SERVER__LISTEN="127.0.0.1:80")

    assert reading.settings is None
    assert all(finding.source is None for finding in reading.findings)


def test_every_key_of_the_example_has_a_variable_of_its_own():
    keys = list(keys_of(tomllib.loads(EXAMPLE.read_text()), by_name()))
    names = [variable(key.names) for key in keys]

    assert len(set(names)) == len(names) > 100
    assert {"FILMGATE_SERVER__LISTEN", "FILMGATE_ACCOUNTS__VEO_MAIN__PRICE_PER_CREDIT"} < set(names)


def test_a_place_is_known_with_what_gave_its_value(read):
    reading = read(FILMGATE_TENANTS__ACME__ROUTING__ORDER='["veo"]')

    override = reading.override(("tenants", 0, "routing", "order", 0))
    assert override is not None
    assert override.source == "FILMGATE_TENANTS__ACME__ROUTING__ORDER"
    assert reading.override(("tenants", 0, "routing")) is None
