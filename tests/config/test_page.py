"""docs/configuration.md has every key of every table, with its default and what the code says of it."""

import json
import re

import pytest

from gateway.config.schema import schema_of
from providers.registry import KINDS
from tests.repo.sources import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
SCHEMA = schema_of(KINDS)
ACCOUNT = SCHEMA["properties"]["accounts"]["items"]
TENANT = SCHEMA["properties"]["tenants"]["items"]
ROUTING = TENANT["properties"]["routing"]
RULE = ROUTING["properties"]["rules"]["items"]
KEY = SCHEMA["$defs"]["key"]["anyOf"][0]

TABLES = {
    **{f"`[{name}]`": table for name, table in SCHEMA["properties"].items() if table["type"] == "object"},
    "`[[accounts]]`": ACCOUNT,
    "`limits` of an account": ACCOUNT["properties"]["limits"],
    **{
        f"`options` of an account at {kind.name}": branch["then"]["properties"]["options"]
        for kind, branch in zip(KINDS, ACCOUNT["allOf"], strict=True)
    },
    "`[[tenants]]`": TENANT,
    "`keys`": {"properties": {name: each for name, each in KEY["properties"].items() if name != "env"}},
    "`[tenants.routing]`": ROUTING,
    "`weights`": ROUTING["properties"]["weights"],
    "`[[tenants.routing.rules]]`": RULE,
    "`when` of a rule": RULE["properties"]["when"],
    "`[tenants.funding]`": TENANT["properties"]["funding"],
    "`[tenants.retention]`": TENANT["properties"]["retention"],
    "`[tenants.limits]`": TENANT["properties"]["limits"],
    "`[[tenants.webhooks]]`": TENANT["properties"]["webhooks"]["items"],
}


def rows(heading):
    """The cells of the table behind a heading, by the key that each row is about."""
    section = re.split(r"^#+ ", PAGE.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.strip("|") for line in section.split("\n") if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_stands_there_with_its_default_and_its_meaning(heading):
    table, found = TABLES[heading], rows(heading)

    assert found.keys() == table["properties"].keys()
    for name, key in table["properties"].items():
        kind, default, says = found[name]
        assert (default, says) == (default_of(name, table), key.get("description", "")), name
        assert kind


def default_of(name, table):
    if name in table.get("required", ()):
        return "required"
    key = table["properties"][name]
    return f"`{json.dumps(key['default'])}`" if "default" in key else ""


@pytest.mark.parametrize("heading", TABLES)
def test_every_word_of_a_closed_set_is_named(heading):
    found = rows(heading)

    for name, key in TABLES[heading]["properties"].items():
        words = key.get("enum") or key.get("items", {}).get("enum") or ()
        assert all(f"`{word}`" in found[name][0] for word in words), name


def test_no_table_is_missing():
    def inside(table, path):
        for name, key in table.get("properties", {}).items():
            inner = key.get("items", key)
            if "properties" in inner:
                yield (*path, name)
                yield from inside(inner, (*path, name))

    beside_those = {heading for heading in TABLES if "options" in heading or "keys" in heading}
    assert len(list(inside(SCHEMA, ()))) == len(TABLES) - len(beside_those)
