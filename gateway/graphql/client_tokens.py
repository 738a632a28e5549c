"""Client tokens as GraphQL shows them: made for somebody's browser, listed, ended; and the keys that sign them."""

import re
from typing import Annotated, Self

import strawberry

from gateway.auth import actor_of
from gateway.graphql.admin import operator
from gateway.graphql.context import Info
from gateway.graphql.refusals import InvalidInputError, NotFoundError, field_errors
from gateway.graphql.scalars import Amount, Moment, amount, moment
from gateway.services.client_tokens import TokenUse, TokenWish
from gateway.services.pages import check_page
from schema.client_token import LIFETIME_SECONDS, SigningKeyFacts
from schema.errors import InvalidRequest, NotFound
from schema.ids import GRANT, could_be, names_video
from schema.money import Micros, parse_micros
from schema.tenant import Scope

First = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]
AfterId = Annotated[strawberry.ID | None, strawberry.argument(description="Only what comes behind this id.")]

_END_USER = re.compile(r"[!-~]{1,128}")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_MOST_CREATES = 1_000_000


@strawberry.type(description="A client token, without its text.")
class ClientToken:
    id: strawberry.ID = strawberry.field(description="Give it to `revokeClientToken`.")
    created_at: Moment = strawberry.field(description="When it was made.")
    expires_at: Moment = strawberry.field(description="When it ends.")
    revoked_at: Moment | None = strawberry.field(description="When it was ended before its time; null unless it was.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    end_user: str | None = strawberry.field(description="Your own name for whoever holds it.")
    video: strawberry.ID | None = strawberry.field(description="The one video it is for.")
    allowance_micros: Amount | None = strawberry.field(description="What its videos may cost together, if bounded.")
    creates: int | None = strawberry.field(description="How many videos it may create; null is no bound.")
    created: int = strawberry.field(description="How many it has created.")
    committed_micros: Amount = strawberry.field(description="What these were charged, or hold while that is open.")

    @classmethod
    def of(cls, used: TokenUse) -> Self:
        token = used.token
        return cls(
            id=strawberry.ID(token.id),
            created_at=Moment(token.created_at),
            expires_at=Moment(token.expires_at),
            revoked_at=moment(token.revoked_at),
            scopes=sorted(token.scopes),
            end_user=token.end_user,
            video=None if token.video is None else strawberry.ID(token.video),
            allowance_micros=amount(token.allowance),
            creates=token.creates,
            created=token.created,
            committed_micros=Amount(used.committed),
        )


@strawberry.type(description="Some client tokens, newest first.")
class ClientTokenPage:
    nodes: list[ClientToken] = strawberry.field(description="The tokens.")
    has_more: bool = strawberry.field(description="There are others behind: give the last one's id as `after`.")


@strawberry.type(description="A key that client tokens are signed with.")
class SigningKey:
    id: strawberry.ID = strawberry.field(description="Its thumbprint, which a token's header names as `kid`.")
    created_at: Moment = strawberry.field(description="When it was made.")
    retired_at: Moment | None = strawberry.field(description="When a newer one took its place; null while it signs.")

    @classmethod
    def of(cls, facts: SigningKeyFacts) -> Self:
        return cls(
            id=strawberry.ID(facts.kid), created_at=Moment(facts.created_at), retired_at=moment(facts.retired_at)
        )


@strawberry.input(description="What a token for somebody's browser is to be for.")
class CreateClientTokenInput:
    scopes: list[Scope] | None = strawberry.field(
        default=None, description="What it may do, never more than your key; null is VIDEOS_READ alone."
    )
    lifetime_seconds: int = strawberry.field(
        default=LIFETIME_SECONDS, description="How long it works, 1 to 3600 seconds."
    )
    end_user: str | None = strawberry.field(
        default=None,
        description="Your own name for whoever holds it, 1 to 128 visible ASCII characters: it sees the videos that "
        "were made for them, and makes its own for them. Without this and `video`, it sees what it made itself.",
    )
    video: strawberry.ID | None = strawberry.field(
        default=None, description="The one video it is for; it creates none then."
    )
    allowance: str | None = strawberry.field(
        default=None, description="What its videos may cost together, decimal text in the gateway's currency."
    )
    creates: int | None = strawberry.field(default=None, description="How many videos it may create.")

    def wish(self) -> TokenWish:
        """Raises InvalidRequest, naming the field."""
        if self.end_user is not None and _END_USER.fullmatch(self.end_user) is None:
            raise InvalidRequest.field("end_user", "invalid_value", "must be 1 to 128 visible ASCII characters")
        if self.video is not None and not names_video(self.video):
            raise InvalidRequest.field("video", "unknown_video", "is no video of yours")
        if self.creates is not None and self.creates > _MOST_CREATES:
            raise InvalidRequest.field("creates", "out_of_range", f"must be from 1 to {_MOST_CREATES}")
        return TokenWish(
            scopes=frozenset({Scope.VIDEOS_READ} if self.scopes is None else self.scopes),
            lifetime_seconds=self.lifetime_seconds,
            end_user=self.end_user,
            video=self.video,
            allowance=None if self.allowance is None else _micros(self.allowance),
            creates=self.creates,
        )


@strawberry.input(description="Which client token to end.")
class RevokeClientTokenInput:
    id: strawberry.ID = strawberry.field(description="The token's id.")


@strawberry.input(description="A new key is to sign.")
class RotateSigningKeyInput:
    note: str = strawberry.field(default="", description="Why; it is kept in the audit trail.")
    end_tokens: bool = strawberry.field(
        default=False,
        description="Whether what former keys have signed ends now, because one of them may be known to others.",
    )


@strawberry.type(description="The token is made.")
class CreateClientTokenSuccess:
    client_token: ClientToken = strawberry.field(description="The token.")
    token: str = strawberry.field(
        description="Its text, which the browser sends as `Authorization: Bearer`; it is shown this once."
    )


@strawberry.type(description="The token has ended: it creates nothing, and does nothing at all within seconds.")
class RevokeClientTokenSuccess:
    client_token: ClientToken = strawberry.field(description="The token.")


@strawberry.type(description="A new key signs; what the old one has signed works until it expires.")
class RotateSigningKeySuccess:
    signing_key: SigningKey = strawberry.field(description="The new key.")


CreateClientTokenPayload = Annotated[
    CreateClientTokenSuccess | InvalidInputError,
    strawberry.union(
        "CreateClientTokenPayload", description="What createClientToken answers. Every refusal is a UserError."
    ),
]
RevokeClientTokenPayload = Annotated[
    RevokeClientTokenSuccess | NotFoundError,
    strawberry.union(
        "RevokeClientTokenPayload", description="What revokeClientToken answers. Every refusal is a UserError."
    ),
]
RotateSigningKeyPayload = Annotated[
    RotateSigningKeySuccess,
    strawberry.union("RotateSigningKeyPayload", description="What rotateSigningKey answers."),
]
CreateArgument = Annotated[CreateClientTokenInput, strawberry.argument(description="What it is for.")]
RevokeArgument = Annotated[RevokeClientTokenInput, strawberry.argument(description="Which token.")]
RotateArgument = Annotated[RotateSigningKeyInput, strawberry.argument(description="Why.")]


async def client_tokens(info: Info, first: First = 20, after: AfterId = None) -> ClientTokenPage:
    tenant = info.context.tenant(Scope.VIDEOS_READ)
    check_page(first, None, None)
    if after is not None and not could_be(GRANT, after):
        raise InvalidRequest.field("after", "invalid_cursor", "give the id of the last one of an earlier page")
    page = await info.context.gateway.ground.client_tokens.page(tenant.id, after, first)
    return ClientTokenPage(nodes=[ClientToken.of(one) for one in page.tokens], has_more=page.more)


async def signing_keys(info: Info) -> list[SigningKey]:
    gateway, _ = operator(info)
    return [SigningKey.of(facts) for facts in await gateway.ground.client_tokens.signing_keys()]


async def create_client_token(info: Info, input: CreateArgument) -> CreateClientTokenPayload:  # noqa: A002  # GraphQL's name
    info.context.tenant(Scope.VIDEOS_READ)
    try:
        minted = await info.context.gateway.ground.client_tokens.mint(info.context.principal, input.wish())
    except InvalidRequest as error:
        return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
    return CreateClientTokenSuccess(client_token=ClientToken.of(TokenUse(minted.token, 0)), token=minted.text)


async def revoke_client_token(info: Info, input: RevokeArgument) -> RevokeClientTokenPayload:  # noqa: A002  # GraphQL's name
    tenant = info.context.tenant(Scope.VIDEOS_WRITE)
    if not could_be(GRANT, input.id):
        return NotFoundError(message=NotFound.title, code=NotFound.code)
    actor = actor_of(info.context.principal)
    try:
        ended = await info.context.gateway.ground.client_tokens.revoke(tenant.id, input.id, actor=actor)
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    return RevokeClientTokenSuccess(client_token=ClientToken.of(ended))


async def rotate_signing_key(info: Info, input: RotateArgument) -> RotateSigningKeyPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    tokens = gateway.ground.client_tokens
    made = await tokens.rotate(actor=actor, note=input.note, end_tokens=input.end_tokens)
    return RotateSigningKeySuccess(signing_key=SigningKey.of(made))


def _micros(text: str) -> Micros:
    if _AMOUNT.fullmatch(text) is None:
        raise InvalidRequest.field("allowance", "invalid_value", 'must be an amount as text, such as "1.50"')
    return parse_micros(text)
