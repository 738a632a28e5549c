"""``filmgate config check``"""

import json

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
