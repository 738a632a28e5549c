"""Everything wrong in a file is found at once, with its line, its key and a way to mend it."""

import pytest

from gateway.config.findings import rendered
from gateway.config.load import check, parse
from gateway.config.settings import Timing
from providers.base import Provider, ProviderKind
from schema.account import Limits

MANY = """\
[server]
prodction = true
listen = "nope"

[secrets]
key = { env = "FILMGATE_SECRET_KEY" }

[[accounts]]
id = "veo"
provider = "veo3o"
credential = { env = "NOT_THERE" }

[[tenants]]
id = "acme"
keys = [{ env = "ACME_API_KEY" }]

[tenants.routing]
order = ["veo3"]
"""

DOITONG = """
[[accounts]]
id = "doitong"
provider = "doitong"
credential = { env = "DOITONG_API_KEY" }
"""


def test_the_small_file_is_fine(found, small):
    assert found(small) == []


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(found):
    told = rendered(found(MANY), "filmgate.toml")

    assert told == (
        "filmgate.toml:2: server.prodction: unknown key 'prodction'\n"
        "    2 | prodction = true\n"
        "    hint: did you mean 'production'? "
        "allowed: answer_seconds, body_seconds, docs, head_seconds, idle_seconds, listen, max_body_bytes, "
        "max_connections, max_head_bytes, min_bytes_per_second, production, public_url, trusted_proxies\n"
        "filmgate.toml:3: server.listen: 'nope' is not an address to listen on; "
        'write "host:port", such as "127.0.0.1:8080"\n'
        '    3 | listen = "nope"\n'
        "filmgate.toml:10: accounts.veo.provider: 'veo3o' is not a known provider\n"
        '   10 | provider = "veo3o"\n'
        "    hint: did you mean 'veo3o1'? allowed: doitong, veo3o1\n"
        "filmgate.toml:11: accounts.veo.credential: the environment variable NOT_THERE is not set\n"
        '   11 | credential = { env = "NOT_THERE" }\n'
        "    hint: export NOT_THERE=…\n"
        "filmgate.toml:18: tenants.acme.routing.order: 'veo3' is not a known account or provider\n"
        '   18 | order = ["veo3"]\n'
        "    hint: did you mean 'veo'? allowed: doitong, veo, veo3o1"
    )


def test_a_misspelt_section_stands_at_its_own_line(only, small):
    finding = only(small + "\n[worke]\nconcurrency = 3\n")

    assert finding.path == "worke"
    assert finding.line == small.count("\n") + 2
    assert finding.hint is not None
    assert "did you mean 'worker'?" in finding.hint


@pytest.mark.parametrize(
    ("section", "path", "problem"),
    [
        ("[server]\nlisten = 8080", "server.listen", "expected text in quotes, got a whole number"),
        ("[server]\nmax_body_bytes = 0", "server.max_body_bytes", "expected a whole number >= 1024"),
        ("[server]\nproduction = 1", "server.production", "expected true or false, got a whole number"),
        ('[server]\npublic_url = "video.example.com"', "server.public_url", "is not an address"),
        ('[server]\npublic_url = "https://example.com/?a"', "server.public_url", "must end before any ?"),
        ('[server]\npublic_url = "https://u:p@example.com"', "server.public_url", "must not hold a user name"),
        ('[database]\nurl = "mysql://h/d"', "database.url", "is not an address of a database"),
        ("[database]\nurl = 3", "database.url", "expected {"),
        ('[assets]\nurl = "./assets"', "assets.url", "is not a place for files"),
        ('[egress]\nallow = ["http://127.0.0.1:9101/api"]', "egress.allow[0]", "is not an origin as we compare them"),
        ('[egress]\nallow = ["127.0.0.1"]', "egress.allow[0]", "is not an address"),
        ('[server]\ndocs = "yes"', "server.docs", "expected true or false"),
        ("[worker]\nconcurrency = 0", "worker.concurrency", "expected a whole number >= 1"),
        ("worker = 3", "worker", "expected a table, got a whole number"),
        ("[timing]\nlease_beat_seconds = 30", "timing.lease_beat_seconds", "must be shorter than lease_seconds"),
        ("[timing]\npoll_min_seconds = 31", "timing.poll_min_seconds", "is longer than poll_max_seconds"),
        ("[timing]\nasset_tries = 1.5", "timing.asset_tries", "expected a whole number, got a number"),
    ],
)
def test_a_wrong_value_is_named(only, small, section, path, problem):
    finding = only(section + "\n" + small)

    assert finding.path == path
    assert problem in finding.problem
    assert not finding.warning
    assert finding.line in {1, 2}


