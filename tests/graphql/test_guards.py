"""What one request may ask for: refused before validation, with little work, however it is wrapped in fragments."""

import msgspec
import pytest
from graphql import get_introspection_query, parse

from gateway.graphql.cost import MAX_ALIASES, MAX_COST, MAX_DEPTH, check_cost
from gateway.graphql.counts import TooMuch
from gateway.graphql.documents import MAX_TOKENS
from gateway.graphql.schema import build_schema
from tests.graphql.asking import CREATE, ask, codes, door, errors
from tests.support.running import ACME_KEY, Running
from tests.support.work import Work, work_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def nested(levels: int) -> str:
    """A document so many fields deep."""
    return "{a" * levels + "}" * levels


def doubling(levels: int) -> str:
    """Fragments that each spread the next one twice: 2^levels fields."""
    spreads = "".join(f"fragment f{n} on Video {{ ...f{n + 1} ...f{n + 1} }} " for n in range(levels))
    return f'{{ video(id: "x") {{ ...f0 }} }} {spreads} fragment f{levels} on Video {{ id }}'


async def test_depth_is_bounded() -> None:
    check_cost(parse(nested(MAX_DEPTH)))
    with pytest.raises(TooMuch, match="levels deep"):
        check_cost(parse(nested(MAX_DEPTH + 1)))


async def test_depth_counts_through_fragments() -> None:
    fragments = "".join(f"fragment f{n} on T {{ a {{ ...f{n + 1} }} }} " for n in range(MAX_DEPTH))
    with pytest.raises(TooMuch, match="levels deep"):
        check_cost(parse(f"{{ ...f0 }} {fragments} fragment f{MAX_DEPTH} on T {{ a }}"))


async def test_aliases_are_bounded_and_count_through_fragments() -> None:
    check_cost(parse("{" + " ".join(f"x{n}: a" for n in range(MAX_ALIASES)) + "}"))
    with pytest.raises(TooMuch, match="16 aliases"):
        check_cost(parse("{ a { ...f } b { ...f } } fragment f on T {" + " ".join(f"x{n}: a" for n in range(8)) + "}"))


async def test_cost_counts_what_lists_may_hold() -> None:
    check_cost(parse("{ videos(first: 100) { edges { node { a b c attempts { d e f } } } } }"))
    wide = " ".join(f"f{n}" for n in range(120))
    with pytest.raises(TooMuch, match="fields in the answer"):
        check_cost(parse(f"{{ videos(first: 100) {{ edges {{ node {{ {wide} }} }} }} }}"))
    with pytest.raises(TooMuch, match="fields in the answer"):
        check_cost(parse(f"query($n: Int) {{ videos(last: $n) {{ edges {{ node {{ {wide} }} }} }} }}"))
    check_cost(parse(f"{{ videos(first: 10) {{ edges {{ node {{ {wide} }} }} }} }}"))


async def test_every_operation_of_a_document_is_measured() -> None:
    with pytest.raises(TooMuch):
        check_cost(parse("query A { a } query B " + nested(MAX_DEPTH + 1)))


def reading(text: str) -> Work:
    """What it takes to read a document that nobody has sent before."""
    documents = build_schema().documents
    return work_of(lambda: documents.read(text))


async def test_what_validation_would_have_to_walk_is_refused_before_it() -> None:
    document = build_schema().documents.read(doubling(60))

    assert "asks for too much" in document.errors[0].message
    assert not reading(doubling(60)).reached("graphql.validation")
    assert not reading(nested(MAX_DEPTH + 1)).reached("graphql.validation")
    assert reading("{ vide }").reached("graphql.validation")


async def test_fragments_that_double_what_is_asked_cost_no_more_than_their_text() -> None:
    twenty, forty, sixty = (reading(doubling(levels)).calls for levels in (20, 40, 60))

    assert sixty - forty <= 1.1 * (forty - twenty)


async def test_fragments_in_a_circle_are_refused(gw: Running) -> None:
    circle = '{ video(id: "x") { ...a } } fragment a on Video { ...b } fragment b on Video { ...a }'

    assert await codes(gw.client, circle) == ["GRAPHQL_VALIDATION_FAILED"]


