"""``filmgate config check``"""

import json
import re

import pytest

from gateway.cli.exits import ExitCode

GOOD = """
[secrets]
key = { env = "FILMGATE_SECRET_KEY" }
[[accounts]]
id = "veo"
provider = "veo3o1"
credential = { env = "VEO3O1_API_KEY" }
[[tenants]]
id = "acme"
keys = [{ env = "ACME_API_KEY" }]
"""
ENVIRON = {
    "FILMGATE_SECRET_KEY": "6rVvJ2m0yX8qTz4LwB1nKpQeUaHsDfGc",
    "VEO3O1_API_KEY": "veo-credential",
    "ACME_API_KEY": "fg_live_acme_0123456789",
}


@pytest.fixture
def check(run, elsewhere):
    def checked(text, *words):
        (elsewhere / "filmgate.toml").write_text(text)
        return run("config", "check", *words, env=ENVIRON)

    return checked


def test_a_good_file_is_fine(check):
    result = check(GOOD)

    assert (result.exit_code, result.stdout, result.stderr) == (ExitCode.OK, "", "filmgate.toml is fine\n")


def test_all_mistakes_go_to_stdout_and_the_exit_code_is_3(check):
    result = check(GOOD.replace("veo3o1", "veo").replace("[secrets]", "[secrts]"))

    assert result.exit_code == ExitCode.CONFIG
    assert "filmgate.toml:2: secrts: unknown section 'secrts'\n    2 | [secrts]\n" in result.stdout
    assert "filmgate.toml:6: accounts.veo.provider: 'veo' is not a known provider" in result.stdout
    assert result.stderr == "filmgate: 3 problems\n"


def test_warnings_are_told_and_the_file_is_fine(check):
    result = check(GOOD.replace('{ env = "VEO3O1_API_KEY" }', '"typed-in-secret"'))

    assert result.exit_code == ExitCode.OK
    assert "warning: accounts.veo.credential: a literal secret stands in the file" in result.stdout
    assert "typed-in-secret" not in result.output
    assert result.stderr == "filmgate.toml is fine, 1 to think about\n"


def test_findings_may_be_had_as_json(check):
    whole = json.loads(check("x = 1\n" + GOOD, "-o", "json").stdout)
    lines = check("x = 1\n" + GOOD, "-o", "jsonl").stdout.splitlines()

    assert [(finding["line"], finding["path"]) for finding in whole] == [(1, "x")]
    assert [json.loads(line) for line in lines] == whole


def test_another_file_may_be_named_and_may_be_missing(run):
    result = run("config", "check", "other.toml")

    assert result.exit_code == ExitCode.CONFIG
    assert "other.toml: there is no such file" in result.stdout


@pytest.mark.parametrize(
    "words", [("-c", "other.toml"), ("--config", "other.toml"), ("other.toml", "-c", "other.toml")]
)
def test_the_file_may_be_named_as_it_is_to_every_other_command(check, elsewhere, words):
    (elsewhere / "other.toml").write_text(GOOD)

    result = check("x = 1\n", *words)

    assert (result.exit_code, result.stderr) == (ExitCode.OK, "other.toml is fine\n")


def test_two_different_files_are_a_usage_error(check):
    assert check(GOOD, "one.toml", "-c", "two.toml").exit_code == ExitCode.USAGE


def test_the_environment_may_name_the_file(run, elsewhere):
    (elsewhere / "other.toml").write_text(GOOD)

    result = run("config", "check", env={**ENVIRON, "FILMGATE_CONFIG": "other.toml"})

    assert (result.exit_code, result.stderr) == (ExitCode.OK, "other.toml is fine\n")


@pytest.fixture
def values(run, elsewhere):
    """``config show`` as JSON: path → value, origin and where."""

    def shown(text, *words, **environ):
        (elsewhere / "filmgate.toml").write_text(text)
        result = run("config", "show", "-o", "json", *words, env={**ENVIRON, **environ})
        assert result.exit_code == ExitCode.OK, result.stderr
        return {key["path"]: (key["value"], key["origin"], key["where"]) for key in json.loads(result.stdout)}

    return shown


def test_every_value_says_who_said_it(values):
    shown = values(
        "[limits]\nqueued = 7\nper_minute = 8\n" + GOOD,
        *("--set", "server.listen=127.0.0.1:9001"),
        FILMGATE_SERVER__LISTEN="127.0.0.1:9000",
        FILMGATE_LIMITS__PER_MINUTE="9",
        FILMGATE_ACCOUNTS__VEO__PRICE_PER_CREDIT="0.30",
    )

    assert shown["server.listen"] == ("127.0.0.1:9001", "option", "--set server.listen")
    assert shown["accounts.veo.price_per_credit"] == ("0.30", "environment", "FILMGATE_ACCOUNTS__VEO__PRICE_PER_CREDIT")
    assert shown["accounts.veo.provider"] == ("veo3o1", "file", "filmgate.toml:9")
    assert shown["accounts.veo.base_url"] == ("https://veo3o1.com/api", "default", "the provider's own")
    assert shown["accounts.veo.limits.per_minute"] == (10, "default", "the plan default")
    assert shown["server.docs"] == (True, "default", "server.production")
    assert shown["worker.concurrency"] == (64, "default", None)
    assert shown["tenants.acme.name"] == ("acme", "default", "its id")
    assert shown["tenants.acme.limits.queued"] == (7, "file", "filmgate.toml:2")
    assert shown["tenants.acme.limits.per_minute"] == (9, "environment", "FILMGATE_LIMITS__PER_MINUTE")
    assert shown["tenants.acme.limits.concurrent"] == (None, "default", "[limits]")
    assert shown["tenants.acme.routing"] == (None, "database", "filmgate tenants policy show acme")


