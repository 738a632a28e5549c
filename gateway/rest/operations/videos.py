"""What the routes of videos promise."""

from gateway.policy.receipts import WELL_KNOWN, KeySet
from gateway.rest import batches, links, remixes, videos
from gateway.rest.batches import BatchView, CreateBatch
from gateway.rest.operations.words import (
    CACHE,
    CANCEL_AFTER,
    FILE,
    IDEMPOTENCY,
    IF_NONE_MATCH,
    JSON_BODY,
    LENIENT,
    LIMIT,
    OF_BATCH,
    OF_VIDEO,
    ORDER,
    POLL,
    PREFER,
    VIDEO_ID,
    Body,
    Key,
    Operation,
    Parameter,
    Reply,
    text,
)
from gateway.rest.receipts import KEYS_TYPE
from gateway.rest.remixes import EditVideo, ExtendVideo, RemixVideo
from gateway.rest.views import VideoPageView, VideoView
from gateway.rest.wishes import BODY_TYPES, CreateVideo
from schema.ids import ATTEMPT, pattern
from schema.image import LARGEST_IMAGE
from schema.lifecycle import VideoStatus
from schema.link import LinkWish, Variant
from schema.quote import Decision
from schema.receipt import SignedReceipt
from schema.tenant import Scope

_VIDEOS = videos.PATH
_ONE = videos.PATH + "/{video_id}"

_FILE_HEADERS = (
    Parameter(name="Range", where="header", says="One range of bytes.", schema=LENIENT),
    Parameter(name="If-Range", where="header", says="Its ETag: the range counts while it holds.", schema=LENIENT),
    IF_NONE_MATCH,
)
_FILE_REPLIES = {
    200: Reply(says="The file.", media="video/mp4", also="image/jpeg", headers=FILE),
    206: Reply(says="A part of the file.", media="video/mp4", also="image/jpeg", headers=(*FILE, "Content-Range")),
    304: Reply(says="You have it already.", media=None, headers=("ETag", "Cache-Control", "Vary")),
}

_ACCEPTED = {
    202: Reply(
        says="Accepted; or, with `Idempotent-Replayed`, accepted earlier, and shown as it is now.",
        shape=VideoView,
        headers=("Location", *POLL, "Idempotent-Replayed", "Preference-Applied"),
    )
}
_PICTURES_NEEDED = "Only accounts that take pictures can make it, and this gateway needs a decoder of films (501)."

