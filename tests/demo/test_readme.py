"""Every shell example in the README runs as it stands, against the demo."""

import re
from pathlib import Path

import pytest

from tests.demo.conftest import Demo

pytestmark = pytest.mark.xdist_group("demo")  # one demo serves all tests here

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = [text for text in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "curl" in text]


@pytest.mark.parametrize("example", [pytest.param(text, id=f"example {n}") for n, text in enumerate(EXAMPLES, 1)])
def test_an_example_of_the_readme_works_as_printed(demo: Demo, example: str) -> None:
    answer = demo.sh(example)

    assert answer.returncode == 0, answer.stderr
    assert "video" in answer.stdout
    assert '"errors"' not in answer.stdout, answer.stdout
    assert "Error" not in answer.stdout, answer.stdout


def test_the_readme_has_examples_of_both_doors() -> None:
    assert any("/graphql" in text for text in EXAMPLES)
    assert any("/v1/videos" in text for text in EXAMPLES)
