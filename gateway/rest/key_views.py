"""API keys as callers write and read them."""

from typing import Annotated, Literal

import msgspec

from gateway.config.settings import DEFAULT_SCOPES
from gateway.rest.admin import seconds
from gateway.rest.views import Moment, Name, Text
from gateway.services.keys import KeyPage, Made
from schema.api_key import (
    HINT,
    LONGEST_LIFE,
    LONGEST_OVERLAP,
    MAX_KEY_NAME,
    MAX_PLACES,
    USUAL_OVERLAP,
    ApiKey,
    KeyStatus,
    KeyWish,
)
from schema.clock import Millis
from schema.ids import KEY, pattern
from schema.ownership import ManagedBy
from schema.tenant import Scope

_LATEST = 253_402_300_799
"""The last second of the year 9999."""

_KeyId = Annotated[str, msgspec.Meta(pattern=pattern(KEY), max_length=30)]
_KeyName = Annotated[str, msgspec.Meta(max_length=MAX_KEY_NAME, examples=["backend"])]
_Scopes = Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=len(Scope))]
_Origin = Annotated[str, msgspec.Meta(min_length=1, max_length=255, examples=["https://app.example.com"])]
_Network = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["203.0.113.0/24"])]
_Origins = Annotated[tuple[_Origin, ...], msgspec.Meta(max_length=MAX_PLACES)]
_Networks = Annotated[tuple[_Network, ...], msgspec.Meta(max_length=MAX_PLACES)]
_Ahead = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LIFE)]
_At = Annotated[int, msgspec.Meta(ge=0, le=_LATEST)]
_Overlap = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_OVERLAP)]


class CreateApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made.

    Attributes:
        name: what it is for.
        scopes: what it may do, no more than yours; `videos:read` and `videos:write` unless said.
        expires_at: seconds since the Unix epoch; never unless said.
        expires_in_seconds: the same, from now on; give one of both.
        origins: the web pages that may use it, by origin; any caller unless said.
        networks: where its callers must be; anywhere unless said.
    """

    name: _KeyName = ""
    scopes: _Scopes = tuple(sorted(DEFAULT_SCOPES))
    expires_at: _At | msgspec.UnsetType | None = msgspec.UNSET
    expires_in_seconds: _Ahead | msgspec.UnsetType | None = msgspec.UNSET
    origins: _Origins = ()
    networks: _Networks = ()


class UpdateApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a key, a JSON merge patch: what is left out stays, null is never or none, a list is replaced whole.

    Attributes:
        expires_at: seconds since the Unix epoch.
        expires_in_seconds: the same, from now on; give one of both.
    """

    name: _KeyName | msgspec.UnsetType | None = msgspec.UNSET
    scopes: _Scopes | msgspec.UnsetType = msgspec.UNSET
    expires_at: _At | msgspec.UnsetType | None = msgspec.UNSET
    expires_in_seconds: _Ahead | msgspec.UnsetType | None = msgspec.UNSET
    origins: _Origins | msgspec.UnsetType | None = msgspec.UNSET
    networks: _Networks | msgspec.UnsetType | None = msgspec.UNSET


class RotateApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is to be rotated.

    Attributes:
        overlap_seconds: for so long the old key goes on; 0 ends it at once.
    """

    overlap_seconds: _Overlap = USUAL_OVERLAP


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key: everything but its text.

    Attributes:
        name: what it is for.
        hint: its last characters.
        status: only an `active` one works.
        scopes: what it may do.
        origins: the web pages that may use it, by origin; any caller when empty.
        networks: where its callers must be; anywhere when empty.
        managed_by: where it is changed: in the configuration `file` alone, or by `api`.
        source: the name of that file.
        created_at: seconds since the Unix epoch, as all moments here.
        expires_at: null for never.
        revoked_at: null while it is not.
        used_at: when it was last used, to the minute; null for never.
        rotates: the key whose place it takes.
    """

    id: _KeyId
    object: Literal["api_key"] = "api_key"
    name: Text
    hint: Annotated[str, msgspec.Meta(max_length=HINT)]
    status: KeyStatus
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(max_length=len(Scope))]
    origins: Annotated[tuple[Text, ...], msgspec.Meta(max_length=1024)]
    networks: Annotated[tuple[Text, ...], msgspec.Meta(max_length=1024)]
    managed_by: ManagedBy
    source: Text | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    used_at: Moment | None
    rotates: _KeyId | None


class MadeApiKeyView(ApiKeyView, frozen=True, kw_only=True):
    """An API key that was made just now.

    Attributes:
        key: its text. Keep it: it is shown this once, and nobody can tell it again.
    """

    key: Name


class ApiKeyPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some keys, newest first, those that work no more too.

    Attributes:
        last_id: give it as `after` to see older ones.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[ApiKeyView, ...], msgspec.Meta(max_length=100)]
    last_id: _KeyId | None
    has_more: bool


def created(wanted: CreateApiKey) -> KeyWish:
    return KeyWish(
        name=wanted.name,
        scopes=frozenset(wanted.scopes),
        origins=wanted.origins,
        networks=wanted.networks,
        expires_at=_millis(wanted.expires_at),
        expires_in_seconds=wanted.expires_in_seconds,
    )


def updated(wanted: UpdateApiKey) -> KeyWish:
    return KeyWish(
        name="" if wanted.name is None else wanted.name,
        scopes=wanted.scopes if isinstance(wanted.scopes, msgspec.UnsetType) else frozenset(wanted.scopes),
        origins=() if wanted.origins is None else wanted.origins,
        networks=() if wanted.networks is None else wanted.networks,
        expires_at=_millis(wanted.expires_at),
        expires_in_seconds=wanted.expires_in_seconds,
    )


def _millis(at: int | msgspec.UnsetType | None) -> Millis | msgspec.UnsetType | None:
    return at * 1000 if isinstance(at, int) else at


def key_view(key: ApiKey, now: Millis) -> ApiKeyView:
    return ApiKeyView(
        id=key.id,
        name=key.name,
        hint=key.hint,
        status=key.status(now),
        scopes=tuple(sorted(key.scopes)),
        origins=key.origins,
        networks=key.networks,
        managed_by=key.managed_by,
        source=key.source,
        created_at=key.created_at // 1000,
        expires_at=seconds(key.expires_at),
        revoked_at=seconds(key.revoked_at),
        used_at=seconds(key.used_at),
        rotates=key.rotates,
    )


def made_view(made: Made, now: Millis) -> MadeApiKeyView:
    return MadeApiKeyView(**msgspec.structs.asdict(key_view(made.key, now)), key=made.text.reveal())


def key_page(page: KeyPage, now: Millis) -> ApiKeyPageView:
    data = tuple([key_view(key, now) for key in page.keys])
    return ApiKeyPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)
