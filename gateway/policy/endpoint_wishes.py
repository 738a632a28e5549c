"""What somebody wants of a webhook endpoint, laid over the one there is: every mistake is named at once. Pure."""

from collections.abc import Iterator
from typing import TypeVar

from msgspec import UnsetType
from msgspec.structs import replace

from gateway.policy.egress import MAX_URL
from schema.endpoint import MAX_NAME, Endpoint, EndpointWish
from schema.errors import FieldError, InvalidRequest

T = TypeVar("T")


def wished(endpoint: Endpoint, wish: EndpointWish) -> Endpoint:
    """The endpoint as it is to be; whether its address may be called is asked elsewhere. Raises InvalidRequest."""
    mistakes = list(_mistakes(wish))
    if mistakes:
        detail = f"{mistakes[0].field}: {mistakes[0].detail}" if len(mistakes) == 1 else ""
        raise InvalidRequest(detail, errors=tuple(mistakes))
    return replace(
        endpoint,
        url=_or(wish.url, endpoint.url),
        name=_or(wish.name, endpoint.name).strip(),
        events=tuple(dict.fromkeys(_or(wish.events, endpoint.events))),
    )


def _mistakes(wish: EndpointWish) -> Iterator[FieldError]:
    if isinstance(wish.url, str) and not (0 < len(wish.url) <= MAX_URL and wish.url.isascii() and _visible(wish.url)):
        yield FieldError("url", "invalid_value", f"must be an address of at most {MAX_URL} visible ASCII characters")
    elif isinstance(wish.url, str) and "#" in wish.url:
        yield FieldError("url", "invalid_value", "must end before any #")
    if isinstance(wish.name, str) and not (len(wish.name) <= MAX_NAME and wish.name.isprintable()):
        yield FieldError("name", "invalid_value", f"takes {MAX_NAME} characters that can be printed")


def _visible(url: str) -> bool:
    return all("!" <= character <= "~" and character != "\\" for character in url)


def _or(given: T | UnsetType, otherwise: T) -> T:
    return otherwise if isinstance(given, UnsetType) else given
