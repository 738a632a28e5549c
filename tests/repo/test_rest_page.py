"""docs/rest.md and docs/events.md: every code with its status, every header, and every type of event."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLEnumType

from gateway.graphql.schema import build_schema
from gateway.rest.cors import EXPOSED
from gateway.rest.kinds import all_kinds
from tests.repo.sources import ROOT

DOCS = Path(ROOT) / "docs"
REST, EVENTS = (DOCS / "rest.md").read_text(), (DOCS / "events.md").read_text()


def test_every_code_stands_there_with_its_status_and_whether_repeating_helps():
    told = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \| (yes|no) \|$", REST, re.MULTILINE)

    assert told == [
        (kind.code, str(kind.status), kind.title, "no" if kind.permanent else "yes") for kind in all_kinds().values()
    ]


@pytest.mark.parametrize("header", ["X-Request-Id", "RateLimit", "Retry-After", "x-should-retry", "Link", "ETag"])
def test_the_headers_that_pages_may_read_are_explained(header: str):
    assert header in EXPOSED
    assert f"`{header}" in REST


def test_every_type_of_event_is_explained_in_the_words_of_the_schema():
    told = re.findall(r"^\| `([a-z_.]+)` \| `([A-Z_]+)` \| (.+) \|$", EVENTS, re.MULTILINE)

    described = build_schema()._schema.type_map["EventType"]
    assert isinstance(described, GraphQLEnumType)
    assert told == [(it.value, name, it.description) for name, it in described.values.items()]
