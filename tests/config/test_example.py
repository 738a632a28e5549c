"""The example file is complete and loads."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from gateway.config.load import load, parse
from gateway.config.settings import SECTIONS, Settings
from gateway.config.tables import (
    AccountTable,
    BesideTable,
    FundingTable,
    LimitsTable,
    RetentionTable,
    RoutingTable,
    RuleTable,
    TenantLimitsTable,
    TenantTable,
    WebhookTable,
    WeightsTable,
    WhenTable,
)
from providers.registry import KINDS

EXAMPLE = Path(__file__).parents[2] / "filmgate.example.toml"


def names(struct):
    return {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.fixture
def raw():
    return tomllib.loads(EXAMPLE.read_text())


def test_the_example_loads_and_nothing_in_it_is_doubtful(environ):
    settings, findings = parse(EXAMPLE.read_text(), environ)

    assert findings == []
    assert settings is not None
    assert load(EXAMPLE, environ) == msgspec.structs.replace(settings, source=EXAMPLE.name)


def test_every_section_stands_in_the_example(raw):
    assert raw.keys() == names(Settings) - {"source", "trusted"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_of_a_section_stands_in_the_example(raw, section):
    assert raw[section].keys() == names(SECTIONS[section])


def test_the_example_shows_the_defaults(raw):
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            if not field.required and field.default is not None:
                assert msgspec.convert(raw[section][field.name], field.type) == field.default, (section, field.name)


def test_every_field_of_accounts_and_tenants_stands_in_the_example(raw):
    text = EXAMPLE.read_text()
    accounts = {name for account in raw["accounts"] for name in account}
    tenant = raw["tenants"][0]

    assert accounts == names(AccountTable)
    assert tenant.keys() == names(TenantTable)
    assert tenant["routing"].keys() == names(RoutingTable)
    assert tenant["routing"]["weights"].keys() == names(WeightsTable)
    assert tenant["routing"]["rules"][0].keys() == names(RuleTable)
    assert tenant["routing"]["rules"][0]["when"].keys() == names(WhenTable)
    assert tenant["funding"].keys() == names(FundingTable)
    assert tenant["retention"].keys() == names(RetentionTable)
    assert tenant["limits"].keys() == names(TenantLimitsTable)
    assert tenant["webhooks"][0].keys() == names(WebhookTable)
    assert {name for key in tenant["keys"] for name in key} == {"env", *names(BesideTable)}
    assert all(re.search(rf"\b{name}\b", text) for name in names(LimitsTable))


def test_the_example_names_every_provider_and_plan():
    text = EXAMPLE.read_text()

    assert all(kind.name in text for kind in KINDS)
    assert all(plan in text for kind in KINDS for plan in kind.plans)


def test_the_sections_are_those_of_the_settings():
    kinds = {field.name: field.type for field in msgspec.structs.fields(Settings)}

    beside = {name: kinds[name] for name in ("accounts", "tenants", "trusted", "source")}
    assert {**SECTIONS, **beside} == kinds
