"""Videos' files as GraphQL handles them: links to them, and deleting a video with all that it has."""

from typing import Annotated, Self

import strawberry

from gateway.graphql.context import Info
from gateway.graphql.refusals import InvalidInputError, NotFoundError, UserError, field_errors
from gateway.graphql.scalars import Moment
from gateway.services.links import MadeLink, checked_link
from schema.errors import Gone, InvalidRequest, NotFound, NotReady
from schema.ids import names_video
from schema.link import USUAL_SECONDS, Disposition, Variant
from schema.tenant import Scope


@strawberry.type(description="The video has not ended: wait, or cancel it.")
class NotReadyError(UserError):
    pass


@strawberry.type(description="The file is there no more, or there never was one.")
class GoneError(UserError):
    pass


@strawberry.type(description="A link to a file, which needs no key.")
class ContentLink:
    url: str = strawberry.field(
        description="Where it leads; a path at this gateway unless its public address is configured."
    )
    expires_at: Moment = strawberry.field(description="When it ends.")
    disposition: Disposition = strawberry.field(description="What a browser does with it.")
    variant: Variant = strawberry.field(description="What of the video.")

    @classmethod
    def of(cls, made: MadeLink) -> Self:
        return cls(
            url=made.url,
            expires_at=Moment(made.expires_at),
            disposition=made.wish.disposition,
            variant=made.wish.variant,
        )


@strawberry.type(description="The link works until it ends, or the video is deleted.")
class CreateContentLinkSuccess:
    link: ContentLink = strawberry.field(description="The link.")


@strawberry.type(description="The video is found no more.")
class DeleteVideoSuccess:
    id: strawberry.ID = strawberry.field(description="The video that was.")


@strawberry.input(description="Which video to delete.")
class DeleteVideoInput:
    id: strawberry.ID = strawberry.field(description="The video's id.")


@strawberry.input(description="What a link is to be.")
class CreateContentLinkInput:
    video: strawberry.ID = strawberry.field(description="The video's id.")
    expires_in_seconds: int = strawberry.field(default=USUAL_SECONDS, description="How long it works, 60 to 86400.")
    disposition: Disposition = strawberry.field(
        default=Disposition.INLINE, description="Whether a browser shows the file or saves it."
    )
    variant: Variant = strawberry.field(
        default=Variant.VIDEO, description="The film, a picture of it, or a sheet of them."
    )
    output: strawberry.ID | None = strawberry.field(
        default=None, description="An attempt's id: its extra output is meant, not the video's own file."
    )


DeleteVideoPayload = Annotated[
    DeleteVideoSuccess | NotFoundError | NotReadyError,
    strawberry.union("DeleteVideoPayload", description="What deleteVideo answers. Every refusal is a UserError."),
]
CreateContentLinkPayload = Annotated[
    CreateContentLinkSuccess | NotFoundError | NotReadyError | GoneError | InvalidInputError,
    strawberry.union(
        "CreateContentLinkPayload", description="What createContentLink answers. Every refusal is a UserError."
    ),
]
DeleteArgument = Annotated[DeleteVideoInput, strawberry.argument(description="Which video.")]
LinkArgument = Annotated[CreateContentLinkInput, strawberry.argument(description="What it is to be.")]


async def delete_video(info: Info, input: DeleteArgument) -> DeleteVideoPayload:  # noqa: A002  # GraphQL's name
    tenant, gateway = info.context.tenant(Scope.VIDEOS_WRITE), info.context.gateway
    if not names_video(input.id):
        return NotFoundError(message=NotFound.title, code=NotFound.code)
    try:
        deleted = await gateway.deletions.delete(tenant.id, input.id)
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    except NotReady as error:
        return NotReadyError(message=error.detail, code=error.code)
    return DeleteVideoSuccess(id=strawberry.ID(deleted.id))


async def create_content_link(info: Info, input: LinkArgument) -> CreateContentLinkPayload:  # noqa: A002  # GraphQL's name
    tenant, gateway = info.context.tenant(Scope.VIDEOS_READ), info.context.gateway
    if not names_video(input.video):
        return NotFoundError(message=NotFound.title, code=NotFound.code)
    try:
        wish = checked_link(
            expires_in_seconds=input.expires_in_seconds,
            disposition=input.disposition,
            variant=input.variant,
            output=input.output,
        )
        return CreateContentLinkSuccess(link=ContentLink.of(await gateway.links.make(tenant.id, input.video, wish)))
    except InvalidRequest as error:
        return InvalidInputError(message=error.detail, code=error.code, errors=field_errors(error.errors))
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    except NotReady as error:
        return NotReadyError(message=error.detail, code=error.code)
    except Gone as error:
        return GoneError(message=error.detail, code=error.code)