HOSTILE = pytest.mark.parametrize(
    "hostile",
    [
        nested(150),
        nested(300),
        "{" + "a " * (MAX_TOKENS - 10) + "}",
        "{" + "__typename " * (MAX_TOKENS - 10) + "}",
        "{ __typename " + "@skip(if: true) " * 150 + "}",
        "{ __typename " + "@nope " * 400 + "}",
        "{ videos(first: " + "[" * 400 + "]" * 400 + ") { edges { cursor } } }",
        "{" + "a" * 200_000 + "}",
        '{ video(id: "' + "x" * 200_000 + '") { nope } }',
        "#" * 500_000,
        doubling(60),
        "query(" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { __typename }",
    ],
)


@HOSTILE
async def test_the_work_of_reading_is_bounded_by_the_letters_and_the_tokens_that_may_be(hostile: str) -> None:
    assert reading(hostile).calls <= 2 * len(hostile) + 2 * MAX_TOKENS**2


@HOSTILE
async def test_hostile_documents_are_answered_with_a_few_errors(gw: Running, hostile: str) -> None:
    found = await errors(gw.client, hostile)

    assert {error["extensions"]["code"] for error in found} <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert len(found) <= 101


async def test_tokens_are_bounded(gw: Running) -> None:
    (error,) = await errors(gw.client, "{" + "__typename " * MAX_TOKENS + "}")

    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert f"more than {MAX_TOKENS} tokens" in error["message"]


async def test_a_text_is_read_once() -> None:
    documents = build_schema().documents

    assert documents.read(CREATE) is documents.read(CREATE)
    assert documents.read(CREATE).errors == ()


async def test_long_texts_are_not_remembered() -> None:
    documents = build_schema().documents
    long = "{ __typename }" + " " * 10_000

    assert documents.read(long) is not documents.read(long)


async def test_tools_can_ask_for_the_whole_schema(gw: Running) -> None:
    data = await ask(gw.client, get_introspection_query(input_value_deprecation=True, specified_by_url=True))

    assert "Video" in {kind["name"] for kind in data["__schema"]["types"]}


async def test_in_production_the_schema_does_not_show_itself(gw: Running) -> None:
    settings = gw.gateway.settings
    server = msgspec.structs.replace(settings.server, production=True)
    changed = msgspec.structs.replace(gw.gateway, settings=msgspec.structs.replace(settings, server=server))
    async with door(changed, ACME_KEY) as client:
        assert set(await codes(client, "{ __schema { types { name } } }")) == {"GRAPHQL_VALIDATION_FAILED"}
        for query in (
            "{ vide }",
            '{ video(idd: "x") { id } }',
            '{ video(id: "x") { ... on Vide { id } } }',
            "{ videos(status: COMPLETE) { edges { cursor } } }",
        ):
            found = await errors(client, query)
            assert not any("Did you mean" in error["message"] for error in found)
        query = "query($s: VideoStatus) { videos(status: $s) { edges { cursor } } }"
        (error,) = await errors(client, query, s="COMPLETE")
        assert "Did you mean" not in error["message"]
        assert (await ask(client, "{ __typename }")) == {"__typename": "Query"}


async def test_elsewhere_a_mistake_comes_with_a_hint(gw: Running) -> None:
    (error,) = await errors(gw.client, "{ vide }")

    assert "Did you mean 'video'" in error["message"]


async def test_the_costliest_page_we_allow_is_allowed(gw: Running) -> None:
    """Everything a video has, a hundred times: what a careless but honest client would ask."""
    query = """{ videos(first: 100) { edges { cursor node {
      id status substate progress prompt model seconds aspectRatio quality imageUrl metadata createdAt startedAt
      completedAt deadlineAt expiresAt error { code message } provider account version contentUrl credits
      cost { currency quotedLowMicros quotedMicros chargedMicros } adjustments { field asked given }
      attempts { id number account provider state verdict providerRef startedAt endedAt credits }
    } } pageInfo { hasNextPage endCursor } } }"""

    await ask(gw.client, query)
    assert MAX_COST == 10_000
