"""A tenant's whole routing policy in the file: what it becomes, and every mistake in it by its own name."""

import pytest

from gateway.config.load import check, parse
from schema.tenant import RoutingPolicy, Rule, Weights, When
from schema.video import AspectRatio, OnMaxWait, OnUnknown, Strategy

DESIGNED = """
[[accounts]]
id = "doitong-main"
provider = "doitong"
credential = { env = "DOITONG_API_KEY" }
price_per_credit = "0.001"

[[tenants]]
id       = "designed"
keys     = [{ env = "ACME_VIEWER_KEY" }]
funding  = { mode = "postpaid", per_day = "25.00", per_video = "0.50" }
routing  = { strategy = "balanced", weights = { price = 0.5, speed = 0.3, reliability = 0.2 }, order = ["doitong-main", "veo"], on_unknown = "fail" }
limits   = { queued = 1000, weight = 3 }
"""  # noqa: E501 - as it stands in a user's file

WHOLE = """
[tenants.routing]
strategy = "fastest"
max_wait_seconds = 60
on_max_wait = "fail"
on_unknown = "wait"

[[tenants.routing.rules]]
when = { aspect_ratio = "9:16", min_seconds = 5, max_seconds = 5 }
prefer = ["veo"]
max_cost = "0.40"

[[tenants.routing.rules]]
when = { image = true }
strategy = "reliable"
max_wait_seconds = 0
"""


def tenant_of(text: str, environ, id: str = "acme"):
    settings, findings = parse(text, environ)
    assert settings is not None, findings
    return next(setup for setup in settings.tenants if setup.tenant.id == id)


def test_a_balanced_policy_with_weights_loads_without_a_word(small, environ):
    assert [
        finding for finding in check(small + DESIGNED, environ) if finding.path.startswith("tenants.designed")
    ] == []

    setup = tenant_of(small + DESIGNED, environ, "designed")

    assert setup.routed_by_file
    assert setup.tenant.limits.weight == 3
    assert setup.tenant.routing == RoutingPolicy(
        strategy=Strategy.BALANCED,
        weights=Weights(price=0.5, speed=0.3, reliability=0.2),
        order=("doitong-main", "veo"),
        on_unknown=OnUnknown.FAIL,
    )


def test_rules_are_read_in_their_order_whichever_way_they_are_written(small, environ):
    inline = (
        'routing = { strategy = "fastest", max_wait_seconds = 60, on_max_wait = "fail", on_unknown = "wait", rules = ['
        '{ when = { aspect_ratio = "9:16", min_seconds = 5, max_seconds = 5 }, prefer = ["veo"], max_cost = "0.40" }, '
        '{ when = { image = true }, strategy = "reliable", max_wait_seconds = 0 }] }'
    )
    expected = RoutingPolicy(
        strategy=Strategy.FASTEST,
        max_wait_seconds=60,
        on_max_wait=OnMaxWait.FAIL,
        on_unknown=OnUnknown.WAIT,
        rules=(
            Rule(
                when=When(aspect_ratio=AspectRatio.TALL, min_seconds=5, max_seconds=5),
                prefer=("veo",),
                per_video=400_000,
            ),
            Rule(when=When(image=True), strategy=Strategy.RELIABLE, max_wait_seconds=0),
        ),
    )

    assert tenant_of(small + WHOLE, environ).tenant.routing == expected
    assert tenant_of(small + inline, environ).tenant.routing == expected


def test_a_tenant_without_the_table_is_not_managed_by_the_file(small, environ):
    assert not tenant_of(small, environ).routed_by_file
    assert tenant_of(small + "routing = {}", environ).routed_by_file


@pytest.mark.parametrize(
    ("wrong", "path", "problem"),
    [
        ("weights = { price = 0, speed = 0, reliability = 0 }", "weights", "are all 0"),
        ("weights = { price = -1 }", "weights.price", "expected a number >= 0"),
        ("weights = { speed = nan }", "weights.speed", "expected a number >= 0"),
        ("weights = { speed = inf }", "weights.speed", "expected a number <= 1000000"),
        ("weights = { cost = 1 }", "weights.cost", "unknown key 'cost'"),
        ("max_wait_seconds = -1", "max_wait_seconds", "expected a whole number >= 0"),
        ('on_max_wait = "wait"', "on_max_wait", "'wait' is not a known word"),
        ('rules = "none"', "rules", "expected a list"),
        ("rules = [3]", "rules[0]", "expected a table"),
        ('rules = [{ prefer = ["ve"] }]', "rules[0].prefer", "'ve' is not a known account"),
        ('rules = [{ only = ["nobody"] }]', "rules[0].only", "'nobody' is not a known account"),
        ('rules = [{ exclude = ["nobody"] }]', "rules[0].exclude", "'nobody' is not a known account"),
        ("rules = [{ max_cost = 0.4 }]", "rules[0].max_cost", "expected an amount as text"),
        ('rules = [{ strategy = "fast" }]', "rules[0].strategy", "'fast' is not a known word"),
        ("rules = [{ when = { seconds = 5 } }]", "rules[0].when.seconds", "unknown key 'seconds'"),
        ("rules = [{ when = { min_seconds = 0 } }]", "rules[0].when.min_seconds", "expected a whole number >= 1"),
        ('rules = [{ when = { aspect_ratio = "4:3" } }]', "rules[0].when.aspect_ratio", "'4:3' is not a known word"),
        ("rules = [{ when = { image = 1 } }]", "rules[0].when.image", "expected true or false"),
    ],
)
def test_a_wrong_policy_is_named(only, small, wrong, path, problem):
    finding = only(f"{small}routing = {{ {wrong} }}")

    assert finding.path == f"tenants.acme.routing.{path}"
    assert problem in finding.problem
    assert not finding.warning


@pytest.mark.parametrize("weight", ["0", "1001", '"1"'])
def test_a_weight_of_nothing_or_of_too_much_is_named(only, small, weight):
    assert only(f"{small}limits = {{ weight = {weight} }}").path == "tenants.acme.limits.weight"


def test_more_rules_than_anybody_reads_are_too_many(only, small):
    rules = ", ".join(['{ when = { image = true }, prefer = ["veo"] }'] * 65)

    assert only(f"{small}routing = {{ rules = [{rules}] }}").path == "tenants.acme.routing.rules"


@pytest.mark.parametrize(
    ("doubtful", "path", "problem"),
    [
        ("weights = { price = 1 }", "weights", "count for the strategy balanced alone"),
        (
            'rules = [{ prefer = ["veo"] }, { when = { image = true } }]',
            "rules[1]",
            "rule 1 has no when, so it holds for every video: this one never counts",
        ),
        (
            "rules = [{ when = { min_seconds = 9, max_seconds = 5 } }]",
            "rules[0].when",
            "min_seconds 9 is more than max_seconds 5: it never holds",
        ),
        ('rules = [{ when = { image = true }, prefer = ["veo", "veo"] }]', "rules[0].prefer", "stands there 2 times"),
    ],
)
def test_a_doubtful_policy_is_warned_of(only, small, doubtful, path, problem):
    finding = only(f"{small}routing = {{ {doubtful} }}")

    assert finding.path == f"tenants.acme.routing.{path}"
    assert problem in finding.problem
    assert finding.warning


def test_weights_for_a_rule_that_is_balanced_are_in_order(found, small):
    routing = 'routing = { weights = { price = 1 }, rules = [{ when = { image = true }, strategy = "balanced" }] }'

    assert found(small + routing) == []
