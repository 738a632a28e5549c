"""Rules that can never count, or that are for videos nobody makes, are found."""

import pytest

from gateway.config.rules import covers
from schema.tenant import When
from schema.video import AspectRatio, Quality, VideoSpec

DOITONG = """
[[accounts]]
id = "doitong"
provider = "doitong"
credential = { env = "DOITONG_API_KEY" }
price_per_credit = "0.001"
webhook_secrets = [{ env = "DOITONG_WEBHOOK_SECRET" }]
"""
PUBLIC = '[server]\npublic_url = "https://video.example.com"\n'


@pytest.fixture
def told(found, small):
    """What is said of the rules of a tenant that both accounts serve."""

    def of(*rules, both=True, routing=""):
        tenant = "".join(f"\n[[tenants.routing.rules]]\n{rule}\n" for rule in rules)
        before = f"\n[tenants.routing]\n{routing}\n" if routing else ""
        findings = found(PUBLIC + small + before + tenant + (DOITONG if both else ""))
        assert all(finding.warning for finding in findings)
        return [(finding.path.removeprefix("tenants.acme.routing."), finding.problem) for finding in findings]

    return of


def test_rules_that_each_count_are_fine(told):
    assert (
        told(
            'when = { aspect_ratio = "9:16", quality = "high" }\nstrategy = "fastest"',
            'when = { aspect_ratio = "9:16" }\nprefer = ["doitong"]',
            'when = { min_seconds = 5, max_seconds = 6 }\nprefer = ["doitong"]',
            'when = { min_seconds = 5, max_seconds = 10 }\nprefer = ["veo"]',
            'when = { image = true }\nprefer = ["veo"]',
            'prefer = ["veo"]',
        )
        == []
    )


@pytest.mark.parametrize(
    ("general", "special"),
    [
        ('when = { aspect_ratio = "9:16" }', 'when = { aspect_ratio = "9:16" }'),
        ('when = { aspect_ratio = "9:16" }', 'when = { aspect_ratio = "9:16", quality = "high" }'),
        ("when = { min_seconds = 5 }", "when = { min_seconds = 6, max_seconds = 7 }"),
        ("when = { max_seconds = 10 }", 'when = { model = "auto", min_seconds = 6, max_seconds = 10 }'),
        ("when = { image = false }", "when = { image = false, min_seconds = 5 }"),
    ],
)
def test_a_rule_behind_a_more_general_one_never_counts(told, general, special):
    assert told(general, special) == [
        ("rules[1]", "rule 1 holds for all these videos, and comes first: this one never counts")
    ]
    if general != special:
        assert told(special, general) == []


def test_a_rule_behind_one_without_when_never_counts(told):
    assert told('prefer = ["veo"]', 'when = { aspect_ratio = "9:16" }') == [
        ("rules[1]", "rule 1 has no when, so it holds for every video: this one never counts")
    ]


def test_a_rule_that_contradicts_itself_is_said_once(told):
    assert told("when = { min_seconds = 8, max_seconds = 6 }") == [
        ("rules[0].when", "min_seconds 8 is more than max_seconds 6: it never holds")
    ]


@pytest.mark.parametrize(
    "when",
    [
        'when = { aspect_ratio = "1:1", image = true }',  # one has squares, the other takes pictures
        "when = { image = true, min_seconds = 5 }",
        "when = { min_seconds = 30 }",
        'when = { model = "veo-9" }',
        'when = { quality = "high", image = true }',
    ],
)
def test_a_rule_for_videos_that_nobody_makes_is_of_no_use(told, when):
    assert told(when) == [("rules[0].when", "no such video can be made by veo or doitong: the rule is of no use")]


@pytest.mark.parametrize(
    "when", ['when = { aspect_ratio = "1:1" }', 'when = { quality = "high" }', "when = { min_seconds = 5 }"]
)
def test_what_only_one_account_makes_needs_that_account(told, when):
    assert told(when) == []
    assert told(when, both=False) == [("rules[0].when", "no such video can be made by veo: the rule is of no use")]
    assert told(when + '\nexclude = ["doitong"]') == [
        ("rules[0].when", "no such video can be made by veo: the rule is of no use")
    ]


def test_what_is_bent_to_what_an_account_makes_is_of_use(told):
    assert told('when = { aspect_ratio = "1:1" }', both=False, routing='on_unsupported = "adjust"') == []


def test_a_rule_that_leaves_no_account_is_told(told):
    said = "its only and exclude leave no account that serves this tenant: no video is made by it"

    assert told('only = ["veo"]\nexclude = ["veo3o1"]') == [("rules[0]", said)]
    assert told('only = ["doitong"]', routing='exclude = ["doitong"]') == [("rules[0]", said)]


SPECS = [
    VideoSpec(prompt="-", model=model, aspect_ratio=ratio, quality=quality, seconds=seconds)
    for model in ("auto", "veo-3")
    for ratio in (None, AspectRatio.TALL)
    for quality in (None, Quality.HIGH)
    for seconds in (None, 5, 8, 60)
]
WHENS = [
    When(model=model, aspect_ratio=ratio, quality=quality, min_seconds=least, max_seconds=most)
    for model in (None, "veo-3")
    for ratio in (None, AspectRatio.TALL)
    for quality in (None, Quality.STANDARD, Quality.HIGH)
    for least in (None, 5, 8)
    for most in (None, 8, 60)
]


def test_what_covers_another_holds_wherever_it_does():
    """Against the meaning of rules itself, over all pairs of some."""
    held = {when: {spec for spec in SPECS if when.holds(spec)} for when in WHENS}
    pairs = [(general, special) for general in WHENS for special in WHENS if covers(general, special)]

    assert all(held[special] <= held[general] for general, special in pairs)
    assert len(pairs) > len(WHENS)
