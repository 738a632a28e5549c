"""What somebody wants of a key, laid over the key there is: every mistake is named at once. Pure."""

from collections.abc import Callable, Iterator
from ipaddress import IPv6Network, ip_network
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gateway.policy import egress
from schema.api_key import LONGEST_LIFE, MAX_KEY_NAME, MAX_PLACES, ApiKey, KeyWish
from schema.clock import Millis, millis
from schema.errors import FieldError, InvalidRequest

T = TypeVar("T")

_MAPPED = IPv6Network("::ffff:0:0/96")
_ORIGIN = "is not a web origin; write it as browsers send it, such as https://app.example.com"
_NETWORK = "is not a network; write it like 203.0.113.0/24 or 2001:db8::/32, or a single address"


def wished(key: ApiKey, wish: KeyWish, now: Millis) -> ApiKey:
    """The key as it is to be. Raises InvalidRequest with every field that is wrong."""
    mistakes = list(_mistakes(wish, now))
    if mistakes:
        detail = f"{mistakes[0].field}: {mistakes[0].detail}" if len(mistakes) == 1 else ""
        raise InvalidRequest(detail, errors=tuple(mistakes))
    return replace(
        key,
        name=_or(wish.name, key.name).strip(),
        scopes=_or(wish.scopes, key.scopes),
        origins=tuple(dict.fromkeys(_or(wish.origins, key.origins))),
        networks=tuple(dict.fromkeys(str(ip_network(one)) for one in _or(wish.networks, key.networks))),
        expires_at=_expiry(key, wish, now),
    )


def _mistakes(wish: KeyWish, now: Millis) -> Iterator[FieldError]:
    if not isinstance(wish.name, UnsetType) and not (len(wish.name) <= MAX_KEY_NAME and wish.name.isprintable()):
        yield FieldError("name", "invalid_value", f"takes {MAX_KEY_NAME} characters that can be printed")
    if not isinstance(wish.scopes, UnsetType) and not wish.scopes:
        yield FieldError("scopes", "too_short", "must not be empty: a key that may do nothing is of no use; revoke it")
    yield from _each("origins", wish.origins, _odd_origin)
    yield from _each("networks", wish.networks, _odd_network)
    yield from _odd_expiry(wish, now)


def _each(field: str, given: tuple[str, ...] | UnsetType, odd: Callable[[str], str | None]) -> Iterator[FieldError]:
    if isinstance(given, UnsetType):
        return
    if len(given) > MAX_PLACES:
        yield FieldError(field, "too_long", f"takes {MAX_PLACES} at most")
        return
    for position, text in enumerate(given):
        if said := odd(text):
            yield FieldError(f"{field}[{position}]", "invalid_value", said)


def _odd_origin(text: str) -> str | None:
    """What is wrong with an origin; None when it is as browsers send it."""
    try:
        plain = egress.origin(urlsplit(text))
    except ValueError:
        return _ORIGIN
    if plain is None or not plain.isascii() or "*" in plain:
        return _ORIGIN
    return None if plain == text else f'is not an origin as browsers send it; write "{plain}"'


def _odd_network(text: str) -> str | None:
    """What is wrong with a network; None when it is one."""
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return _NETWORK
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        return "is IPv4 within IPv6, which callers are never seen as; write it as IPv4"
    try:
        ip_network(text)
    except ValueError:
        return f'has bits set behind its length; write "{found}"'
    return None


def _odd_expiry(wish: KeyWish, now: Millis) -> Iterator[FieldError]:
    at, seconds = wish.expires_at, wish.expires_in_seconds
    if at is not UNSET and seconds is not UNSET:
        yield FieldError("expires_in_seconds", "exclusive", "give either expires_at or expires_in_seconds, not both")
    elif isinstance(seconds, int) and not 1 <= seconds <= LONGEST_LIFE:
        yield FieldError("expires_in_seconds", "out_of_range", f"must be from 1 to {LONGEST_LIFE}, or null for never")
    elif isinstance(at, int) and at <= now:
        yield FieldError("expires_at", "out_of_range", "is not in the future; revoke the key to end it now")
    elif isinstance(at, int) and at > now + millis(LONGEST_LIFE):
        yield FieldError("expires_at", "out_of_range", "is more than ten years ahead; give null for never")


def _expiry(key: ApiKey, wish: KeyWish, now: Millis) -> Millis | None:
    if isinstance(wish.expires_in_seconds, int):
        return now + millis(wish.expires_in_seconds)
    if wish.expires_in_seconds is None:
        return None
    return _or(wish.expires_at, key.expires_at)


def successor(key: ApiKey, id: str, hint: str, now: Millis) -> ApiKey:
    """The key that takes another's place: it may do the same, for as long, anew."""
    life = None if key.expires_at is None else key.expires_at - key.created_at
    return replace(
        key,
        id=id,
        hint=hint,
        created_at=now,
        expires_at=None if life is None else now + life,
        used_at=None,
        rotates=key.id,
    )


def outgoing(key: ApiKey, overlap: Millis, now: Millis) -> ApiKey:
    """A key whose place another takes: it goes on for a while, and not longer than it would have."""
    end = now + overlap
    return replace(key, expires_at=end if key.expires_at is None else min(key.expires_at, end))


def lasts_longer(key: ApiKey, before: ApiKey) -> bool:
    """Whether a key goes on beyond the end it had."""
    if before.expires_at is None:
        return False
    return key.expires_at is None or key.expires_at > before.expires_at


def _or(given: T | UnsetType, otherwise: T) -> T:
    return otherwise if isinstance(given, UnsetType) else given
