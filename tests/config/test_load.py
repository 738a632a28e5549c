"""A good file becomes settings."""

import pytest

from gateway.config.environment import environment
from gateway.config.findings import ConfigError
from gateway.config.load import check, load, parse
from gateway.config.settings import DEFAULT_SCOPES, DatabaseSettings, Timing, parse_listen, without_password
from providers.registry import by_name
from schema.account import Limits, Secret
from schema.tenant import Scope, TenantLimits
from schema.video import OnUnknown, Strategy

DOITONG = """
[[accounts]]
id = "doitong"
provider = "doitong"
credential = { env = "DOITONG_API_KEY" }
"""


def settings_of(text, environ):
    settings, findings = parse(text, environ)
    assert settings is not None, findings
    return settings


def test_a_small_file_loads_with_every_default(tmp_path, small, environ):
    file = tmp_path / "filmgate.toml"
    file.write_text(small)

    settings = load(file, environ)

    assert settings.timing == Timing()
    assert settings.server.address == ("127.0.0.1", 8080)
    assert settings.secrets.key == Secret(environ["FILMGATE_SECRET_KEY"])
    assert [account.id for account in settings.accounts] == ["veo"]
    assert settings.accounts[0].price_per_credit == 200_000
    assert settings.tenants[0].tenant.name == "acme"
    assert settings.tenants[0].keys[0].scopes == DEFAULT_SCOPES


def test_the_default_clocks_are_productions():
    timing = Timing()

    assert (timing.lease_seconds, timing.lease_beat_seconds) == (30, 10)
    assert (timing.poll_min_seconds, timing.poll_max_seconds) == (5, 30)
    assert (timing.submit_deadline_seconds, timing.video_deadline_seconds) == (120, 7200)
    assert list(timing.replay_schedule_seconds) == [5, 30, 120, 480]
    assert list(timing.delivery_schedule_seconds) == [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert (timing.delivery_timeout_seconds, timing.asset_timeout_seconds, timing.asset_tries) == (15, 600, 6)
    assert (timing.breaker_failures, timing.breaker_reset_seconds) == (5, 30)
    assert timing.incomplete_grace_seconds == 600


def test_a_file_that_begins_with_a_byte_order_mark_loads(tmp_path, small, environ):
    file = tmp_path / "filmgate.toml"
    file.write_bytes(b"\xef\xbb\xbf" + small.encode())

    assert load(file, environ).accounts


def test_an_account_lives_where_its_provider_does_unless_it_says_otherwise(small, environ):
    elsewhere = small.replace('provider = "veo3o1"', 'provider = "veo3o1"\nbase_url = "https://example.com/api/"')

    assert settings_of(small, environ).accounts[0].base_url == by_name()["veo3o1"].base_url
    assert settings_of(elsewhere, environ).accounts[0].base_url == "https://example.com/api"


@pytest.mark.parametrize(
    ("plan", "limits"),
    [
        ("free", Limits(per_minute=10, concurrent=1, per_day=100)),
        ("starter", Limits(per_minute=30, concurrent=3, per_day=1_000)),
        ("pro", Limits(per_minute=60, concurrent=10, per_day=10_000)),
        ("enterprise", Limits()),
    ],
)
def test_an_account_has_its_plan_s_limits(plan, limits, small, environ):
    settings = settings_of(small + DOITONG + f'plan = "{plan}"\n', environ)

    assert settings.accounts[1].limits == limits


def test_an_account_at_a_provider_with_one_plan_has_its_limits(small, environ):
    assert settings_of(small, environ).accounts[0].limits == by_name()["veo3o1"].plans["default"]


def test_limits_replace_the_plans_one_by_one(small, environ):
    plan = by_name()["doitong"].plans["starter"]
    text = small + DOITONG + 'plan = "starter"\nlimits = { concurrent = 2 }\n'

    limits = settings_of(text, environ).accounts[1].limits

    assert limits == Limits(per_minute=plan.per_minute, concurrent=2, per_day=plan.per_day)


def test_options_become_the_providers_own_type(small, environ):
    text = small + DOITONG + 'options = { transport = "rest" }\n'

    options = settings_of(text, environ).accounts[1].options

    assert isinstance(options, by_name()["doitong"].options)
    assert options.transport == "rest"


def test_an_account_without_options_has_the_providers_defaults(small, environ):
    assert settings_of(small, environ).accounts[0].options == by_name()["veo3o1"].options()


def test_a_tenants_routing_becomes_its_policy(small, environ):
    routing = 'routing = { strategy = "ordered", order = ["veo"], max_cost = "0.50", on_unknown = "wait" }\n'

    policy = settings_of(small + routing, environ).tenants[0].tenant.routing

    assert policy.strategy is Strategy.ORDERED
    assert policy.order == ("veo",)
    assert policy.per_video == 500_000
    assert policy.on_unknown is OnUnknown.WAIT


def test_routing_may_name_an_account_or_a_provider(small, environ):
    policy = settings_of(small + 'routing = { order = ["veo", "veo3o1"] }', environ).tenants[0].tenant.routing

    assert policy.order == ("veo", "veo3o1")


def test_a_key_may_have_scopes_of_its_own(small, environ):
    text = small.replace('{ env = "ACME_API_KEY" }', '{ env = "ACME_API_KEY", scopes = ["videos:read", "operator"] }')

    key = settings_of(text, environ).tenants[0].keys[0]

    assert key.scopes == {Scope.VIDEOS_READ, Scope.OPERATOR}
    assert key.secret.reveal() == environ["ACME_API_KEY"]


def test_a_secret_may_come_from_a_file_without_its_line_end(tmp_path, small, environ):
    file = tmp_path / "credential"
    file.write_text("from-a-file\n")
    text = small.replace('{ env = "VEO3O1_API_KEY" }', f'{{ file = "{file}" }}')

    assert settings_of(text, environ).accounts[0].credential.reveal() == "from-a-file"


def test_the_databases_address_may_be_kept_outside_the_file(small, environ):
    environ["DATABASE_URL"] = "postgresql://filmgate:hunter2@db/filmgate"

    settings = settings_of(small + '[database]\nurl = { env = "DATABASE_URL" }\n', environ)

    assert settings.database.url == environ["DATABASE_URL"]


def test_no_repr_shows_a_secret(small, environ):
    environ["DATABASE_URL"] = "postgresql://filmgate:hunter2@db/filmgate"

    shown = repr(settings_of(small + '[database]\nurl = { env = "DATABASE_URL" }\n', environ))

    assert not [value for value in (*environ.values(), "hunter2") if value in shown]


def test_a_file_with_warnings_still_loads(small, environ):
    settings, findings = parse(small.replace('{ env = "VEO3O1_API_KEY" }', '"typed-in"'), environ)

    assert settings is not None
    assert [finding.warning for finding in findings] == [True]
    assert settings.accounts[0].credential.reveal() == "typed-in"


def test_a_wrong_file_raises_with_everything_found(tmp_path, environ):
    file = tmp_path / "filmgate.toml"
    file.write_text('[server]\nlisten = 3\n[database]\npool = "x"\n')

    with pytest.raises(ConfigError) as caught:
        load(file, environ)

    assert {"server.listen", "database.pool", "secrets.key"} <= {finding.path for finding in caught.value.findings}
    assert f"{file}:2: server.listen:" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[server\n"], ids=["missing", "not text", "not TOML"])
def test_a_file_that_can_not_be_read_is_one_finding(tmp_path, environ, content):
    file = tmp_path / "filmgate.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load(file, environ)

    assert len(caught.value.findings) == 1


def test_a_folder_is_no_configuration(tmp_path, environ):
    with pytest.raises(ConfigError, match="can not be read"):
        load(tmp_path, environ)


def test_the_environment_is_the_processes_own(monkeypatch):
    monkeypatch.setenv("FILMGATE_TEST_VARIABLE", "here")

    assert environment()["FILMGATE_TEST_VARIABLE"] == "here"


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:80", ("::1", 80)), ("localhost:0", ("localhost", 0))],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:65536", "::1:80", "a b:80", "h:80\n"])
def test_anything_else_is_no_address_to_listen_on(text):
    with pytest.raises(ValueError, match="is not an address to listen on"):
        parse_listen(text)


