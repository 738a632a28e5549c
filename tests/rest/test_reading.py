"""What headers and forms mean, as pure functions see it."""

from typing import Any

import pytest

from gateway.rest.forms import nested
from gateway.rest.headers import byte_range, matches, wait_seconds
from gateway.rest.problems import pointer
from schema.errors import MalformedRequest


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([("a", "1")], {"a": "1"}, id="plain"),
        pytest.param([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}, id="object"),
        pytest.param([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}, id="list"),
        pytest.param([("a[b][]", "1"), ("a[c]", "2")], {"a": {"b": ["1"], "c": "2"}}, id="list in an object"),
        pytest.param([("a", "")], {"a": ""}, id="empty value"),
        pytest.param([("metadata[a.b c]", "1")], {"metadata": {"a.b c": "1"}}, id="any name of a pair"),
    ],
)
def test_brackets_nest(pairs: list[tuple[str, str]], fields: dict[str, Any]):
    assert nested(pairs) == fields


@pytest.mark.parametrize(
    "names",
    [
        ["a", "a"],
        ["a", "a[b]"],
        ["a[b]", "a"],
        ["a[]", "a[b]"],
        ["a[b]", "a[]"],
        ["a[b][c][d]"],
        ["a[][b]"],
        ["[a]"],
        ["a[b"],
        ["a]b"],
        ["a[b]c"],
        [""],
        ["a[b]", "a[b][c]"],
    ],
    ids=str,
)
def test_names_that_make_no_sense_are_refused(names: list[str]):
    with pytest.raises(MalformedRequest):
        nested([(name, "1") for name in names])


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["wait=5"], 5),
        (["respond-async, wait=5"], 5),
        (["respond-async", "wait=5"], 5),
        (["wait=5; foo=bar"], 5),
        (["WAIT"], 60),
        (["wait=61"], 60),
        (["wait=-1"], None),
        (["wait=5s"], None),
        (["waiting=5"], None),
        (["wait=99999999999999999999"], None),
    ],
)
def test_prefer(values: list[str], seconds: float | None):
    assert wait_seconds(values) == seconds


@pytest.mark.parametrize(
    ("values", "match"),
    [([], False), (['"a"'], True), (['"b"', '"a"'], True), (['"b", W/"a"'], True), ([" * "], True), (["a"], False)],
)
def test_etags_match(values: list[str], match: bool):
    assert matches(values, '"a"') is match


def test_a_file_of_one_byte_has_one_range():
    assert byte_range("bytes=0-", None, '"a"', 1) == (0, 1)
    assert byte_range("bytes=-1", None, '"a"', 1) == (0, 1)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("prompt", "#/prompt"),
        ("gateway.only[3]", "#/gateway/only/3"),
        ("body", "#"),
        ("a/b~c", "#/a~1b~0c"),
    ],
)
def test_fields_as_pointers(field: str, expected: str):
    assert pointer(field) == expected
