"""The input of createVideo and quote, and the order it becomes: the same fields, limits and defaults as REST's body."""

import re
from typing import Any

import strawberry

from gateway.graphql.scalars import Texts
from gateway.policy.idempotency import KEY_HINT, idempotency_key
from gateway.policy.signing import fingerprint
from schema.errors import InvalidRequest
from schema.frame import FrameEnd
from schema.money import parse_micros
from schema.size import wished_shape
from schema.tenant import Tenant
from schema.video import (
    ANY_MODEL,
    AspectRatio,
    OnMaxWait,
    OnUnknown,
    OnUnsupported,
    Order,
    Priority,
    Quality,
    RoutingWish,
    Strategy,
    VideoSpec,
    checked_metadata,
    checked_routing,
    checked_spec,
)


@strawberry.input(description="A frame of one of your finished videos.")
class VideoFrameInput:
    video_id: strawberry.ID = strawberry.field(description="The video's id.")
    frame: FrameEnd = strawberry.field(default=FrameEnd.FIRST, description="Which frame.")


@strawberry.input(description="What to start from: exactly one way to find it.", one_of=True)
class InputReference:
    image_url: strawberry.Maybe[str] = strawberry.field(
        description="Where it lies, https; we fetch it before the video is sent."
    )
    image_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="One of your pictures, as `POST /v1/images` gave it."
    )
    video_frame: strawberry.Maybe[VideoFrameInput] = strawberry.field(
        description="A frame of one of your finished videos: what REST calls a remix or an extension."
    )

    def fields(self) -> dict[str, Any]:
        """The same as a spec has it."""
        if self.video_frame is not None:
            of = self.video_frame.value
            return {"video": {"video_id": of.video_id, "frame": of.frame}}
        if self.image_id is not None:
            return {"image": {"id": self.image_id.value}}
        return {"image_url": None if self.image_url is None else self.image_url.value}


@strawberry.input(description="The file of an equal wish of yours will do.")
class ReuseInput:
    within_seconds: int = strawberry.field(
        description="If it was completed no longer ago than that, 1 to 31536000 seconds."
    )


@strawberry.input(description="How this video is routed. It may narrow the tenant's policy, never widen it.")
class RoutingInput:
    only: list[str] | None = strawberry.field(
        default=None, description="Account ids or provider names; nobody else may make it. At most 32."
    )
    exclude: list[str] | None = strawberry.field(
        default=None, description="Account ids or provider names that must not make it. At most 32."
    )
    strategy: Strategy | None = strawberry.field(default=None, description="How accounts are ranked.")
    max_cost: str | None = strawberry.field(
        default=None, description='The most it may cost, as decimal text in the gateway\'s currency, such as "0.50".'
    )
    deadline_seconds: int | None = strawberry.field(
        default=None,
        description="From accepted to ended, 1 to 86400; later it fails with `deadline_exceeded`, and costs what the "
        "provider still does, as if it had been canceled.",
    )
    cancel_after_seconds: int | None = strawberry.field(
        default=None, description="Cancel it by itself when it has not ended by then, 1 to 86400."
    )
    quote_id: str | None = strawberry.field(
        default=None, description="A quote for this very wish: what it promised is the most that is charged."
    )
    on_unsupported: OnUnsupported | None = strawberry.field(
        default=None, description="What to do with a wish a provider can not be told."
    )
    on_unknown: OnUnknown | None = strawberry.field(
        default=None, description="What to do when nobody knows whether a paid request arrived."
    )
    max_wait_seconds: int | None = strawberry.field(
        default=None,
        description="How long it may wait for a better account that has no room now, 0 to 86400; null goes to the best "
        "that has, unless the tenant's policy says otherwise.",
    )
    on_max_wait: OnMaxWait | None = strawberry.field(default=None, description="What to do when it has waited so long.")
    priority: Priority | None = strawberry.field(
        default=None, description="Which of your own waiting videos goes first; it means nothing to other tenants."
    )

    reuse: ReuseInput | None = strawberry.field(
        default=None,
        description="Have the file of an equal video of yours, if there is one: it is completed at once and costs "
        "nothing.",
    )

    def wish(self, webhook_url: str | None = None) -> RoutingWish:
        """Raises InvalidRequest, naming the field."""
        return checked_routing(
            _given(
                only=self.only,
                exclude=self.exclude,
                strategy=self.strategy,
                max_cost_micros=None if self.max_cost is None else _micros(self.max_cost),
                deadline_seconds=self.deadline_seconds,
                cancel_after_seconds=self.cancel_after_seconds,
                quote_id=self.quote_id,
                on_unsupported=self.on_unsupported,
                on_unknown=self.on_unknown,
                max_wait_seconds=self.max_wait_seconds,
                on_max_wait=self.on_max_wait,
                priority=self.priority,
                reuse=None if self.reuse is None else {"within_seconds": self.reuse.within_seconds},
                webhook_url=webhook_url,
            )
        )


