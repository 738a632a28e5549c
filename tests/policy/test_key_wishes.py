"""What is wanted of a key: what is left out stays, and every mistake is named with the fix."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.policy.key_wishes import outgoing, successor, wished
from schema.api_key import LONGEST_LIFE, ApiKey, KeyStatus, KeyWish
from schema.errors import InvalidRequest
from schema.tenant import Scope

NOW = 1_800_000_000_000
KEY = ApiKey(
    id="key_1", tenant="acme", name="backend", hint="abcd", scopes=frozenset({Scope.VIDEOS_READ}), created_at=NOW
)


def wrong(**fields: object) -> dict[str, tuple[str, str]]:
    """The mistakes of a wish: field → code and detail."""
    with pytest.raises(InvalidRequest) as refused:
        wished(KEY, KeyWish(**fields), NOW)  # type: ignore[arg-type]  # what callers may send
    return {error.field: (error.code, error.detail) for error in refused.value.errors}


def test_what_is_left_out_stays_as_it_is():
    given = replace(KEY, origins=("https://a.test",), networks=("10.0.0.0/8",), expires_at=NOW + 1)

    assert wished(given, KeyWish(), NOW) == given
    assert wished(given, KeyWish(name=" x "), NOW) == replace(given, name="x")
    assert wished(given, KeyWish(expires_at=None), NOW).expires_at is None
    assert wished(given, KeyWish(expires_in_seconds=None), NOW).expires_at is None
    assert wished(given, KeyWish(expires_in_seconds=60), NOW).expires_at == NOW + 60_000
    assert wished(given, KeyWish(origins=(), networks=()), NOW) == replace(given, origins=(), networks=())


def test_networks_are_kept_in_one_spelling_and_nothing_twice():
    wish = KeyWish(
        networks=("203.0.113.7", "2001:DB8::/32", "2001:db8::/32", "10.0.0.0/255.0.0.0"),
        origins=("https://a.test", "http://localhost:3000", "https://a.test", "https://[2001:db8::1]:8443"),
    )

    key = wished(KEY, wish, NOW)

    assert key.networks == ("203.0.113.7/32", "2001:db8::/32", "10.0.0.0/8")
    assert key.origins == ("https://a.test", "http://localhost:3000", "https://[2001:db8::1]:8443")


@pytest.mark.parametrize(
    ("origin", "fix"),
    [
        ("https://App.Example.com", 'write "https://app.example.com"'),
        ("https://app.example.com/", 'write "https://app.example.com"'),
        ("https://app.example.com:443", 'write "https://app.example.com"'),
        ("http://user@app.example.com:80/x?y#z", 'write "http://app.example.com"'),
        ("app.example.com", "such as https://app.example.com"),
        ("https://*.example.com", "such as https://app.example.com"),
        ("null", "such as https://app.example.com"),
        ("ftp://x.test", "such as https://app.example.com"),
        ("https://x.test:99999", "such as https://app.example.com"),
        ("https://[::1", "such as https://app.example.com"),
        ("https://bücher.test", "such as https://app.example.com"),
        ("", "such as https://app.example.com"),
    ],
)
def test_an_origin_no_browser_sends_is_told_with_the_one_it_does(origin: str, fix: str):
    assert fix in wrong(origins=("https://good.test", origin))["origins[1]"][1]


@pytest.mark.parametrize(
    ("network", "fix"),
    [
        ("203.0.113.7/24", 'write "203.0.113.0/24"'),
        ("2001:db8::1/32", 'write "2001:db8::/32"'),
        ("::ffff:203.0.113.0/120", "write it as IPv4"),
        ("203.0.113.0/33", "write it like 203.0.113.0/24"),
        ("everywhere", "write it like 203.0.113.0/24"),
        ("", "write it like 203.0.113.0/24"),
    ],
)
def test_a_network_that_is_none_is_told_with_the_fix(network: str, fix: str):
    assert fix in wrong(networks=(network,))["networks[0]"][1]


def test_all_mistakes_are_told_at_once():
    said = wrong(
        name="x" * 101,
        scopes=frozenset(),
        origins=("x",),
        networks=tuple(f"10.0.0.{n}" for n in range(65)),
        expires_at=NOW,
    )

    assert {field: code for field, (code, _) in said.items()} == {
        "name": "invalid_value",
        "scopes": "too_short",
        "origins[0]": "invalid_value",
        "networks": "too_long",
        "expires_at": "out_of_range",
    }


@pytest.mark.parametrize(
    ("at", "seconds", "field"),
    [
        (NOW + 1, 1, "expires_in_seconds"),
        (None, None, "expires_in_seconds"),
        (UNSET, 0, "expires_in_seconds"),
        (UNSET, LONGEST_LIFE + 1, "expires_in_seconds"),
        (NOW, UNSET, "expires_at"),
        (NOW + LONGEST_LIFE * 1000 + 1, UNSET, "expires_at"),
    ],
)
def test_an_end_that_can_not_be_is_refused(at: object, seconds: object, field: str):
    assert set(wrong(expires_at=at, expires_in_seconds=seconds)) == {field}


def test_a_name_can_not_steer_a_terminal():
    assert "name" in wrong(name="\x1b[2J")


@pytest.mark.parametrize(("life", "ends"), [(None, None), (90_000, NOW + 1_000_000 + 90_000)])
def test_who_takes_a_keys_place_may_do_the_same_for_as_long_anew(life: int | None, ends: int | None):
    old = replace(
        KEY, networks=("10.0.0.0/8",), expires_at=None if life is None else NOW + life, used_at=NOW, origins=("o",)
    )
    later = NOW + 1_000_000

    new = successor(old, "key_2", "wxyz", later)

    assert new == replace(
        old, id="key_2", hint="wxyz", created_at=later, expires_at=ends, used_at=None, rotates="key_1"
    )


@pytest.mark.parametrize(
    ("expires", "overlap", "ends"),
    [(None, 5_000, NOW + 5_000), (NOW + 2_000, 5_000, NOW + 2_000), (NOW + 9_000, 5_000, NOW + 5_000), (None, 0, NOW)],
)
def test_a_rotated_key_goes_on_for_the_overlap_and_never_longer_than_before(
    expires: int | None, overlap: int, ends: int
):
    old = outgoing(replace(KEY, expires_at=expires), overlap, NOW)

    assert old.expires_at == ends
    assert old.works(NOW) is (overlap > 0)


def test_a_keys_status_is_what_it_can_do_now():
    assert KEY.status(NOW) is KeyStatus.ACTIVE
    assert replace(KEY, expires_at=NOW).status(NOW) is KeyStatus.EXPIRED
    assert replace(KEY, expires_at=NOW + 1).status(NOW) is KeyStatus.ACTIVE
    assert replace(KEY, expires_at=NOW, revoked_at=NOW).status(NOW) is KeyStatus.REVOKED
