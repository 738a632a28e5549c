"""``filmgate init``: what it writes can be used as it is."""

import stat

import pytest

from gateway.cli.exits import ExitCode
from gateway.config.load import load, read_file

CREDENTIALS = {"VEO3O1_API_KEY": "veo-credential", "DOITONG_API_KEY": "doitong", "DOITONG_WEBHOOK_SECRET": "hooks"}
NONE = dict.fromkeys(CREDENTIALS, "")


def test_with_credentials_in_the_environment_nothing_is_left_to_say(run, elsewhere):
    result = run("init", "--public-url", "https://video.example.com", env=CREDENTIALS)

    reading = read_file("filmgate.toml", CREDENTIALS)
    assert result.exit_code == ExitCode.OK
    assert result.stdout == ""
    assert reading.findings == ()
    assert reading.settings is not None
    assert [account.id for account in reading.settings.accounts] == ["veo3o1-main", "doitong-main"]
    assert reading.settings.accounts[1].webhook_secrets
    assert reading.settings.tenants[0].tenant.id == "main"
    assert run("config", "check", env=CREDENTIALS).stderr == "filmgate.toml is fine\n"


def test_without_any_it_says_what_is_missing_and_the_file_shows_how(run, elsewhere):
    result = run("init", env=NONE)

    text = (elsewhere / "filmgate.toml").read_text()
    assert result.exit_code == ExitCode.OK
    assert [finding.problem for finding in read_file("filmgate.toml", {}).findings] == [
        "there is no account: no video can be made"
    ]
    assert "there is no account" in result.stderr
    assert "export VEO3O1_API_KEY=…" in text
    assert "export DOITONG_API_KEY=…" in text


def test_what_it_left_in_comments_is_an_account_once_the_marks_are_gone(run, elsewhere):
    run("init", env=NONE)
    text = (elsewhere / "filmgate.toml").read_text()
    before, _, rest = text.partition("# [[accounts]]")
    example, _, behind = rest.partition("\n\n")

    uncommented = "[[accounts]]" + example.replace("\n# ", "\n", 3)
    (elsewhere / "filmgate.toml").write_text(f"{before}{uncommented}\n\n{behind}")

    assert [account.id for account in load("filmgate.toml", CREDENTIALS).accounts] == ["veo3o1-main"]


def test_webhooks_that_can_not_come_are_explained(run, elsewhere):
    run("init", env={**CREDENTIALS, "DOITONG_WEBHOOK_SECRET": ""})

    (finding,) = read_file("filmgate.toml", CREDENTIALS).findings
    text = (elsewhere / "filmgate.toml").read_text()
    assert "webhooks are off" in finding.problem
    assert '# public_url = "https://video.example.com"' in text
    assert '# webhook_secrets = [{ env = "DOITONG_WEBHOOK_SECRET" }]' in text


def test_its_keys_are_strong_and_for_this_user_alone(run, elsewhere):
    result = run("init", env=NONE)

    master, api = elsewhere / "filmgate.key", elsewhere / "filmgate.api-key"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (master, api)] == [0o600, 0o600]
    assert len(master.read_text().strip()) >= 64
    assert api.read_text().startswith("fg_live_")
    assert master.read_text().strip() not in result.output
    assert api.read_text().strip() not in result.output + (elsewhere / "filmgate.toml").read_text()


def test_a_file_that_is_there_is_written_over_by_force_alone_and_keys_never_are(run, elsewhere):
    run("init", env=NONE)
    key = (elsewhere / "filmgate.key").read_text()
    (elsewhere / "filmgate.toml").write_text("mine = true\n")

    refused = run("init", env=NONE)
    kept = (elsewhere / "filmgate.toml").read_text()
    forced = run("init", "--force", "--tenant", "acme", env=NONE)

    assert (refused.exit_code, kept) == (ExitCode.FAILED, "mine = true\n")
    assert "--force writes over it" in refused.stderr
    assert forced.exit_code == ExitCode.OK
    assert load("filmgate.toml", {}).tenants[0].tenant.id == "acme"
    assert (elsewhere / "filmgate.key").read_text() == key
    assert "kept  filmgate.key" in forced.stderr


def test_keys_stand_beside_a_file_elsewhere(run, elsewhere):
    (elsewhere / "etc").mkdir()

    result = run("init", "-c", "etc/filmgate.toml", env=NONE)

    assert (elsewhere / "etc" / "filmgate.key").exists()
    assert (
        load("etc/filmgate.toml", {}).secrets.key.reveal() == (elsewhere / "etc" / "filmgate.key").read_text().strip()
    )
    assert "filmgate serve -c etc/filmgate.toml" in result.stderr


@pytest.mark.parametrize(
    "words", [("--tenant", "two words"), ("--tenant", "x" * 65), ("--public-url", "video.example.com")]
)
def test_what_could_not_be_used_is_refused_before_anything_is_written(run, elsewhere, words):
    result = run("init", *words, env=NONE)

    assert result.exit_code == ExitCode.USAGE
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(run):
    result = run("init", "-c", "nowhere/filmgate.toml", env=NONE)

    assert result.exit_code == ExitCode.FAILED
    assert "nowhere/filmgate.toml can not be written: No such file or directory" in result.stderr
