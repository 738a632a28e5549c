"""What is constant for each code a problem may have: a word, a status, a sentence, and whether repeating helps."""

from functools import cache

import msgspec

from schema.errors import (
    Forbidden,
    GatewayError,
    MalformedRequest,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    TooManyRequests,
    Unauthenticated,
)

PAGES = "/problems"
"""Below it, a page for each code."""


class Kind(msgspec.Struct, frozen=True):
    """What is constant for a code.

    Attributes:
        family: as OpenAI's SDKs know it.
        permanent: sending the same again can not help.
    """

    code: str
    status: int
    title: str
    family: str = "invalid_request_error"
    permanent: bool = True


def link_to(kind: Kind) -> str:
    """The ``Link`` header of a refusal (RFC 8288), to what its code means."""
    return f'<{PAGES}/{kind.code}>; rel="describedby"'


def kind_of(error: type[GatewayError]) -> Kind:
    return Kind(error.code, error.status, error.title, error.kind, error.permanent)


FRAMEWORKS: dict[int, Kind] = {
    400: kind_of(MalformedRequest),
    401: kind_of(Unauthenticated),
    403: kind_of(Forbidden),
    404: kind_of(NotFound),
    405: Kind("method_not_allowed", 405, "This path does not know that method"),
    413: kind_of(PayloadTooLarge),
    415: Kind("unsupported_media_type", 415, "The body is of a type that is not read here"),
    416: Kind("range_not_satisfiable", 416, "The range lies outside the file"),
    429: kind_of(TooManyRequests),
    500: kind_of(GatewayError),
    503: kind_of(Overloaded),
}
"""By status, what the framework itself answers with."""


@cache
def all_kinds() -> dict[str, Kind]:
    """Every code there is, by status and name."""
    found = [*FRAMEWORKS.values(), *map(kind_of, _errors(GatewayError))]
    return {kind.code: kind for kind in sorted(found, key=lambda kind: (kind.status, kind.code))}


def _errors(error: type[GatewayError]) -> list[type[GatewayError]]:
    return [error, *(one for child in error.__subclasses__() for one in _errors(child))]
