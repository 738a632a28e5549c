"""Excerpts show the line and hide what is secret on it."""

import pytest

from gateway.config.excerpts import excerpt, masked


@pytest.mark.parametrize(
    "row",
    [
        'listen = "127.0.0.1:8080"',
        'credential = { env = "VEO3O1_API_KEY" }',
        'credential = { file = "/run/secrets/veo" }',
        "[[accounts]]",
        "[tenants.routing]",
        "pool = 16",
        'order = ["veo3", "doitong"]',
    ],
)
def test_what_is_no_secret_is_shown(row):
    assert masked(row) == row


@pytest.mark.parametrize(
    "row",
    [
        'credential = "SECRET"',
        "credential = 'SECRET'",
        "credential = SECRET",
        'credential: "SECRET"',
        'credentail = "SECRET"',
        'webhook_secret = ["SECRET", "SECRET"]',
        'webhook_secrets = [{ env = "A" }, "SECRET"]',
        'keys = [{ env = "A", scopes = ["videos:read"] }, "SECRET"]',
        'api_key = "SECRET',
        'credential = { env = "SECRET-live" }',
        '{ id = "a", credential = "SECRET", order = ["b"] }',
        '    "SECRET",',
        'credential "SECRET"',
        r'key = "a\"SECRET"',
    ],
)
def test_what_may_be_a_secret_is_masked(row):
    assert "SECRET" not in masked(row)


def test_a_password_in_an_address_is_masked():
    assert excerpt('url = "postgresql://u:hunter2@h/d"', 1) == 'url = "postgresql://u:…@h/d"'


def test_there_is_no_excerpt_outside_the_text_and_a_long_line_is_cut():
    assert excerpt("a = 1", None) is None
    assert excerpt("a = 1", 2) is None
    assert len(excerpt("a = " + "1" * 500, 1) or "") < 200
