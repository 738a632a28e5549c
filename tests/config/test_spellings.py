"""Keys with what stands beside them, networks, web origins and moments: read, or refused with a way to mend them."""

import pytest

from gateway.config.addresses import is_private, network
from gateway.config.load import parse
from gateway.config.settings import DEFAULT_SCOPES
from schema.tenant import Scope


@pytest.fixture
def beside(small, environ):
    """What is found, and the key that is read, with something beside it."""

    def read(words):
        text = small.replace('{ env = "ACME_API_KEY" }', f'{{ env = "ACME_API_KEY", {words} }}')
        settings, findings = parse(text, environ)
        return findings, settings.tenants[0].keys[0] if settings else None

    return read


def test_a_key_may_have_a_name_an_end_origins_and_networks(beside):
    findings, key = beside(
        'name = "web shop", scopes = ["videos:read"], expires = 2030-01-01T00:00:00Z, '
        'origins = ["https://app.example.com", "HTTP://LocalHost:3000"], networks = ["10.0.0.0/8", "192.0.2.7", "::1"]'
    )

    assert findings == []
    assert key.name == "web shop"
    assert key.scopes == {Scope.VIDEOS_READ}
    assert key.expires_at == 1_893_456_000_000
    assert key.origins == ("https://app.example.com", "http://localhost:3000")
    assert key.networks == ("10.0.0.0/8", "192.0.2.7/32", "::1/128")


def test_a_key_without_any_of_them_is_for_ever_and_from_everywhere(small, environ):
    settings, _ = parse(small, environ)
    assert settings is not None
    key = settings.tenants[0].keys[0]

    assert (key.name, key.scopes, key.expires_at, key.origins, key.networks) == ("", DEFAULT_SCOPES, None, (), ())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-01T00:00:00Z", 1_893_456_000_000),
        ('"2030-01-01T00:00:00Z"', 1_893_456_000_000),
        ('"2030-01-01t02:00:00.5+02:00"', 1_893_456_000_500),
        ("2030-01-01 00:00:00-00:00", 1_893_456_000_000),
    ],
)
def test_an_end_is_a_time_with_its_offset(beside, text, moment):
    findings, key = beside(f"expires = {text}")

    assert findings == []
    assert key.expires_at == moment


@pytest.mark.parametrize(
    ("words", "path", "problem"),
    [
        ("expires = 2030-01-01T00:00:00", "expires", "without an offset"),
        ("expires = 2030-01-01", "expires", "without an offset"),
        ('expires = "2030-01-01T00:00:00"', "expires", "without an offset"),
        ('expires = "tomorrow"', "expires", "expected a moment"),
        ("expires = 1893456000", "expires", "expected a moment"),
        ("expires = 12:00:00", "expires", "expected a moment"),
        ("expires = 1969-12-31T00:00:00Z", "expires", "lies before 1970"),
        ('origins = "https://app.example.com"', "origins", "expected a list"),
        ('origins = ["*"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["https://*.example.com"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["app.example.com"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["null"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["https://app.example.com/"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["ftp://app.example.com"]', "origins[0]", "is not the origin of a web page"),
        ('origins = ["https://me@app.example.com"]', "origins[0]", "is not the origin of a web page"),
        ("origins = [3]", "origins[0]", "expected text in quotes"),
        ('networks = ["10.0.0.1/8"]', "networks[0]", "is an address within a network"),
        ('networks = ["10.0.0.0/33"]', "networks[0]", "is not a network"),
        ('networks = ["office"]', "networks[0]", "is not a network"),
        ("networks = [10]", "networks[0]", "expected text in quotes"),
        ('nam = "x"', "nam", "unknown key 'nam'"),
        ('scopes = ["videos:reed"]', "scopes[0]", "is not a known word"),
        ("scopes = []", "scopes", "expected a list of length >= 1"),
        ("name = 3", "name", "expected text in quotes"),
    ],
)
def test_what_is_wrong_beside_a_key_is_named(beside, words, path, problem):
    (finding,), key = beside(words)

    assert key is None
    assert finding.path == f"tenants.acme.keys[0].{path}"
    assert problem in finding.problem
    assert not finding.warning


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ('origins = ["https://app.example.com/"]', 'write scheme, host and port alone: "https://app.example.com"'),
        ('origins = ["shop.example.com"]', 'write scheme, host and port alone: "https://shop.example.com"'),
        ('nam = "x"', "did you mean 'name'? allowed: env, expires, file, name, networks, origins, scopes"),
    ],
)
def test_a_hint_says_what_to_write(beside, words, hint):
    assert beside(words)[0][0].hint == hint


def test_a_network_in_error_says_what_all_of_it_is():
    with pytest.raises(ValueError, match=r'write "10.0.0.0/8" for all of it'):
        network("10.1.2.3/8")


@pytest.mark.parametrize(
    ("line", "path"),
    [('origins = ["app.example.com"]', "tenants.acme.origins[0]")],
)
def test_a_tenants_origins_are_read_the_same_way(only, small, line, path):
    assert only(small + line).path == path


def test_the_networks_of_proxies_are_networks(only, small):
    assert only('[server]\ntrusted_proxies = ["10.0.0.1/8"]\n' + small).path == "server.trusted_proxies[0]"
    everybody = only('[server]\ntrusted_proxies = ["10.0.0.0/8", "0.0.0.0/0"]\n' + small)
    assert (everybody.path, everybody.warning) == ("server.trusted_proxies[1]", True)


@pytest.mark.parametrize(
    ("key", "test", "wrong"),
    [
        ("fg_live_acme_0123456789", False, None),
        ("fg_test_acme_0123456789", False, "begins with fg_test_, and acme is no test tenant"),
        ("fg_live_acme_0123456789", True, "begins with fg_live_, and acme is a test tenant"),
        ("fg_test_acme_0123456789", True, None),
        ("of-another-kind-0123456789", True, None),
    ],
)
def test_what_a_key_begins_with_must_fit_its_tenant(small, environ, key, test, wrong):
    sandbox = (
        '[[accounts]]\nid = "sand"\nprovider = "veo3o1"\ncredential = { env = "DOITONG_API_KEY" }\nsandbox = true\n'
    )
    text = small + ("test = true\n" if test else "") + sandbox

    findings = parse(text, {**environ, "ACME_API_KEY": key})[1]

    assert [finding.problem for finding in findings] == ([wrong] if wrong else [])
    assert all(not finding.warning and key not in finding.problem for finding in findings)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://127.0.0.1:80", True),
        ("https://10.1.2.3/hook", True),
        ("https://[::1]/hook", True),
        ("https://[::ffff:10.0.0.1]", True),
        ("https://169.254.169.254/latest", True),
        ("https://db.internal", True),
        ("https://localhost", True),
        ("https://93.184.216.34", False),
        ("https://acme.example", False),
    ],
)
def test_private_is_what_never_leaves_the_network(url, private):
    assert is_private(url) is private