@pytest.mark.parametrize("name", Timing.__struct_fields__)
@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "1e300", "[]"])
def test_every_clock_is_positive_and_finite_and_no_schedule_is_empty(found, small, name, value):
    schedule = name.endswith("schedule_seconds") and value != "[]"

    findings = found(f"[timing]\n{name} = {f'[{value}]' if schedule else value}\n{small}")

    assert [finding.path for finding in findings] == [f"timing.{name}[0]" if schedule else f"timing.{name}"]


@pytest.mark.parametrize(
    ("wrong", "path", "problem"),
    [
        ("price_per_credit = 0.2", "accounts.doitong.price_per_credit", "expected an amount as text in quotes"),
        ('price_per_credit = "cheap"', "accounts.doitong.price_per_credit", "is not an amount"),
        ('price_per_credit = "-1"', "accounts.doitong.price_per_credit", "is not an amount"),
        ('plan = "gold"', "accounts.doitong.plan", "is not a plan of doitong"),
        ("plan = 3", "accounts.doitong.plan", "expected text in quotes"),
        ("limits = { per_minute = 0 }", "accounts.doitong.limits.per_minute", "expected a whole number >= 1"),
        ("limits = { per_hour = 1 }", "accounts.doitong.limits.per_hour", "unknown key 'per_hour'"),
        ("options = 3", "accounts.doitong.options", "expected a table"),
        ('options = { transport = "soap" }', "accounts.doitong.options.transport", "'soap' is not a known word here"),
        ('options = { transprt = "rest" }', "accounts.doitong.options.transprt", "unknown key 'transprt'"),
        ("options = { high_quality = 3 }", "accounts.doitong.options.high_quality", "expected true or false"),
        ('options = { status_path = "no-ref" }', "accounts.doitong.options", "status_path"),
        ('base_url = "api.doitong.com"', "accounts.doitong.base_url", "is not an address"),
        ('sandbox = "yes"', "accounts.doitong.sandbox", "expected true or false"),
        ("webhook_secrets = [3]", "accounts.doitong.webhook_secrets[0]", "expected {"),
        ('webhook_secrets = { env = "A" }', "accounts.doitong.webhook_secrets", "expected a list, got a table"),
    ],
)
def test_a_wrong_account_is_named(found, small, wrong, path, problem):
    errors = [finding for finding in found(small + DOITONG + wrong) if not finding.warning]

    assert [finding.path for finding in errors] == [path]
    assert problem in errors[0].problem
    assert errors[0].excerpt


@pytest.mark.parametrize(
    ("wrong", "path", "problem"),
    [
        ('routing = { strategy = "luckiest" }', "tenants.acme.routing.strategy", "'luckiest' is not a known word"),
        ('routing = { max_cost = "1e-9" }', "tenants.acme.routing.max_cost", "finer than a millionth"),
        ('routing = { only = ["veo", "nobody"] }', "tenants.acme.routing.only", "'nobody' is not a known account"),
        ('routing = { exclude = "veo" }', "tenants.acme.routing.exclude", "expected a list"),
        ("routing = { order = [3] }", "tenants.acme.routing.order[0]", "expected text in quotes"),
        ("limits = { queued = 0 }", "tenants.acme.limits.queued", "expected a whole number >= 1"),
        ("test = 1", "tenants.acme.test", "expected true or false"),
        ('origins = ["*"]', "tenants.acme.origins[0]", "'*' is not the origin of a web page"),
        (
            'origins = ["https://a.example", "null"]',
            "tenants.acme.origins[1]",
            "'null' is not the origin of a web page",
        ),
        ('origins = ["https://a.example/app"]', "tenants.acme.origins[0]", "is not the origin of a web page"),
        ('origins = [""]', "tenants.acme.origins[0]", "expected text"),
    ],
)
def test_a_wrong_tenant_is_named(only, small, wrong, path, problem):
    finding = only(small + wrong)

    assert finding.path == path
    assert problem in finding.problem


@pytest.mark.parametrize("name", ["two words", "", "-dash", "ä", "a/b", "line\\n", "x" * 65])
def test_an_id_is_a_word_for_logs_and_urls(found, small, name):
    findings = found(small.replace('id = "acme"', f'id = "{name}"'))

    assert len(findings) == 1
    assert findings[0].path.endswith(".id")
    assert "regex" not in findings[0].problem


@pytest.mark.parametrize("missing", ["id", "provider", "credential"])
def test_what_an_account_must_say_is_missed(found, small, missing):
    text = "\n".join(line for line in small.split("\n") if not line.startswith(f"{missing} =") or "acme" in line)

    assert [finding.problem for finding in found(text) if not finding.warning] == ["is required"]


