"""The master key, and former ones: whether anybody could guess them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.config.secret_text import MISSING
from gateway.config.settings import SecretsSettings
from schema.account import Secret

SHORTEST_SECRET_KEY = 32
_FEWEST_CHARACTERS = 10
_WELL_KNOWN = (
    *("changeme", "change-me", "change_me", "replaceme", "replace-me", "yoursecret", "your-secret", "insecure"),
    *("secret", "password", "passw0rd", "passphrase", "filmgate", "example", "default", "letmein", "correcthorse"),
    *("qwerty", "asdfgh", "123456", "654321", "test-key", "testkey", "loremipsum"),
)
_OF_A_LINE = 0.5
"""The share of steps from one character to the next, such as ``a`` to ``b``, that no accident makes."""

MAKE_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))" makes a good one'


def check_secrets(secrets: SecretsSettings, notes: Notes) -> None:
    """The key and the former ones: each must be strong, and none is needed twice."""
    _check_key(secrets.key, ("secrets", "key"), notes)
    seen = {secrets.key}
    for position, former in enumerate(secrets.previous):
        place = ("secrets", "previous", position)
        _check_key(former, place, notes)
        if former != MISSING and former in seen:
            notes.warning(place, "is the key itself, or stands here twice", "leave it out")
        seen.add(former)


def _check_key(key: Secret, place: Place, notes: Notes) -> None:
    """Everything that must stay secret hangs on it, so it must not be guessable."""
    text = key.reveal()
    if key == MISSING:
        return
    if len(text) < SHORTEST_SECRET_KEY:
        notes.error(place, f"is {len(text)} characters long; {SHORTEST_SECRET_KEY} are needed", MAKE_A_KEY)
    elif guessable(text):
        notes.error(place, "is easy to guess", MAKE_A_KEY)


def guessable(text: str) -> bool:
    """Few characters, a word everybody tries first, something that repeats, or characters in a row."""
    lower = text.lower()
    few = len(set(text)) < _FEWEST_CHARACTERS
    return few or any(word in lower for word in _WELL_KNOWN) or _repeats(text) or _counts(text)


def _repeats(text: str) -> bool:
    """It is one piece, no longer than half of it, again and again; the last one may be cut."""
    return any(text.startswith(text[length:]) for length in range(1, len(text) // 2 + 1))


def _counts(text: str) -> bool:
    """Most of it goes up or down by one: ``abcdef…``, ``9876…``."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(step in (1, -1) for step in steps) >= _OF_A_LINE * len(steps)


def check_key_is_nobodys(secrets: SecretsSettings, others: Iterable[Secret], notes: Notes) -> None:
    """The master key must not be what callers or providers know."""
    if secrets.key != MISSING and secrets.key in _present(others):
        notes.error(("secrets", "key"), "is also an API key or a credential, which others know", MAKE_A_KEY)


def _present(secrets: Iterable[Secret]) -> Sequence[Secret]:
    return [secret for secret in secrets if secret != MISSING]
