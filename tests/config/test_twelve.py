"""A file with twelve mistakes of twelve kinds is answered with exactly those twelve, each at its line with its hint."""

from gateway.cli.exits import ExitCode
from tests.config.conftest import ENVIRON

TEXT = """\
[server]
listen     = "127.0.0.1:8080"
public_url = "https://video.example.com"
prodction  = true                                            # 1: misspelt

[secrets]
key = { env = "SHORT_KEY" }                                  # 2: short

[egress]
allow = ["http://127.0.0.1:9101/api"]                        # 3: more than an origin

[worker]
concurrency = "64"                                           # 4: text for a number

[[accounts]]
id         = "veo-main"
provider   = "veo3o1"
credential = { env = "VEO3O1_API_KEY" }
price_per_credit = 0.20                                      # 5: money as a number

[[accounts]]
id         = "doitong-main"
provider   = "doitong"
plan       = "gold"                                          # 6: no such plan
credential = { env = "DOITONG_API_KEY" }
webhook_secrets = [{ env = "DOITONG_WEBHOOK_SECRET" }]
price_per_credit = "0.001"
owner      = "acne"                                          # 7: no such tenant

[[accounts]]
id         = "veo-spare"
provider   = "veo3o1"
credential = { env = "ACME_VEO3O1_API_KEY" }
price_per_credit = "0.20"

[[tenants]]
id      = "acme"
keys    = [
    { env = "ACME_API_KEY", networks = ["10.0.0.0/8"] },
    { env = "ACME_VIEWER_KEY", expires = 2030-01-01 },       # 8: nobody knows when that is
]

[tenants.routing]
strategy = "ordered"
order    = ["veo-mian"]                                      # 9: no such account

[[tenants.routing.rules]]
when   = { aspect_ratio = "9:16" }
prefer = ["veo-spare"]

[[tenants.routing.rules]]                                    # 10: behind a more general one
when   = { aspect_ratio = "9:16", image = true }
prefer = ["veo-spare"]

[[tenants.webhooks]]
url    = "https://10.0.0.7/hook"                             # 11: private
events = ["video.completed"]

[tenants.limits]
concurrnt = 4                                                # 12: misspelt
"""
FOUND = [
    (4, "server.prodction", "did you mean 'production'?"),
    (7, "secrets.key", "token_urlsafe(48)"),
    (10, "egress.allow[0]", 'write "http://127.0.0.1:9101"'),
    (13, "worker.concurrency", ""),
    (19, "accounts.veo-main.price_per_credit", 'write it in quotes: "0.2"'),
    (24, "accounts.doitong-main.plan", "allowed: enterprise, free, pro, starter"),
    (28, "accounts.doitong-main.owner", "did you mean 'acme'?"),
    (40, "tenants.acme.keys[1].expires", "write it with its offset"),
    (45, "tenants.acme.routing.order", "did you mean 'veo-main'?"),
    (51, "tenants.acme.routing.rules[1]", "write the narrower rule first"),
    (56, "tenants.acme.webhooks[0].url", 'add "https://10.0.0.7" to egress.allow'),
    (60, "tenants.acme.limits.concurrnt", "did you mean 'concurrent'?"),
]


def test_exactly_twelve_are_found_each_at_its_line_with_its_hint(found, environ):
    environ["SHORT_KEY"] = "short"

    findings = found(TEXT)

    assert [(finding.line, finding.path) for finding in findings] == [(line, path) for line, path, _ in FOUND]
    for finding, (line, _, hint) in zip(findings, FOUND, strict=True):
        assert hint in (finding.hint or "")
        assert finding.excerpt is not None
        assert finding.excerpt.split("#")[0].strip()[:8] == TEXT.split("\n")[line - 1].strip()[:8]


def test_the_command_prints_all_of_them_and_ends_with_3(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from gateway.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "filmgate.toml").write_text(TEXT)

    result = CliRunner().invoke(main, ["config", "check"], env={**ENVIRON, "SHORT_KEY": "short"})

    heads = [line for line in result.stdout.splitlines() if line.startswith("filmgate.toml:")]
    assert result.exit_code == ExitCode.CONFIG
    assert [int(head.split(":")[1]) for head in heads] == [line for line, _, _ in FOUND]
    assert result.stderr == "filmgate: 10 problems\n"
