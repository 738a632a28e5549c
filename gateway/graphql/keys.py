"""A tenant's API keys in GraphQL's words: seen, made, changed, rotated, revoked; operators name the tenant."""

from functools import partial
from typing import Annotated, Any, Self

import msgspec
import strawberry

from gateway.auth import hand_of
from gateway.config.settings import DEFAULT_SCOPES
from gateway.graphql.admin_refusals import ConflictError, ManagedByFileError
from gateway.graphql.connections import After, First, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.key_refusals import change_refusal, create_refusal, revoke_refusal
from gateway.graphql.policies import TenantId, meant
from gateway.graphql.refusals import InvalidInputError, NotFoundError
from gateway.graphql.scalars import Moment, moment
from gateway.services.keys import KeyPage
from schema import api_key
from schema.api_key import USUAL_OVERLAP, KeyStatus, KeyWish
from schema.errors import GatewayError, NotFound
from schema.ids import KEY, could_be
from schema.ownership import ManagedBy
from schema.tenant import Scope

_OF_TENANT = "Whose, for operators; your own when left out."
_WHEN = "When it ends by itself; null is never."
_TEXT = "Its text. Keep it: it is shown this once, and nobody can tell it again."

KeyId = Annotated[strawberry.ID, strawberry.argument(description="The key's id.")]


@strawberry.type(description="An API key: everything but its text.")
class ApiKey:
    id: strawberry.ID = strawberry.field(description="Names it; it is not the key itself.")
    name: str = strawberry.field(description="What it is for.")
    hint: str = strawberry.field(description="Its last characters.")
    status: KeyStatus = strawberry.field(description="Whether it works.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    origins: list[str] = strawberry.field(
        description="The web pages that may use it, by origin; any caller when empty."
    )
    networks: list[str] = strawberry.field(description="Where its callers must be; anywhere when empty.")
    managed_by: ManagedBy = strawberry.field(description="Where it is changed.")
    source: str | None = strawberry.field(description="The name of the file that manages it; null when none does.")
    created_at: Moment = strawberry.field(description="When it was made.")
    expires_at: Moment | None = strawberry.field(description="When it ends by itself; null for never.")
    revoked_at: Moment | None = strawberry.field(description="When it was revoked; null while it is not.")
    used_at: Moment | None = strawberry.field(description="When it was last used, to the minute; null for never.")
    rotates: strawberry.ID | None = strawberry.field(description="The key whose place it takes.")

    @classmethod
    def of(cls, facts: api_key.ApiKey, now: int) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            name=facts.name,
            hint=facts.hint,
            status=facts.status(now),
            scopes=sorted(facts.scopes),
            origins=list(facts.origins),
            networks=list(facts.networks),
            managed_by=facts.managed_by,
            source=facts.source,
            created_at=Moment(facts.created_at),
            expires_at=moment(facts.expires_at),
            revoked_at=moment(facts.revoked_at),
            used_at=moment(facts.used_at),
            rotates=None if facts.rotates is None else strawberry.ID(facts.rotates),
        )