def test_a_password_in_an_address_is_not_shown():
    assert without_password("postgresql://u:p%40ss@h:5432/d") == "postgresql://u:…@h:5432/d"
    assert without_password("sqlite:///a@b.db") == "sqlite:///a@b.db"
    assert "hunter2" not in repr(DatabaseSettings(url="postgresql://u:hunter2@h/d"))


def test_a_tenant_that_says_nothing_has_the_limits_of_all(small, environ):
    common = "[limits]\nqueued = 7\nconcurrent = 2\nper_minute = 30\n" + small

    said = settings_of(common + "limits = { concurrent = 5, weight = 3 }\n", environ).tenants[0].tenant.limits
    unsaid = settings_of(common, environ).tenants[0].tenant.limits

    assert said == TenantLimits(queued=7, weight=3, concurrent=5, per_minute=30)
    assert unsaid == TenantLimits(queued=7, concurrent=2, per_minute=30)
    assert settings_of(small, environ).tenants[0].tenant.limits == TenantLimits()


def test_a_server_is_explorable_unless_in_production_or_told(small, environ):
    def explorable(server):
        return settings_of(f"[server]\n{server}\n{small}", environ).server.explorable

    assert explorable("")
    assert not explorable("production = true")
    assert explorable("production = true\ndocs = true")
    assert not explorable("docs = false")


def test_proxies_that_are_believed_are_kept_as_networks(small, environ):
    server = settings_of('[server]\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n' + small, environ).server

    assert server.trusted_proxies == ("10.0.0.0/8", "::1/128")


def test_what_is_logged_is_said_in_words(small, environ):
    told = settings_of('[observability]\nlog_level = "warning"\nlog_format = "json"\n' + small, environ).observability

    assert (told.log_level, told.log_format) == ("warning", "json")
    assert check('[observability]\nlog_level = "loud"\n' + small, environ)[0].hint == (
        "allowed: debug, error, info, warning"
    )
