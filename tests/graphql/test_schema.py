"""The schema as text: committed, current, and described to the last argument."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)
from graphql import (
    build_schema as read_sdl,
)

from gateway.graphql.schema import build_schema, sdl
from schema.event import EventType
from schema.lifecycle import VideoStatus
from schema.video import AspectRatio

SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


@pytest.fixture(scope="module")
def described() -> GraphQLSchema:
    return read_sdl(build_schema().as_str())


def test_the_committed_schema_is_current() -> None:
    assert SDL.read_text() == sdl(), "run: filmgate schema sdl > schema/schema.graphql"


def test_every_element_is_described(described: GraphQLSchema) -> None:
    missing = []
    for name, kind in described.type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        elements = {name: kind.description}
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                elements[f"{name}.{field_name}"] = field.description
                for argument_name, argument in getattr(field, "args", {}).items():
                    elements[f"{name}.{field_name}({argument_name})"] = argument.description
        if isinstance(kind, GraphQLEnumType):
            elements |= {f"{name}.{value_name}": value.description for value_name, value in kind.values.items()}
        missing += [element for element, description in elements.items() if not description]

    assert missing == []


@pytest.mark.parametrize(
    ("core", "name"), [(VideoStatus, "VideoStatus"), (EventType, "EventType"), (AspectRatio, "AspectRatio")]
)
def test_enums_have_every_word_of_the_vocabulary(described: GraphQLSchema, core: type[EventType], name: str) -> None:
    kind = described.type_map[name]

    assert isinstance(kind, GraphQLEnumType)
    assert len(kind.values) == len(core)
    assert all(value.isupper() for value in kind.values)


def test_every_refusal_in_a_payload_is_a_user_error(described: GraphQLSchema) -> None:
    for name in ("CreateVideoPayload", "CancelVideoPayload"):
        success, *refusals = described.type_map[name].types  # type: ignore[attr-defined]
        assert success.name.endswith("Success")
        for refusal in refusals:
            assert refusal.name.endswith("Error")
            assert [interface.name for interface in refusal.interfaces] == ["UserError"]


def test_mutations_take_one_input_and_answer_a_payload(described: GraphQLSchema) -> None:
    assert described.mutation_type is not None
    for name, field in described.mutation_type.fields.items():
        assert list(field.args) == ["input"]
        assert str(field.type) == f"{name[0].upper()}{name[1:]}Payload!"


def test_a_schema_can_be_built_more_than_once() -> None:
    assert build_schema() is build_schema()
    assert build_schema(explorable=False).as_str() == build_schema().as_str()
