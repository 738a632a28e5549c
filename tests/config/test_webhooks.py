"""Webhook endpoints in the file: kept, and checked for addresses that may not be called and secrets nobody can use."""

import base64

import pytest

from gateway.config.load import parse
from gateway.config.settings import WebhookSetup
from schema.account import Secret
from schema.event import EventType

GOOD = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def with_hook(small, environ):
    """What is found in the small file with an endpoint, and the settings."""

    def read(endpoint, before="", secret=GOOD):
        text = f"{before}\n{small}\n[[tenants.webhooks]]\n{endpoint}\n"
        settings, findings = parse(text, {**environ, "HOOK": secret})
        return settings, [(each.path.removeprefix("tenants.acme."), each.problem, each.warning) for each in findings]

    return read


def test_an_endpoint_is_kept(with_hook):
    settings, findings = with_hook(
        'url = "https://acme.example/hook?token=x"\n'
        'events = ["video.completed", "budget.warning"]\nsecret = { env = "HOOK" }'
    )

    assert findings == []
    assert settings.tenants[0].webhooks == (
        WebhookSetup(
            url="https://acme.example/hook?token=x",
            events=(EventType.COMPLETED, EventType.BUDGET_WARNING),
            secret=Secret(GOOD),
        ),
    )


def test_an_endpoint_that_names_no_event_and_no_secret_is_told_all(with_hook):
    settings, findings = with_hook('url = "https://acme.example/hook"')

    assert findings == []
    assert settings.tenants[0].webhooks == (WebhookSetup(url="https://acme.example/hook"),)


@pytest.mark.parametrize(
    ("url", "problem", "warning"),
    [
        ("acme.example/hook", "is not an address", False),
        ("ftp://acme.example/hook", "is not an address", False),
        ("https://u:p@acme.example/hook", "must not hold a user name", False),
        ("https://acme.example/hook#x", "must end before any", False),
        ("https://10.0.0.7/hook", "is a private address", True),
        ("https://hooks.internal/hook", "is a private address", True),
        ("http://acme.example/hook", "is not https://", True),
        ("https://acme.example:9443/hook", "port 9443 is not among webhooks.ports", False),
    ],
)
def test_an_address_that_can_not_be_called_is_named(with_hook, url, problem, warning):
    _, ((path, said, doubtful),) = with_hook(f'url = "{url}"')

    assert path == "webhooks[0].url"
    assert problem in said
    assert doubtful is warning


@pytest.mark.parametrize("url", ["https://10.0.0.7/hook", "http://acme.example/hook"])
def test_in_production_a_doubtful_address_is_an_error(with_hook, url):
    settings, ((path, _, warning),) = with_hook(f'url = "{url}"', "[server]\nproduction = true\n")

    assert (settings, path, warning) == (None, "webhooks[0].url", False)


def test_plain_http_is_an_error_in_production_whatever_is_allowed(with_hook):
    allowed = "[webhooks]\nallow_http = true\n"

    assert with_hook('url = "http://acme.example/hook"', allowed)[1] == []
    assert len(with_hook('url = "http://acme.example/hook"', allowed + "[server]\nproduction = true\n")[1]) == 1


def test_what_egress_allows_may_be_called_at_any_port(with_hook):
    allowed = '[server]\nproduction = true\n[egress]\nallow = ["http://10.0.0.7:9000"]\n'

    assert with_hook('url = "http://10.0.0.7:9000/hook"', allowed)[1] == []


def test_another_port_may_be_allowed(with_hook):
    assert with_hook('url = "https://acme.example:9443/hook"', "[webhooks]\nports = [9443]\n")[1] == []


@pytest.mark.parametrize("ports", ["[]", "[0]", "[65536]", '["443"]', "443"])
def test_a_port_is_a_port(with_hook, ports):
    _, findings = with_hook('url = "https://acme.example/hook"', f"[webhooks]\nports = {ports}\n")

    assert findings
    assert all(path.startswith("webhooks.ports") for path, _, _ in findings)


@pytest.mark.parametrize(
    "secret",
    [
        "plain-text-secret-of-some-length",
        "whsec_short",
        "whsec_" + "!" * 40,
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_a_secret_must_be_one_that_receivers_can_use(with_hook, secret):
    _, ((path, problem, _),) = with_hook('url = "https://acme.example/hook"\nsecret = { env = "HOOK" }', secret=secret)

    assert path == "webhooks[0].secret"
    assert problem == "is not whsec_ and 24 to 64 bytes in base64"


def test_an_event_that_there_is_not_and_an_endpoint_twice_are_named(with_hook):
    _, ((path, problem, _),) = with_hook('url = "https://acme.example/hook"\nevents = ["video.done"]')
    twice = 'url = "https://acme.example/hook"\n[[tenants.webhooks]]\nurl = "https://acme.example/hook"'

    assert (path, problem) == ("webhooks[0].events[0]", "'video.done' is not a known word here")
    assert [path for path, _, _ in with_hook(twice)[1]] == ["webhooks[1].url"]


def test_no_password_of_an_address_is_told(with_hook):
    _, findings = with_hook('url = "ftp://me:PLANTED@acme.example/hook?token=PLANTED"')

    assert [path for path, _, _ in findings] == ["webhooks[0].url"]
    assert "PLANTED" not in repr(findings)
