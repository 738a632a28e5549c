"""Accounts that are a tenant's own: only that tenant is served by them, and the file must make sense of it."""

import pytest

from gateway.config.load import parse

OWNED = """
[[accounts]]
id = "own"
provider = "veo3o1"
credential = { env = "ACME_VEO3O1_API_KEY" }
price_per_credit = "0.20"
owner = "acme"
"""
OTHER = '[[tenants]]\nid = "other"\nkeys = [{ env = "ACME_VIEWER_KEY" }]\n'


def told(findings):
    return [(finding.path, finding.problem, finding.warning) for finding in findings]


def test_an_account_may_be_a_tenants_own(small, environ):
    settings, findings = parse(small + OWNED, environ)

    assert findings == []
    assert settings is not None
    assert [account.owner for account in settings.accounts] == [None, "acme"]


def test_an_owner_that_there_is_not_is_named_with_the_nearest(found, small):
    (finding,) = found(small + OWNED.replace('"acme"', '"acne"'))

    assert told([finding]) == [("accounts.own.owner", "'acne' is no tenant of this file", False)]
    assert finding.hint == "did you mean 'acme'? allowed: acme"


def test_an_owner_that_can_not_be_read_is_still_one(found, small):
    findings = found(small + "test = 3\n" + OWNED)

    assert [finding.path for finding in findings] == ["tenants.acme.test"]


@pytest.mark.parametrize(
    ("key", "test", "sandbox", "problem"),
    [
        ("ACME_API_KEY", "", "sandbox = true", "acme is no test tenant, so it reaches no sandbox accounts"),
        ("ACME_TEST_KEY", "test = true", "", "acme is a test tenant, which reaches sandbox accounts alone"),
    ],
)
def test_an_account_that_its_owner_never_reaches_is_warned_about(found, small, key, test, sandbox, problem):
    findings = found(f"{small.replace('ACME_API_KEY', key)}{test}\n{OWNED}{sandbox}\n")

    assert ("accounts.own.owner", problem, True) in told(findings)


def test_a_tenant_is_not_served_by_what_is_somebody_elses(found, small):
    alone = small.replace('price_per_credit = "0.20"', 'price_per_credit = "0.20"\nowner = "acme"')

    assert told(found(alone + OTHER)) == [
        ("tenants.other", "every account is some other tenant's own: no account may serve this tenant", True)
    ]
    assert found(small + OTHER + OWNED) == []


@pytest.mark.parametrize(
    ("routing", "path"),
    [
        ('order = ["own", "veo"]', "order"),
        ('only = ["own", "veo"]', "only"),
        ('rules = [{ when = { image = true }, prefer = ["own"] }]', "rules[0].prefer"),
    ],
)
def test_a_list_that_names_somebody_elses_account_is_warned_about(found, small, routing, path):
    findings = found(small + OTHER + f"routing = {{ {routing} }}\n" + OWNED)

    assert told(findings) == [
        (f"tenants.other.routing.{path}", "'own' is acme's own: it does not serve this tenant", True)
    ]
    assert found(small + f"routing = {{ {routing} }}\n" + OTHER + OWNED) == []