@strawberry.input(description="A wish for one video. What is left out or null is left open.")
class CreateVideoInput:
    prompt: str = strawberry.field(description="What to show, 1 to 2,000 characters.")
    model: str | None = strawberry.field(
        default=None, description="`auto` (the default), or a name that `models` lists."
    )
    seconds: int | None = strawberry.field(default=None, description="The duration, 1 to 60 whole seconds.")
    size: str | None = strawberry.field(
        default=None,
        description="Width and height, such as `1280x720`; its ratio must be 16:9, 9:16 or 1:1. Providers choose the "
        "pixels.",
    )
    aspect_ratio: AspectRatio | None = strawberry.field(
        default=None, description="The same wish said directly; with `size`, both must agree."
    )
    quality: Quality | None = strawberry.field(default=None, description="How good a picture is wanted.")
    input_reference: InputReference | None = strawberry.field(default=None, description="What to start from.")
    metadata: Texts | None = strawberry.field(default=None, description="Texts to keep with it and give back.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 255 visible ASCII characters, unique per wish: the same wish sent again with it is the same "
        "video. The `Idempotency-Key` header counts too; both must agree.",
    )
    routing: RoutingInput | None = strawberry.field(default=None, description="How this video is routed.")
    webhook_url: str | None = strawberry.field(
        default=None,
        description="Told what happens to this video, as webhook endpoints are; signed with your tenant's own webhook "
        "secret, which must be there already.",
    )

    def order(self, tenant: Tenant, header_key: str | None) -> Order:
        """Raises InvalidRequest, naming the field."""
        spec, routing, metadata = self._spec(), self._routing(), checked_metadata(self.metadata or {})
        return Order(
            tenant=tenant.id,
            spec=spec,
            routing=routing,
            metadata=metadata,
            key=one_key(self.idempotency_key, header_key),
            fingerprint=fingerprint(spec, routing, metadata),
        )

    def _spec(self) -> VideoSpec:
        picture = {} if self.input_reference is None else self.input_reference.fields()
        return checked_spec(
            _given(
                prompt=self.prompt,
                model=ANY_MODEL if self.model is None else self.model,
                seconds=self.seconds,
                aspect_ratio=wished_shape(self.size, self.aspect_ratio),
                quality=self.quality,
                **picture,
            )
        )

    def _routing(self) -> RoutingWish:
        return (self.routing or RoutingInput()).wish(self.webhook_url)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def _micros(text: str) -> int:
    if _AMOUNT.fullmatch(text) is None:
        raise InvalidRequest.field("gateway.max_cost", "invalid_value", 'must be an amount as text, such as "0.50"')
    return parse_micros(text)


def one_key(asked: str | None, header: str | None) -> str | None:
    """The one idempotency key of the input and the header. Raises InvalidRequest."""
    keys = {
        idempotency_key(text, header=is_header)
        for text, is_header in ((asked, False), (header, True))
        if text is not None
    }
    if None in keys:
        raise InvalidRequest.field("idempotencyKey", "invalid_idempotency_key", f"must be {KEY_HINT}")
    if len(keys) > 1:
        raise InvalidRequest.field("idempotencyKey", "conflict", "the Idempotency-Key header says another one")
    return keys.pop() if keys else None