@strawberry.type(description="A key in a page.")
class ApiKeyEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` to go on from here.")
    node: ApiKey = strawberry.field(description="The key.")


@strawberry.type(description="A page of keys.")
class ApiKeyConnection:
    edges: list[ApiKeyEdge] = strawberry.field(description="The keys, newest first, those that work no more too.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: KeyPage, paging: Paging, now: int) -> Self:
        edges = [ApiKeyEdge(cursor=cursor(key.id), node=ApiKey.of(key, now)) for key in page.keys]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


@strawberry.type(description="The key is made.")
class CreateApiKeySuccess:
    api_key: ApiKey = strawberry.field(description="The key.")
    key: str = strawberry.field(description=_TEXT)


@strawberry.type(description="The key is as you say, here at once and at every replica within five seconds.")
class UpdateApiKeySuccess:
    api_key: ApiKey = strawberry.field(description="The key.")


@strawberry.type(description="Another key takes its place; both work until the old one ends.")
class RotateApiKeySuccess:
    api_key: ApiKey = strawberry.field(description="The new key.")
    key: str = strawberry.field(description=_TEXT)


@strawberry.type(description="The key works no more, here at once and at every replica within five seconds.")
class RevokeApiKeySuccess:
    api_key: ApiKey = strawberry.field(description="The key.")


@strawberry.input(description="When a key ends by itself: exactly one way to say it.", one_of=True)
class KeyExpiryInput:
    at: strawberry.Maybe[Moment] = strawberry.field(description="At that moment.")
    in_seconds: strawberry.Maybe[int] = strawberry.field(description="So many seconds from now.")


@strawberry.input(description="A key to be made.")
class CreateApiKeyInput:
    name: str = strawberry.field(default="", description="What it is for, at most 100 characters.")
    scopes: list[Scope] | None = strawberry.field(
        default=None, description="What it may do, no more than yours; to read, create and cancel videos unless said."
    )
    expires: KeyExpiryInput | None = strawberry.field(default=strawberry.UNSET, description=_WHEN)
    origins: list[str] | None = strawberry.field(
        default=None, description="The web pages that may use it, by origin; any caller unless said."
    )
    networks: list[str] | None = strawberry.field(
        default=None, description="Where its callers must be, such as `203.0.113.0/24`; anywhere unless said."
    )
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)

    def wish(self) -> KeyWish:
        return KeyWish(
            name=self.name,
            scopes=DEFAULT_SCOPES if self.scopes is None else frozenset(self.scopes),
            origins=tuple(self.origins or ()),
            networks=tuple(self.networks or ()),
            **_expiry(self.expires),
        )


@strawberry.input(description="How a key is to be; what is left out stays, a list is replaced whole.")
class UpdateApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Which key.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What it is for.")
    scopes: list[Scope] | None = strawberry.field(default=None, description="What it may do, no more than yours.")
    expires: KeyExpiryInput | None = strawberry.field(default=strawberry.UNSET, description=_WHEN)
    origins: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="The web pages that may use it, by origin; null is any caller."
    )
    networks: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Where its callers must be; null is anywhere."
    )
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)

    def wish(self) -> KeyWish:
        return KeyWish(
            name=msgspec.UNSET if self.name is strawberry.UNSET else self.name or "",
            scopes=msgspec.UNSET if self.scopes is None else frozenset(self.scopes),
            origins=msgspec.UNSET if self.origins is strawberry.UNSET else tuple(self.origins or ()),
            networks=msgspec.UNSET if self.networks is strawberry.UNSET else tuple(self.networks or ()),
            **_expiry(self.expires),
        )


@strawberry.input(description="Which key another is to take the place of.")
class RotateApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Which key.")
    overlap_seconds: int = strawberry.field(
        default=USUAL_OVERLAP, description="For so long the old key goes on, up to 30 days; 0 ends it at once."
    )
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)


@strawberry.input(description="Which key is to work no more.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Which key; it may be the one you call with.")
    tenant: strawberry.ID | None = strawberry.field(default=None, description=_OF_TENANT)


CreateApiKeyPayload = Annotated[
    CreateApiKeySuccess | InvalidInputError | NotFoundError,
    strawberry.union("CreateApiKeyPayload", description="What createApiKey answers. Every refusal is a UserError."),
]
UpdateApiKeyPayload = Annotated[
    UpdateApiKeySuccess | InvalidInputError | ManagedByFileError | ConflictError | NotFoundError,
    strawberry.union("UpdateApiKeyPayload", description="What updateApiKey answers. Every refusal is a UserError."),
]
RotateApiKeyPayload = Annotated[
    RotateApiKeySuccess | InvalidInputError | ManagedByFileError | ConflictError | NotFoundError,
    strawberry.union("RotateApiKeyPayload", description="What rotateApiKey answers. Every refusal is a UserError."),
]
RevokeApiKeyPayload = Annotated[
    RevokeApiKeySuccess | ManagedByFileError | NotFoundError,
    strawberry.union("RevokeApiKeyPayload", description="What revokeApiKey answers. Every refusal is a UserError."),
]
CreateArgument = Annotated[CreateApiKeyInput, strawberry.argument(description="The key.")]
UpdateArgument = Annotated[UpdateApiKeyInput, strawberry.argument(description="What to change.")]
RotateArgument = Annotated[RotateApiKeyInput, strawberry.argument(description="Which key, and how long both work.")]
RevokeArgument = Annotated[RevokeApiKeyInput, strawberry.argument(description="Which key.")]


async def api_keys(info: Info, tenant: TenantId = None, first: First = None, after: After = None) -> ApiKeyConnection:
    whose, gateway = meant(info, tenant, Scope.TENANT_ADMIN), info.context.gateway
    paging = Paging(first=first, after=after, last=None, before=None)
    window = paging.window(partial(could_be, KEY))
    page = await gateway.keys.page(whose.id, after=window.after, limit=window.limit)
    return ApiKeyConnection.of(page, paging, gateway.clock.now())


async def show_api_key(info: Info, id: KeyId, tenant: TenantId = None) -> ApiKey | None:
    whose, gateway = meant(info, tenant, Scope.TENANT_ADMIN), info.context.gateway
    try:
        return ApiKey.of(await gateway.keys.get(whose.id, _named(id)), gateway.clock.now())
    except NotFound:
        return None


async def create_api_key(info: Info, input: CreateArgument) -> CreateApiKeyPayload:  # noqa: A002  # GraphQL's name
    gateway, hand = info.context.gateway, hand_of(info.context.principal)
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        made = await gateway.keys.create(whose, input.wish(), by=hand)
    except GatewayError as error:
        return create_refusal(error)
    return CreateApiKeySuccess(api_key=ApiKey.of(made.key, gateway.clock.now()), key=made.text.reveal())


async def update_api_key(info: Info, input: UpdateArgument) -> UpdateApiKeyPayload:  # noqa: A002  # GraphQL's name
    gateway, hand = info.context.gateway, hand_of(info.context.principal)
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        key = await gateway.keys.update(whose.id, _named(input.id), input.wish(), by=hand)
    except GatewayError as error:
        return change_refusal(error)
    return UpdateApiKeySuccess(api_key=ApiKey.of(key, gateway.clock.now()))


async def rotate_api_key(info: Info, input: RotateArgument) -> RotateApiKeyPayload:  # noqa: A002  # GraphQL's name
    gateway, hand = info.context.gateway, hand_of(info.context.principal)
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        made = await gateway.keys.rotate(whose, _named(input.id), input.overlap_seconds, by=hand)
    except GatewayError as error:
        return change_refusal(error)
    return RotateApiKeySuccess(api_key=ApiKey.of(made.key, gateway.clock.now()), key=made.text.reveal())


async def revoke_api_key(info: Info, input: RevokeArgument) -> RevokeApiKeyPayload:  # noqa: A002  # GraphQL's name
    gateway, hand = info.context.gateway, hand_of(info.context.principal)
    try:
        whose = meant(info, input.tenant, Scope.TENANT_ADMIN)
        key = await gateway.keys.revoke(whose.id, _named(input.id), by=hand)
    except GatewayError as error:
        return revoke_refusal(error)
    return RevokeApiKeySuccess(api_key=ApiKey.of(key, gateway.clock.now()))


def _named(id: str) -> str:
    """An id that could be a key's. Raises NotFound for any other, without asking the database."""
    if not could_be(KEY, id):
        raise NotFound("There is no such API key")
    return id


def _expiry(given: KeyExpiryInput | None) -> dict[str, Any]:
    """The same as a wish has it, which may leave it out."""
    if given is None:
        return {"expires_at": None}
    if given is strawberry.UNSET:
        return {}
    if given.at is not None:
        return {"expires_at": given.at.value}
    return {"expires_in_seconds": None if given.in_seconds is None else given.in_seconds.value}