VIDEOS: dict[Key, Operation] = {
    ("post", _VIDEOS): Operation(
        id="createVideo",
        tag="videos",
        summary="Ask for a video",
        says="Accepted means durable, not finished: the video will end, whatever happens to this process. Look at "
        "`Location` until its `status` is `completed`, `failed` or `canceled`. Forms write nested fields with "
        "brackets, as OpenAI's SDKs do: `gateway[only][]=main`; `input_reference` may be a file, or a frame of one of "
        "your finished videos. The most it may cost "
        "is set aside; with too little money nothing is accepted (402), and the same `Idempotency-Key` can be used "
        "once there is more.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(IDEMPOTENCY, CANCEL_AFTER, PREFER),
        body=Body(
            types=BODY_TYPES, shape=CreateVideo, max_bytes=LARGEST_IMAGE, says="The picture", file="input_reference"
        ),
        replies=_ACCEPTED,
        refusals=(400, 402, 409, 410, 413, 415, 422, 429, 501),
    ),
    ("post", _ONE + "/remix"): Operation(
        id="remixVideo",
        tag="videos",
        summary="Make another video from the same beginning",
        says="As `POST /v1/videos` with this prompt, the first frame of the finished video to start from, and all else "
        f"as its own wish said, but for its metadata and its quote. {_PICTURES_NEEDED}",
        scope=Scope.VIDEOS_WRITE,
        parameters=(OF_VIDEO, IDEMPOTENCY, CANCEL_AFTER, PREFER),
        body=Body(types=BODY_TYPES, shape=RemixVideo),
        replies=_ACCEPTED,
        refusals=(400, 402, 404, 409, 410, 413, 415, 422, 429, 501),
    ),
    ("post", remixes.EDITS): Operation(
        id="editVideo",
        tag="videos",
        summary="The same, as OpenAI's SDKs ask for it",
        says=f"A remix of the video that `video` names; files are not taken. {_PICTURES_NEEDED}",
        scope=Scope.VIDEOS_WRITE,
        parameters=(IDEMPOTENCY, CANCEL_AFTER, PREFER),
        body=Body(types=BODY_TYPES, shape=EditVideo),
        replies=_ACCEPTED,
        refusals=(400, 402, 409, 410, 413, 415, 422, 429, 501),
    ),
    ("post", remixes.EXTENSIONS): Operation(
        id="extendVideo",
        tag="videos",
        summary="Make what comes next",
        says="As a remix, from the last frame of the video that `video` names. The file is what comes next alone: "
        f"nothing is joined. {_PICTURES_NEEDED}",
        scope=Scope.VIDEOS_WRITE,
        parameters=(IDEMPOTENCY, CANCEL_AFTER, PREFER),
        body=Body(types=BODY_TYPES, shape=ExtendVideo),
        replies=_ACCEPTED,
        refusals=(400, 402, 409, 410, 413, 415, 422, 429, 501),
    ),
    ("post", batches.PATH): Operation(
        id="createVideoBatch",
        tag="videos",
        summary="Ask for several videos at once",
        says="All wishes are checked first: one that is wrong, or that no account can ever make, refuses the whole "
        "batch, and `errors` name every such wish (`#/videos/3/seconds`). Then all are accepted together, or, with the "
        "mode `affordable`, the first ones, as many as your money and your room for waiting videos cover: `accepted` "
        "says how many, and `missing_micros` and `missing_places` what the others lacked. When not even the first is "
        "covered, and in the mode `all` when not every one is, nothing is accepted (402, 429). Each wish goes to its "
        "best account while the money also covers the others at their cheapest. `Cancel-After` counts for every wish. "
        "The keys of batches and of single videos do not know each other.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(IDEMPOTENCY, CANCEL_AFTER),
        body=Body(types=JSON_BODY, shape=CreateBatch),
        replies={
            202: Reply(
                says="Accepted; or, with `Idempotent-Replayed`, accepted earlier, and shown as it is now.",
                shape=BatchView,
                headers=("Location", *POLL, "Idempotent-Replayed"),
            )
        },
        refusals=(400, 402, 413, 415, 422, 429),
    ),
    ("get", batches.PATH + "/{batch_id}"): Operation(
        id="getVideoBatch",
        tag="videos",
        summary="Look at a batch and its videos",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_BATCH,),
        replies={200: Reply(says="The batch as it is now.", shape=BatchView, headers=("Cache-Control", "Vary", *POLL))},
        refusals=(404,),
    ),
    ("get", _VIDEOS): Operation(
        id="listVideos",
        tag="videos",
        summary="List your videos",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(
                name="after", where="query", says="Those behind this video, in the order asked.", schema=VIDEO_ID
            ),
            Parameter(name="before", where="query", says="Those before this video; not with `after`.", schema=VIDEO_ID),
            LIMIT,
            ORDER,
            Parameter(
                name="status",
                where="query",
                says="Only those in this state.",
                schema={"type": "string", "enum": list(VideoStatus)},
            ),
        ),
        replies={200: Reply(says="A page of videos.", shape=VideoPageView, headers=("Link", "Cache-Control", "Vary"))},
        refusals=(400, 422),
    ),
    ("get", _ONE): Operation(
        id="getVideo",
        tag="videos",
        summary="Look at a video",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_VIDEO, IF_NONE_MATCH, PREFER),
        replies={
            200: Reply(says="The video as it is.", shape=VideoView, headers=(*CACHE, *POLL, "Preference-Applied")),
            304: Reply(says="It has not changed.", media=None, headers=(*CACHE, *POLL, "Preference-Applied")),
        },
        refusals=(404,),
    ),
    ("delete", _ONE): Operation(
        id="deleteVideo",
        tag="videos",
        summary="Delete a video that has ended",
        says="It is found no more, its links lead nowhere, and its files go, unless another video shares them. The "
        "ledger and its receipt stay. Deleting a deleted video changes nothing.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(OF_VIDEO,),
        replies={200: Reply(says="It is deleted.", shape=videos.DeletedView)},
        refusals=(404, 409),
    ),
    ("post", _ONE + "/links"): Operation(
        id="createContentLink",
        tag="videos",
        summary="Make a link to a video's file that needs no key",
        says="For `<video src>`, players and downloads: whoever has the link has the file until it ends, or the video "
        "is deleted. It is signed, and nothing is stored.",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_VIDEO,),
        body=Body(types=JSON_BODY, shape=LinkWish),
        replies={201: Reply(says="The link.", shape=links.ContentLinkView)},
        refusals=(400, 404, 409, 410, 413, 415, 422),
    ),
    ("get", links.PATH + "/{token}"): Operation(
        id="followContentLink",
        tag="videos",
        summary="Get the file that a link leads to",
        says="As `content` does it: ranges, ETags and HEAD work. A link that we did not make, and one of a video that "
        "was deleted, are answered alike.",
        parameters=(
            Parameter(name="token", where="path", says="The last part of the link.", schema=text(2048)),
            *_FILE_HEADERS,
        ),
        replies=_FILE_REPLIES,
        refusals=(404, 409, 410, 414, 416, 422, 429, 501),
    ),
    ("post", _ONE + "/cancel"): Operation(
        id="cancelVideo",
        tag="videos",
        summary="Stop waiting for a video",
        says="Before a provider has it this is free. No provider can be stopped: one that has begun may still finish, "
        "and then you are charged what that cost, at most what is held for it; when it fails, or nobody can tell, "
        "nothing. Until that is known `gateway.provider_may_still_bill` is true and the hold stays. Canceling a "
        "canceled video changes nothing.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(OF_VIDEO,),
        replies={200: Reply(says="The canceled video.", shape=VideoView)},
        refusals=(404, 409),
    ),
    ("get", _ONE + "/route"): Operation(
        id="getVideoRoute",
        tag="videos",
        summary="See why a video went where it went",
        says="The decision as it was made: every account, best first, and what spoke against it. Times are "
        "milliseconds since the Unix epoch.",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_VIDEO,),
        replies={200: Reply(says="The decision.", shape=Decision, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("get", _ONE + "/content"): Operation(
        id="downloadVideo",
        tag="videos",
        summary="Download a finished video",
        says="Several ranges at once are answered with the whole file.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            OF_VIDEO,
            Parameter(
                name="variant",
                where="query",
                says="The film; a small picture of one of its first frames; or a sheet of twenty frames, from the "
                "middles of twenty equal parts of it, row by row, five in a row, each at most 320 pixels long. "
                "Pictures are JPEG, and made when they are first asked for.",
                schema={"type": "string", "enum": list(Variant), "default": "video"},
            ),
            Parameter(
                name="output",
                where="query",
                says="An attempt's id: its extra output is meant, not the video's own file.",
                schema=text(30, pattern=pattern(ATTEMPT)),
            ),
            Parameter(
                name="token",
                where="query",
                says="A client token, for links and players that can send no header; never an API key.",
                schema=text(4096),
            ),
            *_FILE_HEADERS,
        ),
        replies=_FILE_REPLIES,
        refusals=(404, 409, 410, 414, 416, 422, 501),
    ),
    ("get", _ONE + "/receipt"): Operation(
        id="getVideoReceipt",
        tag="videos",
        summary="Get a signed receipt of a video that has ended",
        says="What was asked, adjusted, tried, waited for, quoted, held and charged, in a form that can be verified "
        f"without us: `filmgate receipts verify`, or any JOSE library with the keys at `{WELL_KNOWN}`. "
        "The same facts give the same bytes; when something is learnt later, `revision` grows.",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_VIDEO, IF_NONE_MATCH),
        replies={
            200: Reply(says="The receipt; `signature` is its last member.", shape=SignedReceipt, headers=CACHE),
            304: Reply(says="You have it already.", media=None, headers=CACHE),
        },
        refusals=(404, 409),
    ),
    ("get", WELL_KNOWN): Operation(
        id="getReceiptKeys",
        tag="videos",
        summary="Get the public keys that receipts are signed with",
        replies={200: Reply(says="The keys.", shape=KeySet, media=KEYS_TYPE, headers=("Cache-Control",))},
    ),
}