def test_the_secret_key_is_required_and_the_hint_says_how_to_make_one(found, small):
    findings = found(small.replace('key = { env = "FILMGATE_SECRET_KEY" }', ""))

    assert [(finding.path, finding.problem) for finding in findings] == [("secrets.key", "is required")]
    assert "token_urlsafe" in (findings[0].hint or "")


def test_an_account_or_tenant_may_be_named_once(found, small):
    findings = found(small + small.partition("[secrets]")[2].partition("}\n")[2])

    said = {(finding.path, finding.problem) for finding in findings if not finding.warning}
    assert ("accounts.veo.id", "'veo' is used twice") in said
    assert ("tenants.acme.id", "'acme' is used twice") in said


def test_an_account_is_not_named_like_another_provider(only, small):
    assert "is the name of another provider" in only(small.replace('id = "veo"', 'id = "doitong"')).problem


def test_one_bracket_instead_of_two_is_explained(found):
    findings = found('[accounts]\nid = "veo"\n')

    assert "write [[accounts]], with two brackets" in {finding.hint for finding in findings}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("short", "is 5 characters long; 32 are needed"),
        ("a" * 64, "is easy to guess"),
        ("changeme-changeme-changeme-0123456789", "is easy to guess"),
    ],
)
def test_a_secret_key_anybody_could_guess_is_refused(small, environ, key, problem):
    findings = check(small, {**environ, "FILMGATE_SECRET_KEY": key})

    assert [(finding.path, finding.problem) for finding in findings] == [("secrets.key", problem)]
    assert key not in rendered(findings, "filmgate.toml") or key == "short"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_there_is_named_and_nothing_is_built_on_it(small, environ, value):
    environ.pop("VEO3O1_API_KEY")
    if value is not None:
        environ["VEO3O1_API_KEY"] = value

    settings, findings = parse(small, environ)

    assert settings is None
    assert len(findings) == 1
    assert "VEO3O1_API_KEY" in findings[0].problem


def test_a_secret_file_that_is_not_there_is_named(only, small, tmp_path):
    missing = tmp_path / "nothing"

    assert str(missing) in only(small.replace('env = "VEO3O1_API_KEY"', f'file = "{missing}"')).problem


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff"])
def test_a_secret_file_without_a_secret_is_named(only, small, tmp_path, content):
    file = tmp_path / "credential"
    file.write_bytes(content)

    assert str(file) in only(small.replace('env = "VEO3O1_API_KEY"', f'file = "{file}"')).problem


@pytest.mark.parametrize("secret", ["{}", '{ env = "A", file = "b" }', "{ env = 3 }", '{ evn = "A" }', "3", "['a']"])
def test_a_secret_is_said_in_one_of_the_ways_there_are(found, small, secret):
    findings = found(small.replace('{ env = "VEO3O1_API_KEY" }', secret))

    assert findings
    assert all(finding.path.startswith("accounts.veo.credential") for finding in findings)


def test_a_key_says_who_is_calling_so_two_tenants_can_not_share_one(only, small):
    finding = only(small + '[[tenants]]\nid = "other"\nkeys = [{ env = "ACME_API_KEY" }]\n')

    assert finding.path == "tenants.other.keys[0]"
    assert finding.problem == "this API key is already that of acme"


def test_an_unknown_scope_is_named(only, small):
    finding = only(small.replace('env = "ACME_API_KEY"', 'env = "ACME_API_KEY", scopes = ["videos:reed"]'))

    assert finding.path == "tenants.acme.keys[0].scopes[0]"
    assert "did you mean 'videos:read'?" in (finding.hint or "")


def warnings(findings):
    assert all(finding.warning for finding in findings), findings
    return [(finding.path, finding.problem) for finding in findings]


def test_a_literal_secret_is_warned_about_and_not_shown(found, small):
    findings = found(small.replace('{ env = "VEO3O1_API_KEY" }', '"sk-live-123"'))

    assert warnings(findings) == [("accounts.veo.credential", "a literal secret stands in the file")]
    assert "sk-live-123" not in rendered(findings, "filmgate.toml")


def test_a_literal_secret_in_production_is_an_error(only, small):
    text = "[server]\nproduction = true\n" + small.replace('{ env = "VEO3O1_API_KEY" }', '"sk-live-123"')

    assert not only(text).warning


def test_webhooks_that_can_not_arrive_are_warned_about(found, small):
    assert warnings(found(small + DOITONG)) == [
        (
            "accounts.doitong",
            "webhooks are off, results are learned by polling alone: server.public_url and webhook_secrets not set",
        )
    ]


