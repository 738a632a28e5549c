"""GraphQL requests that are made to cost a server more than they cost whoever sends them."""

import json
from typing import Any

REFUSED, UNREADABLE, BAD_REQUEST, BAD_INPUT = (
    "GRAPHQL_VALIDATION_FAILED",
    "GRAPHQL_PARSE_FAILED",
    "BAD_REQUEST",
    "BAD_USER_INPUT",
)
MEGABYTE = 1_000_000


def nested(levels: int) -> str:
    """A document so many fields deep."""
    return "{a" * levels + "}" * levels


def doubling(levels: int) -> str:
    """Fragments that each spread the next one twice: 2^levels fields."""
    spreads = "".join(f"fragment f{n} on Video {{ ...f{n + 1} ...f{n + 1} }} " for n in range(levels))
    return f'{{ video(id: "x") {{ ...f0 }} }} {spreads} fragment f{levels} on Video {{ id }}'


def circle(through: int) -> str:
    """Fragments of which each spreads the next, and the last the first."""
    spreads = "".join(f"fragment f{n} on Video {{ ...f{(n + 1) % through} }} " for n in range(through))
    return f'{{ video(id: "x") {{ ...f0 }} }} {spreads}'


def numbered(count: int, text: str) -> str:
    """The text so often, each with its number in place of ``#``."""
    return " ".join(text.replace("#", str(number)) for number in range(count))


def first(size: str) -> str:
    """A page of such a size."""
    return "{ videos(first: " + size + ") { edges { cursor } } }"


def introspection(levels: int) -> str:
    return "{ __schema { types { " + "fields { type { " * levels + "name" + " } }" * levels + " } } }"


def asking(query: str, **variables: Any) -> dict[str, Any]:
    return {"query": query, "variables": variables}


