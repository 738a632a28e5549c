"""An environment with every variable the example file names, and a small file to change one thing at a time in."""

from collections.abc import Callable

import pytest

from gateway.config.findings import Finding
from gateway.config.load import check

ENVIRON = {
    "FILMGATE_SECRET_KEY": "6rVvJ2m0yX8qTz4LwB1nKpQeUaHsDfGc",
    "VEO3O1_API_KEY": "veo-credential",
    "DOITONG_API_KEY": "doitong-credential",
    "DOITONG_WEBHOOK_SECRET": "doitong-hooks",
    "ACME_API_KEY": "fg_live_acme_0123456789",
    "ACME_TEST_KEY": "fg_test_acme_0123456789",
    "ACME_VIEWER_KEY": "fg_live_view_0123456789",
    "ACME_WEB_KEY": "fg_live_shop_0123456789",
    "ACME_VEO3O1_API_KEY": "acme-veo-credential",
    "ACME_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}

SMALL = """
[secrets]
key = { env = "FILMGATE_SECRET_KEY" }

[[accounts]]
id = "veo"
provider = "veo3o1"
credential = { env = "VEO3O1_API_KEY" }
price_per_credit = "0.20"

[[tenants]]
id = "acme"
keys = [{ env = "ACME_API_KEY" }]
"""


@pytest.fixture
def environ() -> dict[str, str]:
    return dict(ENVIRON)


@pytest.fixture
def small() -> str:
    """The smallest file nobody can say anything against."""
    return SMALL


@pytest.fixture
def found(environ) -> Callable[[str], list[Finding]]:
    """Everything found in a text."""
    return lambda text: check(text, environ)


@pytest.fixture
def only(found: Callable[[str], list[Finding]]) -> Callable[[str], Finding]:
    """The one thing found in a text."""

    def one(text: str) -> Finding:
        findings = found(text)
        assert len(findings) == 1, findings
        return findings[0]

    return one