def test_webhooks_that_can_arrive_are_fine(found, small):
    public = '[server]\npublic_url = "https://video.example.com"\n'

    assert found(public + small + DOITONG + 'webhook_secrets = [{ env = "DOITONG_WEBHOOK_SECRET" }]\n') == []


def test_an_account_that_can_only_call_back_must_be_able_to(environ, small):
    deaf = Provider(name="deaf", capabilities=None, rates=None, adapter=None, webhooks=object())  # type: ignore[arg-type]
    kind = ProviderKind(
        name="deaf",
        title="Deaf",
        base_url="https://deaf.example",
        options=Timing,
        plans={"only": Limits()},
        default_plan="only",
        build=lambda _: deaf,
    )

    findings = check(small.replace("veo3o1", "deaf"), environ, [kind])

    assert [(finding.path, finding.warning) for finding in findings] == [("accounts.veo", False)]
    assert "can only learn a result by a webhook" in findings[0].problem


def test_a_private_address_is_fine_once_egress_allows_it(found, small):
    local = small.replace('provider = "veo3o1"', 'provider = "veo3o1"\nbase_url = "http://127.0.0.1:9101/api"')
    allowed = '[egress]\nallow = ["http://127.0.0.1:9101"]\n' + local

    assert [path for path, _ in warnings(found(local))] == ["accounts.veo.base_url"]
    assert found(allowed) == []


def test_a_credential_in_the_clear_is_warned_about_and_refused_in_production(found, small):
    plain = small.replace('provider = "veo3o1"', 'provider = "veo3o1"\nbase_url = "http://veo.example.com"')

    assert [path for path, _ in warnings(found(plain))] == ["accounts.veo.base_url"]
    assert [finding.warning for finding in found("[server]\nproduction = true\n" + plain)] == [False]


def test_one_credential_in_two_accounts_is_warned_about(found, small):
    second = '[[accounts]]\nid = "veo2"\nprovider = "veo3o1"\ncredential = { env = "VEO3O1_API_KEY" }\n'

    assert [path for path, _ in warnings(found(small + second))] == ["accounts.veo2.credential"]


@pytest.mark.parametrize(
    ("routing", "path", "problem"),
    [
        ('strategy = "ordered"', "strategy", "no order is given"),
        ('order = ["veo", "veo"]', "order", "stands there 2 times"),
        ('order = ["doitong"]', "order", "there is no account at 'doitong'"),
        ('only = ["veo"], exclude = ["veo"]', "only", "no account may serve this tenant"),
    ],
)
def test_routing_that_can_not_mean_what_it_says_is_warned_about(found, small, routing, path, problem):
    ((where, said),) = warnings(found(small + f"routing = {{ {routing} }}\n"))

    assert where == f"tenants.acme.routing.{path}"
    assert problem in said


def test_a_cap_without_any_price_is_warned_about(found, small):
    text = small.replace('price_per_credit = "0.20"', "") + 'routing = { max_cost = "1" }\n'

    assert [path for path, _ in warnings(found(text))] == ["tenants.acme.routing.max_cost"]


UNPRICED = '[[accounts]]\nid = "veo2"\nprovider = "veo3o1"\ncredential = { env = "DOITONG_API_KEY" }\n'
SANDBOX = UNPRICED + "sandbox = true\n"


def test_a_test_tenant_without_a_sandbox_account_is_warned_about(found, small):
    test = small.replace("ACME_API_KEY", "ACME_TEST_KEY") + "test = true\n"

    assert warnings(found(test)) == [
        ("tenants.acme.test", "reaches sandbox accounts only, and there is none: no account may serve this tenant")
    ]
    assert found(test + SANDBOX) == []


def test_a_live_tenant_with_sandbox_accounts_alone_is_warned_about(found, small):
    simulated = small.replace('provider = "veo3o1"', 'provider = "veo3o1"\nsandbox = true')

    assert warnings(found(simulated)) == [
        (
            "tenants.acme",
            "every account is a sandbox account, which only test tenants reach: no account may serve this tenant",
        )
    ]


@pytest.mark.parametrize(
    ("routing", "path"),
    [('only = ["veo2"]', "only"), ('exclude = ["veo"]', "exclude"), ('only = ["veo3o1"], exclude = ["veo"]', "only")],
)
def test_lists_that_leave_a_tenant_nobody_are_warned_about(found, small, routing, path):
    ((where, said),) = warnings(found(small + f"routing = {{ {routing} }}\n" + SANDBOX))

    assert where == f"tenants.acme.routing.{path}"
    assert said.endswith("no account may serve this tenant")


