"""Whatever a file holds, the checker answers with findings: it never falls over, and never shows a secret."""

import random
import tomllib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.findings import rendered
from gateway.config.load import parse

EXAMPLE = (Path(__file__).parents[2] / "filmgate.example.toml").read_text()
LINES = EXAMPLE.split("\n")
ENVIRON = {"FILMGATE_SECRET_KEY": "6rVvJ2m0yX8qTz4LwB1nKpQeUaHsDfGc", "ACME_API_KEY": "PLANTED-SECRET"}
VALUES = (
    *("0", "-1", "1.5", "inf", "nan", "true", '""', '"x"', "[]", "{}", "[[]]", "[{}]", "1979-05-27", "07:32:00"),
    *('"\\u0000"', "9" * 30, "{ env = 3 }", '{ env = "ACME_API_KEY" }', '{ file = "\\u0000" }', '{ file = "/" }'),
    *(
        '["", 1, {}]',
        '"http://["',
        '"http://[::1]:x/"',
        "{ a.b = 1 }",
        "'''x'''",
        "1979-05-27T07:32:00Z",
        "{ id = [1] }",
    ),
)


def mutated(seed):
    """The example with a few lines dropped, doubled, moved or given another value, and now and then a broken byte."""
    luck = random.Random(seed)  # noqa: S311 - a seed to repeat a failure by
    lines = list(LINES)
    for _ in range(luck.randint(1, 6)):
        at = luck.randrange(len(lines))
        turn = luck.randrange(6)
        if turn == 0:
            del lines[at]
        elif turn == 1:
            lines.insert(at, luck.choice(LINES))
        elif turn == 2 and "=" in lines[at]:
            lines[at] = f"{lines[at].split('=')[0]} = {luck.choice(VALUES)}"
        elif turn == 3 and "=" in lines[at]:
            lines[at] = "x" + lines[at]
        elif turn == 4:
            lines.insert(
                at, luck.choice(("[", "[[accounts]]", "[tenants]", "[accounts.options]", "x = 1", "a.b.c = 1"))
            )
        elif lines[at]:
            cut = luck.randrange(len(lines[at]))
            lines[at] = lines[at][:cut] + chr(luck.randrange(1, 0x2FF)) + lines[at][cut + luck.randint(0, 3) :]
    return "\n".join(lines)


def answers(text):
    loaded, findings = parse(text, ENVIRON)
    told = rendered(findings, "filmgate.toml")
    assert loaded is not None or [finding for finding in findings if not finding.warning]
    assert "PLANTED-SECRET" not in told
    assert all(finding.line is None or 1 <= finding.line <= text.count("\n") + 1 for finding in findings)
    assert all(finding.problem for finding in findings)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_example_is_answered(seed):
    answers(mutated(seed))


@settings(max_examples=150, deadline=None)
@given(st.text())
def test_any_text_is_answered(text):
    answers(text)


JSON = st.recursive(
    st.booleans() | st.integers(-3, 2**70).map(str).map(str) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(("id", "provider", "credential", "keys", "routing", "limits", "options", "plan", "order", "x"))


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else value


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(("accounts", "tenants")), st.dictionaries(NAMES, JSON, max_size=6))
def test_any_account_or_tenant_is_answered(section, fields):
    text = f"[[{section}]]\n" + "\n".join(f"{name} = {toml(value)}" for name, value in fields.items())

    answers(text)


def test_the_mutations_are_often_still_toml():
    """Otherwise the fuzzing would only try the parser, which is not ours."""

    def reads(text):
        try:
            tomllib.loads(text)
        except ValueError:
            return False
        return True

    assert sum(reads(mutated(seed)) for seed in range(100)) > 20
