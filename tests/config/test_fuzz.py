"""Whatever a file holds, the checker answers with findings: it never falls over, and never shows a secret."""

import random
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.findings import rendered
from gateway.config.inventory import keys_of
from gateway.config.load import read_text
from gateway.config.overrides import variable
from gateway.config.showing import Showing
from providers.registry import by_name
from tests.config.conftest import ENVIRON as GOOD

EXAMPLE = (Path(__file__).parents[2] / "filmgate.example.toml").read_text()
LINES = EXAMPLE.split("\n")
CODE = [line.split(" # ")[0].rstrip() for line in LINES if not line.startswith("#")]
ENVIRON = {**GOOD, "ACME_API_KEY": "PLANTED-SECRET-0123456789"}
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


def mutated(seed, lines=LINES):
    """The example with a few lines dropped, doubled, moved or given another value, and now and then a broken byte."""
    luck = random.Random(seed)  # noqa: S311 - a seed to repeat a failure by
    lines = list(lines)
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


def answers(text, environ=ENVIRON):
    reading = read_text(text, environ)
    findings = reading.findings
    told = rendered(findings, "filmgate.toml")
    assert reading.settings is not None or [finding for finding in findings if not finding.warning]
    if reading.settings is not None:
        told += repr([*Showing(reading, "filmgate.toml", by_name()).keys()])
    assert "PLANTED-SECRET" not in told
    assert all(finding.line is None or 1 <= finding.line <= text.count("\n") + 1 for finding in findings)
    assert all(finding.problem for finding in findings)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_example_is_answered(seed):
    answers(mutated(seed))


@pytest.mark.parametrize("batch", range(4))
def test_two_thousand_mutations_without_comments_are_answered(batch):
    for seed in range(500 * batch, 500 * (batch + 1)):
        answers(mutated(seed, CODE))


VARIABLES = sorted(variable(key.names) for key in keys_of(tomllib.loads(EXAMPLE), by_name()))


@pytest.mark.parametrize("batch", range(2))
def test_two_hundred_sets_of_variables_are_answered(batch):
    for seed in range(100 * batch, 100 * (batch + 1)):
        luck = random.Random(seed)  # noqa: S311 - a seed to repeat a failure by
        names = luck.sample(VARIABLES, luck.randint(1, 4))
        given = {name + luck.choice(("", "", "", "X")): luck.choice((*VALUES, "text", "")) for name in names}
        answers(mutated(seed, CODE) if luck.random() < 0.3 else EXAMPLE, {**ENVIRON, **given})


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
