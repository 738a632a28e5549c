"""What the routes of pictures promise."""

from gateway.rest import images
from gateway.rest.operations.words import LIMIT, ORDER, Body, Key, Operation, Parameter, Reply, behind, text
from schema.ids import IMAGE, pattern
from schema.image import LARGEST_IMAGE
from schema.tenant import Scope

_ONE = images.PATH + "/{image_id}"
_ID = text(30, pattern=pattern(IMAGE))
_OF_IMAGE = Parameter(name="image_id", where="path", says="The picture.", schema=_ID)

IMAGES: dict[Key, Operation] = {
    ("post", images.PATH): Operation(
        id="uploadImage",
        tag="images",
        summary="Send a picture to start videos from",
        says="A form with one `file`, or the picture itself as the body. JPEG, PNG or WebP, still, of 40 megapixels "
        "and 50 MiB at most unless the operator says less. The same bytes are the same picture: they are answered with "
        "200 instead of 201. Two at once; more are refused (429).",
        scope=Scope.VIDEOS_WRITE,
        body=Body(types=images.BODY_TYPES, shape=None, max_bytes=LARGEST_IMAGE, says="The picture", file=images.FIELD),
        replies={
            200: Reply(says="You have this picture.", shape=images.ImageView, headers=("Location",)),
            201: Reply(says="The picture.", shape=images.ImageView, headers=("Location",)),
        },
        refusals=(400, 413, 415, 422, 429),
    ),
    ("get", images.PATH): Operation(
        id="listImages",
        tag="images",
        summary="List your pictures",
        says="Newest first.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            behind(IMAGE, "this picture, in the order asked"),
            Parameter(name="before", where="query", says="Those before this picture; not with `after`.", schema=_ID),
            LIMIT,
            ORDER,
        ),
        replies={
            200: Reply(
                says="A page of pictures.", shape=images.ImagePageView, headers=("Link", "Cache-Control", "Vary")
            )
        },
        refusals=(400, 422),
    ),
    ("get", _ONE): Operation(
        id="getImage",
        tag="images",
        summary="See a picture's facts",
        scope=Scope.VIDEOS_READ,
        parameters=(_OF_IMAGE,),
        replies={200: Reply(says="The picture.", shape=images.ImageView, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("delete", _ONE): Operation(
        id="deleteImage",
        tag="images",
        summary="Delete a picture",
        says="Refused with `image_in_use` (409) while a video that has not ended starts from it.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(_OF_IMAGE,),
        replies={200: Reply(says="It is gone.", shape=images.DeletedImageView)},
        refusals=(404, 409),
    ),
    ("get", _ONE + "/content"): Operation(
        id="downloadImage",
        tag="images",
        summary="Download a picture",
        says="The bytes as you sent them.",
        scope=Scope.VIDEOS_READ,
        parameters=(_OF_IMAGE,),
        replies={
            200: Reply(
                says="The picture.",
                media="image/*",
                max_bytes=LARGEST_IMAGE,
                headers=("Cache-Control", "Content-Disposition", "ETag", "Vary"),
            ),
            304: Reply(says="It is the one you have.", media=None, headers=("ETag",)),
        },
        refusals=(404, 410),
    ),
}
