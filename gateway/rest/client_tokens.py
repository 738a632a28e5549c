"""/v1/client_tokens: short-lived tokens for browsers; and for operators, the keys that sign them."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post

from gateway.auth import actor_of
from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator, seconds
from gateway.rest.admin_attempts import Note
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import read_body
from gateway.rest.pages import cut, given
from gateway.rest.requests import Call, caller
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import Moment, Money, VideoId, encode
from gateway.services.client_tokens import Minted, TokenUse, TokenWish
from schema.client_token import LIFETIME_SECONDS, LONGEST_SECONDS, ClientToken, SigningKeyFacts
from schema.errors import NotFound
from schema.ids import GRANT, could_be, pattern
from schema.money import CURRENCY, parse_micros
from schema.tenant import Scope

PATH = "/v1/client_tokens"
KEYS = ADMIN + "/signing_keys"

_TokenId = Annotated[str, msgspec.Meta(pattern=pattern(GRANT), max_length=30)]
_EndUser = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,128}$", max_length=128, examples=["user-42"])]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Granted = Literal["videos:read", "videos:write"]
_Scopes = Annotated[tuple[_Granted, ...], msgspec.Meta(min_length=1, max_length=2)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]


class CreateClientToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a token for somebody's browser is to be for.

    Attributes:
        scopes: what it may do; never more than your key.
        lifetime_seconds: how long it works.
        end_user: your own name for whoever holds it, without spaces: it sees the videos that were made for them, and
            makes its own for them. Without this and `video`, it sees what it made itself.
        video: the one video it is for; it creates none then.
        allowance: what its videos may cost together, as decimal text in the gateway's currency.
        creates: how many videos it may create.
    """

    scopes: _Scopes = ("videos:read",)
    lifetime_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] = LIFETIME_SECONDS
    end_user: _EndUser | None = None
    video: VideoId | None = None
    allowance: (
        Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", max_length=16, examples=["1.50"])] | None
    ) = None
    creates: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None

    def wish(self) -> TokenWish:
        return TokenWish(
            scopes=frozenset(Scope(one) for one in self.scopes),
            lifetime_seconds=self.lifetime_seconds,
            end_user=self.end_user,
            video=self.video,
            allowance=None if self.allowance is None else parse_micros(self.allowance),
            creates=self.creates,
        )


class ClientTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A client token, without its text.

    Attributes:
        created_at, expires_at, revoked_at: seconds since the Unix epoch; `revoked_at` is null unless it was ended
            before its time.
        allowance_micros, creates: its bounds; null without one.
        created: videos it has created.
        committed_micros: what these were charged, or hold while that is open.
    """

    id: _TokenId
    object: Literal["client_token"] = "client_token"
    created_at: Moment
    expires_at: Moment
    revoked_at: Moment | None
    scopes: _Scopes
    end_user: _EndUser | None
    video: VideoId | None
    currency: Literal["USD"] = CURRENCY
    allowance_micros: Money | None
    creates: _Count | None
    created: _Count
    committed_micros: Money


class NewClientTokenView(ClientTokenView, frozen=True, kw_only=True):
    """A new client token.

    Attributes:
        token: what the browser sends as `Authorization: Bearer`; it is shown this once.
    """

    token: Annotated[str, msgspec.Meta(max_length=8192)]


class ClientTokenPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some client tokens, newest first.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[ClientTokenView, ...], msgspec.Meta(max_length=100)]
    last_id: _TokenId | None
    has_more: bool


class RotateSigningKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key is to sign.

    Attributes:
        note: why; it is kept in the audit trail.
        end_tokens: whether what former keys have signed ends now, because one of them may be known to others.
    """

    note: Note = ""
    end_tokens: bool = False


class SigningKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key that client tokens are signed with.

    Attributes:
        id: its thumbprint (RFC 7638), which a token's header names as `kid`.
        created_at, retired_at: seconds since the Unix epoch; `retired_at` is null for the one that signs.
    """

    id: _Word
    object: Literal["signing_key"] = "signing_key"
    created_at: Moment
    retired_at: Moment | None


class SigningKeyListView(msgspec.Struct, frozen=True, kw_only=True):
    """Every signing key that is kept, oldest first."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[SigningKeyView, ...], msgspec.Meta(max_length=1000)]


@post(PATH)
async def create(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    wanted = await read_body(request, CreateClientToken)
    minted = await gateway.ground.client_tokens.mint(principal, wanted.wish())
    return Answer(encode(_new(minted)), status=201)


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    asked = given(request.scope["query_string"], ("after", "limit"))
    wish = cut(asked, partial(could_be, GRANT), "a client token")
    page = await gateway.ground.client_tokens.page(principal.tenant.id, wish.after, wish.limit)
    data = tuple([_view(one) for one in page.tokens])
    view = ClientTokenPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY))


@delete(PATH + "/{token_id:str}", status_code=200)
async def revoke(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_WRITE)
    id: str = request.path_params["token_id"]
    if not could_be(GRANT, id):
        raise NotFound
    ended = await gateway.ground.client_tokens.revoke(principal.tenant.id, id, actor=actor_of(principal))
    return Answer(encode(_view(ended)))


@get(KEYS)
async def keys(request: Call) -> Answer:
    gateway, _ = operator(request)
    rows = await gateway.ground.client_tokens.signing_keys()
    return Answer(encode(SigningKeyListView(data=tuple([_key(row) for row in rows]))))


@post(KEYS)
async def rotate(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, RotateSigningKey)
    tokens = gateway.ground.client_tokens
    made = await tokens.rotate(actor=actor, note=wanted.note, end_tokens=wanted.end_tokens)
    return Answer(encode(_key(made)), status=201)


def _view(one: TokenUse) -> ClientTokenView:
    token = one.token
    return ClientTokenView(
        id=token.id,
        created_at=token.created_at // 1000,
        expires_at=token.expires_at // 1000,
        revoked_at=seconds(token.revoked_at),
        scopes=_granted(token),
        end_user=token.end_user,
        video=token.video,
        allowance_micros=token.allowance,
        creates=token.creates,
        created=token.created,
        committed_micros=one.committed,
    )


def _new(minted: Minted) -> NewClientTokenView:
    return NewClientTokenView(**msgspec.structs.asdict(_view(TokenUse(minted.token, 0))), token=minted.text)


def _granted(token: ClientToken) -> tuple[_Granted, ...]:
    words: tuple[_Granted, ...] = ("videos:read", "videos:write")
    return tuple([word for word in words if word in token.scopes])


def _key(row: SigningKeyFacts) -> SigningKeyView:
    return SigningKeyView(id=row.kid, created_at=row.created_at // 1000, retired_at=seconds(row.retired_at))
