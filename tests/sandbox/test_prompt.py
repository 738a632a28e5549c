"""Markers in prompts: read as written, and documented as they are."""

from pathlib import Path

import pytest

import gateway.sandbox
from gateway.sandbox.files import _FAULTS as FILE_ANSWERS
from gateway.sandbox.files import _MISTREATED as FILE_WIRES
from gateway.sandbox.prompt import MARKERS, Kind, Script, read, scripted
from gateway.sandbox.refusals import POLL_FAULTS, REFUSALS
from gateway.sandbox.settings import Variant
from gateway.sandbox.wire import _MISTREATED, _SPOILT

README = Path(gateway.sandbox.__file__).with_name("README.md")


@pytest.mark.parametrize(
    ("prompt", "always"), [("fail:moderation", ("fail",)), ("fail:moderation!", ()), ("[sim:slow]", ("slow",))]
)
def test_a_whole_prompt_can_stand_for_a_marker(prompt, always):
    assert read(scripted(prompt, {"fail:moderation": "fail"}), "doitong").always == always


def test_a_prompt_without_markers_asks_for_nothing():
    assert read("a [simple] fox [fail]", "veo3o1") == Script()


def test_several_markers_are_read_in_the_order_written():
    assert read("[sim:slow] a fox [sim:fail][sim:429-once]", "veo3o1") == Script(("slow", "fail"), ("429",), ())


@pytest.mark.parametrize(("provider", "names"), [("veo3o1", ("fail", "slow")), ("doitong", ("stuck", "slow"))])
def test_a_scoped_marker_counts_only_at_its_provider(provider, names):
    assert read("[sim:veo3o1:fail] [sim:doitong:stuck] [sim:slow]", provider).always == names


@pytest.mark.parametrize("written", ["nonsense", "other:fail", "fail-once", "doitong:veo3o1:fail", ""])
def test_a_marker_nobody_defined_is_named(written):
    assert read(f"[sim:{written}] a fox", "doitong").unknown == (written,)


def test_every_marker_that_refuses_or_spoils_has_its_effect():
    assert _of(Kind.REFUSAL) == REFUSALS.keys()
    assert _of(Kind.ANSWER) == {*_SPOILT, *_MISTREATED, "no-id", "partial"}
    assert {*FILE_ANSWERS, *FILE_WIRES, "gone-file", "redirect-file"} == _of(Kind.FILE)
    assert POLL_FAULTS.keys() < _of(Kind.STATUS)


def test_the_readme_documents_exactly_the_markers_there_are():
    rows = [
        line.strip("| \n").split(" | ", 2) for line in README.read_text().splitlines() if line.startswith("| `[sim:")
    ]

    assert rows == [[f"`[sim:{m.name}]`", m.kind.value, m.says] for m in MARKERS.values()]


def test_the_readme_names_every_point_on_which_documents_disagree():
    section = README.read_text().partition("## Where documents disagree")[2].partition("\n## ")[0]

    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]

    assert sorted(rows) == sorted(Variant.__struct_fields__)


def _of(kind: Kind) -> set[str]:
    return {marker.name for marker in MARKERS.values() if marker.kind is kind}
