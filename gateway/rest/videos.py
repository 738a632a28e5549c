"""/v1/videos"""

from typing import Literal

import msgspec
from litestar import delete, get, post
from msgspec.structs import replace

from gateway.auth import while_it_works
from gateway.policy.client_tokens import granted
from gateway.rest.answers import JSON, Answer, Header
from gateway.rest.headers import EARLIER, idempotency_key, matches, resent, wait_seconds
from gateway.rest.pages import links, page_wish
from gateway.rest.requests import Call, browser, caller, creator, headers, video_id, watcher
from gateway.rest.views import VideoId, encode, etag, page_view, video_view
from gateway.rest.wishes import Wish, pictured, read_wish
from gateway.services.videos import Seen
from gateway.wiring import Gateway
from schema.errors import Unauthenticated
from schema.tenant import Principal, Scope
from schema.video import Video

PATH = "/v1/videos"

PRIVATE: Header = (b"cache-control", b"private, no-cache")
VARY: Header = (b"vary", b"Authorization, Accept, Accept-Encoding")

_HINT_BOUNDS = (1_000, 10_000)
"""Milliseconds between two looks we suggest: soon at first, then a tenth of the video's age."""


@post(PATH, request_max_body_size=None)
async def create(request: Call) -> Answer:
    gateway, principal = await creator(request)
    key = key_of(request)
    return await accept(request, gateway, principal, await pictured(request, await read_wish(request)), key)


def key_of(request: Call) -> str | None:
    """The header Idempotency-Key, looked at before the body is read. Raises MalformedRequest."""
    return idempotency_key(headers(request.scope, b"idempotency-key"))


async def accept(request: Call, gateway: Gateway, principal: Principal, wish: Wish, key: str | None) -> Answer:
    """Take a wish on, as every route that asks for one video does."""
    again = resent(headers(request.scope, b"x-stainless-retry-count"))
    order = wish.order(principal.tenant.id, key=key, resent=again)
    accepted = await gateway.videos.accept(principal.tenant, granted(order, principal.grant))
    id = accepted.video.id
    try:
        applied = await hold(gateway, principal, request, id)
    except Unauthenticated:  # the key ended meanwhile; that the video was accepted is told all the same
        applied = ()
    changed = accepted.replayed or applied
    fresh = Seen(accepted.video, [], forecast=accepted.forecast)
    seen = await gateway.videos.seen(principal.tenant.id, id) if changed else fresh
    replayed = ((b"idempotent-replayed", b"true"),) if accepted.replayed else ()
    return Answer(
        encode(video_view(seen, gateway.accounts)),
        status=202,
        headers=(
            JSON,
            (b"location", f"{PATH}/{id}".encode()),
            *poll_hints(gateway, seen.video),
            *replayed,
            *applied,
        ),
    )


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = browser(request, Scope.VIDEOS_READ)
    query: bytes = request.scope["query_string"]
    wish = replace(page_wish(query), grant=principal.grant)
    page = await gateway.videos.page(principal.tenant.id, wish)
    view = page_view(page, await gateway.videos.whole(principal.tenant.id, page.videos), gateway.accounts)
    link = links(PATH, query, wish, view)
    neighbours = ((b"link", link.encode()),) if link else ()
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY, *neighbours))


@get(PATH + "/{video_id:str}")
async def retrieve(request: Call) -> Answer:
    gateway, principal, id = await watcher(request, Scope.VIDEOS_READ)
    applied = await hold(gateway, principal, request, id)
    seen = await gateway.videos.seen(principal.tenant.id, id)
    tag = etag(seen)
    common = ((b"etag", tag.encode()), PRIVATE, VARY, *poll_hints(gateway, seen.video), *applied)
    if matches(headers(request.scope, b"if-none-match"), tag):
        return Answer(status=304, headers=common)
    view = video_view(seen, gateway.accounts)
    return Answer(encode(view), headers=(JSON, *common))


@post(PATH + "/{video_id:str}/cancel")
async def cancel(request: Call) -> Answer:
    gateway, principal, id = await watcher(request, Scope.VIDEOS_WRITE)
    await gateway.cancels.cancel(principal.tenant.id, id)
    seen = await gateway.videos.seen(principal.tenant.id, id)
    return Answer(encode(video_view(seen, gateway.accounts)))


class DeletedView(msgspec.Struct, frozen=True, kw_only=True):
    """A video that is no more, in OpenAI's shape."""

    id: VideoId
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True


@delete(PATH + "/{video_id:str}", status_code=200)
async def delete_(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_WRITE)
    deleted = await gateway.deletions.delete(principal.tenant.id, video_id(request))
    return Answer(encode(DeletedView(id=deleted.id)))


@get(PATH + "/{video_id:str}/route")
async def route(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    decision = await gateway.videos.decision(principal.tenant.id, video_id(request))
    return Answer(decision, headers=(JSON, PRIVATE, VARY))


async def hold(gateway: Gateway, principal: Principal, request: Call, id: str) -> tuple[Header, ...]:
    """With ``Prefer: wait``, return when the video has ended or the time is up, and say that it was honoured."""
    seconds = wait_seconds(headers(request.scope, b"prefer"))
    if seconds is None:
        return ()
    waiting = gateway.events.wait(principal.tenant.id, id, max(0.0, seconds - EARLIER))
    await while_it_works(gateway, principal, waiting)
    return ((b"preference-applied", b"wait=%d" % seconds),)


def poll_hints(gateway: Gateway, video: Video) -> tuple[Header, ...]:
    """When to look again; nothing once the video has ended. It can't change faster than we look ourselves."""
    if video.ended:
        return ()
    shortest, longest = _HINT_BOUNDS
    least = min(shortest, round(gateway.settings.timing.poll_min_seconds * 1000))
    millis = min(max((gateway.clock.now() - video.created_at) // 10, least), longest)
    return ((b"openai-poll-after-ms", b"%d" % millis), (b"retry-after", b"%d" % -(-millis // 1000)))
