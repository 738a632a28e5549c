"""A master key that is missing, short, well known or made up by hand is refused; so is a former one."""

import re
import secrets

import pytest

from gateway.config.findings import rendered
from gateway.config.load import check, parse
from gateway.config.master_key import guessable
from schema.account import Secret
from tests.repo.sources import ROOT

STRONG = "tR7pW2zXq9LmN4vBc8KsHd3JfGy6UeAo"


@pytest.mark.parametrize(
    "word",
    [
        *("changeme", "change-me", "change_me", "replaceme", "replace-me", "yoursecret", "your-secret", "insecure"),
        *("secret", "password", "passw0rd", "passphrase", "filmgate", "example", "default", "letmein", "correcthorse"),
        *("qwerty", "asdfgh", "123456", "654321", "test-key", "testkey", "loremipsum"),
    ],
)
def test_a_word_that_is_tried_first_is_refused_wherever_it_stands(small, environ, word):
    key = STRONG[:16] + word.upper() + STRONG[16:]

    findings = check(small, {**environ, "FILMGATE_SECRET_KEY": key})

    assert [(finding.path, finding.problem) for finding in findings] == [("secrets.key", "is easy to guess")]
    assert "token_urlsafe" in (findings[0].hint or "")
    assert key not in rendered(findings, "filmgate.toml")


@pytest.mark.parametrize(
    "key",
    [
        "x" * 64,
        "abcdabcdabcdabcdabcdabcdabcdabcd",
        STRONG[:16] * 2,
        STRONG[:12] * 3,
        STRONG[:13] * 2 + STRONG[:9],
        "abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "zyxwvutsrqponmlkjihgfedcba987650",
        "0123456789" * 4,
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_what_repeats_or_counts_is_refused(key):
    assert guessable(key)


def test_keys_made_by_chance_are_taken():
    """Two thousand of each kind that our hint, or another tool, makes."""
    makers = (lambda: secrets.token_urlsafe(48), lambda: secrets.token_hex(32), lambda: secrets.token_urlsafe(24))

    assert sum(guessable(make()) for make in makers for _ in range(2000)) <= 3  # chance may write 123456


@pytest.mark.parametrize("length", [0, 1, 31])
def test_a_key_that_is_missing_or_short_is_refused(small, environ, length):
    findings = check(small, {**environ, "FILMGATE_SECRET_KEY": STRONG[:length]})

    assert [finding.path for finding in findings] == ["secrets.key"]
    assert not findings[0].warning


def test_no_text_of_our_own_pages_will_do():
    """Whoever copies a key from a page has one that everybody has."""
    pages = [ROOT / "README.md", ROOT / "filmgate.example.toml", *(ROOT / "docs").rglob("*.md")]
    texts = {text for page in pages for text in re.findall(r"[A-Za-z0-9_+/=-]{32,}", page.read_text())}
    words = re.compile(r"[A-Za-z/]*[0-9]*([-_/=.+][A-Za-z]+)+|[A-Z_]+|[a-z_-]+")

    assert [text for text in texts if not words.fullmatch(text) and not guessable(text)] == []


def test_former_keys_are_kept_and_judged_like_the_key(small, environ):
    environ |= {"OLD": STRONG, "WEAK": "short"}
    good = small.replace("[secrets]", '[secrets]\nprevious = [{ env = "OLD" }]')
    weak = small.replace("[secrets]", '[secrets]\nprevious = [{ env = "OLD" }, { env = "WEAK" }]')

    settings, findings = parse(good, environ)

    assert findings == []
    assert settings is not None
    assert settings.secrets.previous == (Secret(STRONG),)
    assert [(each.path, each.problem) for each in check(weak, environ)] == [
        ("secrets.previous[1]", "is 5 characters long; 32 are needed")
    ]


def test_a_key_that_is_also_a_former_one_is_warned_about(small, environ):
    text = small.replace("[secrets]", '[secrets]\nprevious = [{ env = "FILMGATE_SECRET_KEY" }]')

    assert [(each.path, each.warning) for each in check(text, environ)] == [("secrets.previous[0]", True)]


def test_a_former_key_in_the_file_is_masked(small, environ):
    text = small.replace("[secrets]", f'[secrets]\nprevious = ["{STRONG}", "short"]')

    assert STRONG not in rendered(check(text, environ), "filmgate.toml")


@pytest.mark.parametrize("name", ["ACME_API_KEY", "VEO3O1_API_KEY"])
def test_a_key_that_others_know_is_refused(small, environ, name):
    findings = check(small, {**environ, name: environ["FILMGATE_SECRET_KEY"]})

    assert [(finding.path, finding.problem) for finding in findings] == [
        ("secrets.key", "is also an API key or a credential, which others know")
    ]