def test_a_tenant_of_operators_need_reach_nobody(found, small):
    staff = small.replace('env = "ACME_API_KEY"', 'env = "ACME_TEST_KEY", scopes = ["operator"]')

    assert found(staff + "test = true\n") == []


@pytest.mark.parametrize(
    ("money", "path"),
    [
        ('funding = { mode = "prepaid" }', "funding.mode"),
        ('funding = { per_day = "25.00" }', "funding.per_day"),
        ('funding = { per_month = "25.00" }', "funding.per_month"),
        ('funding = { per_video = "25.00" }', "funding.per_video"),
        ('routing = { max_cost = "25.00" }', "routing.max_cost"),
    ],
)
def test_money_that_is_counted_needs_a_price(found, small, money, path):
    """Without any, the tenant is served by nobody; with some, an account without one is no use to it."""
    nobody = found(small.replace('price_per_credit = "0.20"', "") + money)
    somebody = found(small + money + "\n" + UNPRICED)

    ((where, said),) = warnings(nobody)
    assert (where, said.partition(":")[0]) == (
        f"tenants.acme.{path}",
        "no account has a price_per_credit, so none can be held to a cost",
    )
    assert warnings(somebody) == [
        ("accounts.veo2", "has no price_per_credit, so it does not serve who is prepaid or held to a cost: acme")
    ]
    assert nobody[0].line
    assert nobody[0].hint
    assert nobody[0].excerpt


def test_an_account_of_the_other_kind_needs_no_price(found, small):
    assert found(small + 'funding = { mode = "prepaid" }\n' + SANDBOX) == []


def test_an_opening_for_a_tenant_that_pays_afterwards_is_warned_about(found, small):
    ((where, said),) = warnings(found(small + 'funding = { opening = "20.00" }\n'))

    assert where == "tenants.acme.funding.opening"
    assert "nothing is topped up" in said
    assert found(small + 'funding = { mode = "prepaid", opening = "20.00" }\n') == []
    assert found(small + 'funding = { opening = "0" }\n') == []


@pytest.mark.parametrize(
    "money", ["funding = { per_day", "funding = { per_month", "funding = { per_video", "routing = { max_cost"]
)
def test_a_budget_that_no_video_fits_into_is_warned_about(found, small, money):
    """At two credits of 0.20 a video takes 0.40; one millionth less is too little, and the cheapest account counts."""
    cheaper = UNPRICED + 'price_per_credit = "0.19"\n'

    ((where, said),) = warnings(found(small + f'{money} = "0.399999" }}\n'))

    assert where == "tenants.acme." + money.replace(" = { ", ".")
    assert said == "is less than 0.40 USD, which is set aside for the cheapest video: none can be made"
    assert found(small + f'{money} = "0.40" }}\n') == []
    assert found(small + f'{money} = "0.38" }}\n' + cheaper) == []


def test_a_budget_must_allow_the_most_that_a_video_may_cost(found, small):
    """100 to 200 credits of 0.001: the dearer end is what is set aside."""
    public = '[server]\npublic_url = "https://video.example.com"\n'
    doitong = DOITONG + 'price_per_credit = "0.001"\nwebhook_secrets = [{ env = "DOITONG_WEBHOOK_SECRET" }]\n'

    ((_, said),) = warnings(found(public + small + 'funding = { per_day = "0.15" }\n' + doitong))

    assert said.startswith("is less than 0.20 USD")


def test_where_there_is_no_account_at_all_that_is_said_once(found, small):
    before, _, behind = small.partition("[[accounts]]")
    tenant = behind.partition("[[tenants]]")[2]

    assert [problem for _, problem in warnings(found(before + "[[tenants]]" + tenant))] == [
        "there is no account: no video can be made"
    ]


def test_a_gateway_that_can_do_nothing_is_warned_about(found, small):
    findings = found(small.partition("[[accounts]]")[0])

    assert [problem for _, problem in warnings(findings)] == [
        "there is no account: no video can be made",
        "there is no tenant: nobody can call",
    ]


def test_a_tenant_without_keys_and_a_key_that_is_short_are_warned_about(small, environ):
    silent = check(small.replace('keys = [{ env = "ACME_API_KEY" }]', ""), environ)
    short = check(small, {**environ, "ACME_API_KEY": "abc"})

    assert warnings(silent) == [("tenants.acme", "has no keys: it can not call")]
    assert [path for path, _ in warnings(short)] == ["tenants.acme.keys[0]"]


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 3000, "\0", "a = 1\na = 2", "[a]\n[a]", "\ud800"])
def test_what_is_no_toml_is_one_finding(only, text):
    assert "is not TOML" in only(text).problem
