"""Trusted documents as they are laid in: each is held against the schema before any of them counts."""

from collections.abc import Iterable, Iterator

from graphql import GraphQLError

from gateway.config.findings import Finding
from gateway.config.settings import Settings
from gateway.graphql.schema import build_schema


def check_trusted(settings: Settings) -> list[Finding]:
    """What is wrong with the trusted documents, held against the schema; those that are well are read by then."""
    if not settings.trusted.documents:
        return []
    documents = build_schema(explorable=settings.server.explorable).documents
    return [
        Finding(path="graphql.documents", problem=f"{document.source}: document {document.id}: {problem}")
        for document in settings.trusted.documents
        for problem in _problems(documents.trust(document.text).errors)
    ]


def _problems(errors: Iterable[GraphQLError]) -> Iterator[str]:
    for error in errors:
        places = "".join(f" (line {place.line}, column {place.column})" for place in (error.locations or ())[:1])
        yield f"{error.message}{places}"