def test_a_policy_of_the_files_is_shown_key_by_key(values):
    shown = values(GOOD, FILMGATE_TENANTS__ACME__ROUTING__STRATEGY="fastest")

    assert shown["tenants.acme.routing.strategy"] == (
        "fastest", "environment", "FILMGATE_TENANTS__ACME__ROUTING__STRATEGY"
    )  # fmt: skip
    assert shown["tenants.acme.routing.on_unknown"] == ("fail", "default", None)
    assert "tenants.acme.routing" not in shown


def test_no_secret_is_shown(run, elsewhere):
    text = GOOD.replace('{ env = "ACME_API_KEY" }', '"PLANTED-key-in-the-file", { env = "ACME_API_KEY", name = "x" }')
    text += 'webhooks = [{ url = "https://acme.example/hook?token=PLANTED", secret = { file = "hook" } }]\n'
    (elsewhere / "hook").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (elsewhere / "filmgate.toml").write_text(text)
    environ = {
        **ENVIRON,
        "FILMGATE_SECRETS__KEY": "PLANTED-6rVvJ2m0yX8qTz4LwB1nKpQeUaHs",
        "FILMGATE_ACCOUNTS__VEO__CREDENTIAL": "PLANTED",
        "FILMGATE_SECRETS__PREVIOUS": '["PLANTED-8qTz4LwB1nKpQeUaHsDfGcvJ2m0y"]',
        "FILMGATE_DATABASE__URL": "postgresql://u:PLANTED@h/d",
    }

    for words in (("--origin",), ("-o", "json"), ()):
        result = run("config", "show", *words, env=environ)

        assert result.exit_code == ExitCode.OK, result.output
        assert "PLANTED" not in result.output
        assert "whsec_Mf" not in result.output
        assert "https://acme.example/hook" in result.stdout


def test_values_are_shown_for_people_with_and_without_their_origin(run, elsewhere):
    (elsewhere / "filmgate.toml").write_text(GOOD)

    short = run("config", "show", env=ENVIRON).stdout
    long = run("config", "show", "--origin", env=ENVIRON).stdout

    assert re.search(r'^accounts.veo.credential +=  { env = "VEO3O1_API_KEY" }$', short, re.MULTILINE)
    assert re.search(
        r'^accounts.veo.credential +=  { env = "VEO3O1_API_KEY" } +file +filmgate.toml:7$', long, re.MULTILINE
    )
    assert re.search(r'^observability.log_level +=  "info" +default$', long, re.MULTILINE)


def test_a_file_that_can_not_be_used_is_not_shown(run, elsewhere):
    (elsewhere / "filmgate.toml").write_text("[server]\nlisten = 3\n")

    result = run("config", "show")

    assert (result.exit_code, result.stdout) == (ExitCode.CONFIG, "")
    assert "filmgate.toml:2: server.listen:" in result.stderr


def test_a_wrong_variable_is_named_instead_of_a_line(run, elsewhere):
    (elsewhere / "filmgate.toml").write_text("[server]\nlisten = '127.0.0.1:1'\n" + GOOD)
    environ = {**ENVIRON, "FILMGATE_SERVER__LISTEN": "nope", "FILMGATE_SERVR__LISTEN": "127.0.0.1:80"}

    result = run("config", "check", env=environ)
    as_json = json.loads(run("config", "check", "-o", "json", env=environ).stdout)

    assert result.exit_code == ExitCode.CONFIG
    assert result.stdout == (
        "FILMGATE_SERVER__LISTEN: server.listen: 'nope' is not an address to listen on; "
        'write "host:port", such as "127.0.0.1:8080"\n'
        "FILMGATE_SERVR__LISTEN: names no key of the file\n    hint: did you mean 'FILMGATE_SERVER__LISTEN'?\n"
    )
    assert [(each["source"], "line" in each) for each in as_json] == [
        ("FILMGATE_SERVER__LISTEN", False),
        ("FILMGATE_SERVR__LISTEN", False),
    ]


def test_an_option_goes_before_everything_and_must_be_one(run, elsewhere):
    (elsewhere / "filmgate.toml").write_text(GOOD)

    wrong = run("config", "check", "--set", "server.listne=x", env=ENVIRON)
    nothing = run("config", "check", "--set", "server.listen", env=ENVIRON)

    assert wrong.exit_code == ExitCode.CONFIG
    assert "--set server.listne: names no key of the file\n    hint: did you mean 'server.listen'?" in wrong.stdout
    assert nothing.exit_code == ExitCode.USAGE


def test_the_schema_is_json_on_stdout(run):
    result = run("config", "schema")

    assert result.exit_code == ExitCode.OK
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_trusted_documents_are_held_against_the_schema(check, elsewhere):
    (elsewhere / "web.json").write_text('{"a1": "{ viewer { tenant { id } } }", "b2": "{ vide }"}')
    result = check(GOOD + '\n[graphql]\ndocuments = "web.json"\n')

    assert result.exit_code == ExitCode.CONFIG
    assert "graphql.documents: web.json: document b2: Cannot query field 'vide' on type 'Query'." in result.stdout

    (elsewhere / "web.json").write_text('{"a1": "{ viewer { tenant { id } } }"}')
    assert check(GOOD + '\n[graphql]\ndocuments = "web.json"\n').exit_code == ExitCode.OK
