"""Reading answers: what is forgiven, what is cut, what is unreadable."""

import math

import pytest

from providers.answers import link, parse, percent, prose, ref, whole
from providers.base import ProviderKind
from providers.doitong import DOITONG
from providers.registry import KINDS, by_name
from providers.veo3o1 import VEO3O1


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="json"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="byte-order-mark"),
        pytest.param(b'{"a": NaN, "b": Infinity}', {"a": None, "b": None}, id="not-a-number"),
        pytest.param(b'{"a": 1e999}', {"a": math.inf}, id="beyond-all-numbers"),
        pytest.param(b'{"id": "x", "a": ' + b"9" * 5000 + b"}", {"id": "x", "a": None}, id="endless-digits"),
        pytest.param(b'{"id": "x", "a": "\xff"}', {"id": "x", "a": "�"}, id="not-utf-8"),
        pytest.param(b"<html>", None, id="a-page"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"[" * 100_000, None, id="a-bomb"),
    ],
)
def test_json_is_read_as_careless_servers_write_it(body, value):
    assert parse(body) == value


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param("abc-123_X.y:z", "abc-123_X.y:z", id="text"),
        pytest.param(4711, "4711", id="number"),
        pytest.param("a" * 128, "a" * 128, id="longest"),
        pytest.param("a" * 129, None, id="too-long"),
        pytest.param("", None, id="empty"),
        pytest.param("..", None, id="parent"),
        pytest.param("a/b", None, id="slash"),
        pytest.param("a b", None, id="space"),
        pytest.param("a\n", None, id="line-end"),
        pytest.param("ä", None, id="not-ascii"),
        pytest.param(True, None, id="bool"),
        pytest.param(-1, None, id="negative"),
        pytest.param(2**63, None, id="huge"),
        pytest.param(1.5, None, id="fraction"),
        pytest.param(None, None, id="none"),
    ],
)
def test_an_id_is_safe_in_a_path_a_log_and_a_table(value, read):
    assert ref(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param(0, 0, id="nothing-done"),
        pytest.param(99.9, 99, id="nearly-is-not-there"),
        pytest.param(101, 100, id="beyond"),
        pytest.param(-3, 0, id="below"),
        pytest.param(1e9, None, id="wild"),
        pytest.param(10**40, None, id="huge"),
        pytest.param(math.nan, None, id="not-a-number"),
        pytest.param(math.inf, None, id="infinite"),
        pytest.param("50", None, id="text"),
        pytest.param(True, None, id="bool"),
        pytest.param(None, None, id="none"),
    ],
)
def test_progress_is_clamped_or_unreadable(value, read):
    assert percent(value) == read


@pytest.mark.parametrize(
    ("value", "read"), [(0, 0), (7, 7), (7.2, 8), (1000, 1000), (1001, None), (-1, None), (math.nan, None), ("7", None)]
)
def test_a_whole_number_is_bounded_and_rounded_up(value, read):
    assert whole(value, most=1000) == read


@pytest.mark.parametrize(
    ("candidates", "shown"),
    [
        pytest.param((None, "", "  ", "why"), "why", id="first-that-speaks"),
        pytest.param(({"message": "why"},), "why", id="object-with-message"),
        pytest.param(({"code": 7}, 7, ["x"]), "", id="nothing-speaks"),
        pytest.param(("one\n\ttwo\x00three\u202e",), "one two three", id="one-printable-line"),
        pytest.param(("see https://gateway.example/hooks/t0ken now",), "see … now", id="no-addresses"),
        pytest.param(('got { secret: "x" } wrong',), "got … wrong", id="no-quoted-objects"),
        pytest.param(("bad header Bearer abc.def",), "bad header …", id="no-tokens"),
        pytest.param(("x" * 1000,), "x" * 300, id="cut-short"),
        pytest.param(("half \ud83d emoji",), "half emoji", id="half-an-emoji"),
    ],
)
def test_words_of_an_upstream_are_made_fit_to_be_shown(candidates, shown):
    assert prose(*candidates) == shown


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param("https://cdn.example/v.mp4?a=b", "https://cdn.example/v.mp4?a=b", id="https"),
        pytest.param("http://127.0.0.1:9101/v.mp4", "http://127.0.0.1:9101/v.mp4", id="http-is-judged-elsewhere"),
        pytest.param("https://cdn.example/a b", None, id="space"),
        pytest.param("https://cdn.example/\x00", None, id="nul"),
        pytest.param("", None, id="empty"),
        pytest.param("x" * 5000, None, id="endless"),
        pytest.param(["https://cdn.example/v.mp4"], None, id="a-list"),
        pytest.param(None, None, id="none"),
    ],
)
def test_a_link_is_one_piece_of_printable_text(value, read):
    assert link(value) == read


def test_the_registry_lists_every_provider_by_name():
    kinds: dict[str, ProviderKind] = by_name()

    assert kinds == {"veo3o1": VEO3O1, "doitong": DOITONG}
    assert by_name(KINDS[:1]) == {"veo3o1": VEO3O1}
