"""Pictures as GraphQL shows and deletes them; their bytes are sent and read through REST."""

from typing import Annotated, Self

import strawberry

from gateway.graphql.connections import After, Before, First, Last, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.refusals import NotFoundError, UserError
from gateway.graphql.scalars import Moment
from gateway.services.images import ImagePage
from schema.errors import ImageInUse, NotFound
from schema.ids import names_image
from schema.image import Image as ImageFacts
from schema.image import ImageType
from schema.tenant import Scope

ImageId = Annotated[strawberry.ID, strawberry.argument(description="The picture's id.")]


@strawberry.type(description="One of your pictures, to start videos from.")
class Image:
    id: strawberry.ID = strawberry.field(description="Give it as `inputReference: {imageId: …}`.")
    bytes: int = strawberry.field(description="Its length.")
    media_type: ImageType = strawberry.field(description="What its bytes say it is.")
    width: int = strawberry.field(description="Pixels.")
    height: int = strawberry.field(description="Pixels.")
    sha256: str = strawberry.field(description="Hex digest of the bytes: the same bytes are the same picture.")
    created_at: Moment = strawberry.field(description="When it was first sent.")
    expires_at: Moment = strawberry.field(
        description="When it goes, unless a video needs it then; sending or using it again puts that off."
    )
    content_url: str = strawberry.field(description="Where its file is, a path on this gateway for the same API key.")

    @classmethod
    def of(cls, facts: ImageFacts) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            bytes=facts.size,
            media_type=facts.media_type,
            width=facts.width,
            height=facts.height,
            sha256=facts.sha256,
            created_at=Moment(facts.created_at),
            expires_at=Moment(facts.expires_at),
            content_url=f"/v1/images/{facts.id}/content",
        )


@strawberry.type(description="A picture in a page.")
class ImageEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` or `before` to go on from here.")
    node: Image = strawberry.field(description="The picture.")


@strawberry.type(description="A page of pictures.")
class ImageConnection:
    edges: list[ImageEdge] = strawberry.field(description="The pictures, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: ImagePage, paging: Paging) -> Self:
        edges = [ImageEdge(cursor=cursor(image.id), node=Image.of(image)) for image in paging.ordered(page.images)]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


@strawberry.type(description="The picture is gone.")
class DeleteImageSuccess:
    id: strawberry.ID = strawberry.field(description="The picture that was.")


@strawberry.type(description="A video that has not ended starts from it; cancel that, or wait for its end.")
class ImageInUseError(UserError):
    pass


@strawberry.input(description="Which picture to delete.")
class DeleteImageInput:
    id: strawberry.ID = strawberry.field(description="The picture's id.")


DeleteImagePayload = Annotated[
    DeleteImageSuccess | NotFoundError | ImageInUseError,
    strawberry.union("DeleteImagePayload", description="What deleteImage answers. Every refusal is a UserError."),
]
DeleteArgument = Annotated[DeleteImageInput, strawberry.argument(description="Which picture.")]


async def image(info: Info, id: ImageId) -> Image | None:
    tenant, gateway = info.context.tenant(Scope.VIDEOS_READ), info.context.gateway
    if not names_image(id):
        return None
    try:
        return Image.of(await gateway.images.get(tenant.id, id))
    except NotFound:
        return None


async def images(
    info: Info, *, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> ImageConnection:
    tenant, gateway = info.context.tenant(Scope.VIDEOS_READ), info.context.gateway
    paging = Paging(first=first, after=after, last=last, before=before)
    window = paging.window(names_image)
    page = await gateway.images.page(
        tenant.id,
        after=window.after,
        before=window.before,
        limit=window.limit,
        newest_first=window.newest_first,
    )
    return ImageConnection.of(page, paging)


async def delete_image(info: Info, input: DeleteArgument) -> DeleteImagePayload:  # noqa: A002  # GraphQL's name
    tenant, gateway = info.context.tenant(Scope.VIDEOS_WRITE), info.context.gateway
    if not names_image(input.id):
        return NotFoundError(message=NotFound.title, code=NotFound.code)
    try:
        await gateway.images.delete(tenant.id, input.id)
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    except ImageInUse as error:
        return ImageInUseError(message=error.detail, code=error.code)
    return DeleteImageSuccess(id=input.id)