DOCUMENTS: dict[str, tuple[str, str]] = {
    "fragments that double, to sixty levels": (doubling(60), REFUSED),
    "fragments that double, to two hundred levels": (doubling(200), UNREADABLE),
    "a fragment that spreads itself": (circle(1), REFUSED),
    "three fragments in a circle": (circle(3), REFUSED),
    "sixteen aliases": ("{ " + numbered(16, "a#: __typename") + " }", REFUSED),
    "as many aliases as there may be tokens": ("{ " + numbered(320, "a#: __typename") + " }", REFUSED),
    "aliases in fragments": (
        "{ ...f ...g } fragment f on Query { " + numbered(10, "a#: __typename") + " } "
        "fragment g on Query { " + numbered(10, "b#: __typename") + " }",
        REFUSED,
    ),
    "directives on one field": ("{ __typename " + "@skip(if: true) " * 130 + "}", REFUSED),
    "directives that there are not": ("{ __typename " + "@nope " * 400 + "}", REFUSED),
    "directives on many fields": ("{ " + "__typename @skip(if: true) " * 120 + "}", REFUSED),
    "directives beyond all tokens": ("{ __typename " + "@nope " * 100_00 + "}", UNREADABLE),
    "fields twelve levels deep": (nested(12), REFUSED),
    "fields four hundred levels deep": (nested(400), UNREADABLE),
    "lists four hundred levels deep": (first("[" * 400 + "]" * 400), UNREADABLE),
    "lists forty levels deep": (first("[" * 40 + "]" * 40), REFUSED),
    "objects forty levels deep": (
        "mutation { createVideo(input: " + "{a: " * 40 + "1" + "}" * 40 + ") { __typename } }",
        REFUSED,
    ),
    "one field a thousand times": ("{ " + "__typename " * 980 + "}", REFUSED),
    "one long name five hundred times": ("{ " + ("a" * 31 + " ") * 500 + "}", REFUSED),
    "one field a hundred times, with what is in it": ("{ " + "viewer { tenant { id } } " * 100 + "}", REFUSED),
    "one field ten times in one ten times in one": (
        "{ " + ("viewer { " + ("tenant { " + "id " * 8 + "} ") * 8 + "} ") * 8 + "}",
        REFUSED,
    ),
    "one inline fragment ninety times": ("{ " + "... { viewer { tenant { id } } } " * 90 + "}", REFUSED),
    "one fragment four hundred times": ("{ " + "...f " * 400 + "} fragment f on Query { __typename }", REFUSED),
    "eighty fragments of one field": (
        "{ " + numbered(80, "...f#") + " } " + numbered(80, "fragment f# on Query { __typename }"),
        REFUSED,
    ),
    "fragments that spread all that follow": (
        "{ ...f24 } " + " ".join(f"fragment f{n} on Query {{ __typename {numbered(n, '...f#')} }}" for n in range(25)),
        REFUSED,
    ),
    "fragments that nobody uses": ("{ __typename } " + numbered(120, "fragment f# on Query { __typename }"), REFUSED),
    "two hundred operations": (numbered(195, "query Q# { __typename }"), REFUSED),
    "one operation two hundred times": (numbered(195, "query Q { __typename }"), REFUSED),
    "variables that nobody uses": ("query(" + numbered(240, "$v#: Int") + ") { __typename }", REFUSED),
    "one variable two hundred times": ("query(" + "$v: Int " * 240 + ") { __typename }", REFUSED),
    "variables of types that there are not": ("query(" + numbered(190, "$v#: T#") + ") { __typename }", REFUSED),
    "three hundred arguments": ("{ videos(" + numbered(300, "a#: 1") + ") { edges { cursor } } }", REFUSED),
    "one argument three hundred times": ("{ videos(" + "first: 1 " * 300 + ") { edges { cursor } } }", REFUSED),
    "nine hundred values in a list": ("{ nodes(ids: [" + "1.5 " * 900 + "]) { id } }", REFUSED),
    "three hundred fields in an object": (
        "mutation { createVideo(input: {" + "a: 1 " * 300 + "}) { __typename } }",
        REFUSED,
    ),
    "nine hundred fields that there are not": ("{ " + numbered(900, "a#") + " }", REFUSED),
    "a page of four thousand digits": (first("1" * 4000), REFUSED),
    "a page of fifteen thousand digits": (first("1" * 15_000), REFUSED),
    "a number of a megabyte": (first("1" * MEGABYTE), UNREADABLE),
    "a name of a megabyte": ("{ " + "a" * MEGABYTE + " }", UNREADABLE),
    "a text of a megabyte": ('{ video(id: "' + "x" * MEGABYTE + '") { id } }', UNREADABLE),
    "a block of a megabyte": ('{ video(id: """' + "x\n" * (MEGABYTE // 4) + '""") { id } }', UNREADABLE),
    "a comment of a megabyte": ("{ __typename } #" + "x" * MEGABYTE, UNREADABLE),
    "a megabyte of commas": ("{ __typename }" + "," * MEGABYTE, UNREADABLE),
    "fifteen thousand lines before a mistake": ("{ __typename " + "\n" * 15_000 + " nope }", REFUSED),
    "introspection, deep": (introspection(8), REFUSED),
    "introspection, wide": ("{ __schema { types { " + "fields { name type { name } } " * 60 + "} } }", REFUSED),
}  # fmt: skip
"""What each is, by what it does; the code it is refused with."""

_IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
_WISH = "mutation($input: CreateVideoInput!) { createVideo(input: $input) { __typename } }"
BODIES: dict[str, tuple[Any, str]] = {
    "a batch": ([{"query": "{ __typename }"}] * 1000, BAD_REQUEST),
    "a list as deep as the body is long": (b"[" * 900_000, BAD_REQUEST),
    "an object as deep as the body is long": (b'{"a":' * 150_000, BAD_REQUEST),
    "variables as deep as the body is long": (b'{"variables": ' + b'{"a":' * 150_000, BAD_REQUEST),
    "variables five hundred levels deep": (asking(_WISH, input=json.loads("[" * 500 + "]" * 500)), BAD_INPUT),
    "a list of two hundred thousand variables": (asking(_IDS, ids=["x"] * 200_000), BAD_REQUEST),
    "a list of nothing": (asking(_IDS, ids=[None] * 4_900), BAD_INPUT),
    "ids beyond a page": (asking(_IDS, ids=["x"] * 4_900), BAD_INPUT),
    "variables that nobody declared": (asking("{ __typename }", **{f"v{n}": n for n in range(60_000)}), BAD_REQUEST),
    "fields that an input does not have": (asking(_WISH, input={f"f{n}": n for n in range(4_900)}), BAD_REQUEST),
    "as many such fields as there may be": (asking(_WISH, input={f"f{n}": n for n in range(100)}), BAD_INPUT),
}


def attack(name: str) -> tuple[bytes, str]:
    """The body of a request, and the code it is refused with."""
    if name in DOCUMENTS:
        document, code = DOCUMENTS[name]
        return json.dumps({"query": document}).encode(), code
    body, code = BODIES[name]
    return body if isinstance(body, bytes) else json.dumps(body).encode(), code


ATTACKS: list[Any] = [*DOCUMENTS, *BODIES]
