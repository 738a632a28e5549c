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


def test_what_stands_behind_the_question_mark_of_an_address_is_masked():
    assert excerpt('url = "https://acme.example/hook?token=SECRET" # why?', 1) == (
        'url = "https://acme.example/hook?…" # why?'
    )


@pytest.mark.parametrize(
    "row",
    [
        'keys = [{ env = "A", name = "x" }, "SECRET"]',
        'keys = [{ name = "x", env = "A" }, "SECRET"]',
        'keys = [{ env = "A", origins = ["https://x.example"], networks = ["::1"] }, "SECRET"]',
        '    { env = "A", expires = 2030-01-01T00:00:00Z }, "SECRET",',
        'previous = ["SECRET", { env = "A" }]',
        'previuos = ["SECRET"]',
        'secret = "SECRET"',
    ],
)
def test_what_stands_beside_a_key_makes_no_text_behind_it_visible(row):
    assert "SECRET" not in masked(row)


@pytest.mark.parametrize("row", ['name = "Acme Studio"', 'origins = ["https://app.example.com/"]', 'networks = ["x"]'])
def test_what_may_stand_beside_a_key_is_shown_where_it_stands_alone(row):
    assert masked(row) == row
