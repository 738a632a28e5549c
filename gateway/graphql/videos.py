"""A video as GraphQL shows it: REST's fields in camelCase, with attempts and the decision on demand."""

from typing import Annotated, Self

import strawberry

from gateway.graphql.attempts import Attempt
from gateway.graphql.context import Context, Info
from gateway.graphql.decisions import Adjustment, Decision
from gateway.graphql.nodes import Node
from gateway.graphql.plain import at_once
from gateway.graphql.receipts import Receipt
from gateway.graphql.scalars import Amount, Moment, Size, Texts, amount, moment
from gateway.services.shapes import aspect_ratio_of, quality_of, seconds_of
from schema.forecast import Forecast
from schema.frame import FrameEnd, VideoFrame
from schema.lifecycle import Substate, VideoStatus
from schema.money import CURRENCY
from schema.output import ExtraOutput as OutputFacts
from schema.tenant import Scope
from schema.video import AspectRatio, Quality
from schema.video import Video as VideoFacts
from schema.video import VideoError as VideoErrorFacts


@strawberry.type(description="Why a video failed.")
class VideoError:
    code: str = strawberry.field(
        description="A stable word: `invalid_request`, `content_rejected`, `no_route`, `generation_failed`, "
        "`provider_incomplete`, `submission_outcome_unknown`, `deadline_exceeded`, `wait_exceeded` or `asset_lost`; "
        "new ones may be added."
    )
    message: str = strawberry.field(description="A sentence for people; it may change.")

    @classmethod
    def of(cls, facts: VideoErrorFacts | None) -> Self | None:
        return None if facts is None else cls(code=facts.code, message=facts.message)


@strawberry.type(description="What a video costs.")
class Cost:
    currency: str = strawberry.field(description="ISO 4217 code of every amount here.")
    quoted_low_micros: Amount | None = strawberry.field(
        description="The least it was to cost when it was accepted; null when the account had no price."
    )
    quoted_micros: Amount | None = strawberry.field(
        description="The most it was to cost when it was accepted, or as its quote promised; null when the account had "
        "no price."
    )
    held_micros: Amount | None = strawberry.field(
        description="Set aside for it now; 0 once it is settled, null when its price was not known."
    )
    charged_micros: Amount | None = strawberry.field(
        description="What it did cost, never more than was set aside; null until then, and when it cost nothing."
    )

    @classmethod
    def of(cls, facts: VideoFacts) -> Self:
        return cls(
            currency=CURRENCY,
            quoted_low_micros=amount(facts.quoted_low),
            quoted_micros=amount(facts.quoted_high),
            held_micros=amount(facts.held),
            charged_micros=amount(facts.charged),
        )


@strawberry.type(description="A file that a provider made for a video which had ended already.")
class ExtraOutput:
    attempt: strawberry.ID = strawberry.field(description="The attempt that made it.")
    size: Size = strawberry.field(description="How long it is.")
    sha256: str = strawberry.field(description="The hex digest of its bytes.")
    created_at: Moment = strawberry.field(description="When it was stored.")
    content_url: str = strawberry.field(description="Where it is, a path on this gateway for the same API key.")

    @classmethod
    def of(cls, video: str, facts: OutputFacts) -> Self:
        return cls(
            attempt=strawberry.ID(facts.attempt),
            size=Size(facts.asset.size),
            sha256=facts.asset.sha256,
            created_at=Moment(facts.at),
            content_url=f"/v1/videos/{video}/content?output={facts.attempt}",
        )


def _forecast(video: "Video", asked: Context) -> Forecast:
    found = asked.known(video.facts).forecast
    if found is None:
        raise KeyError(video.facts.id)
    return found


@strawberry.type(description="The video of which another one starts from a frame.")
class RemixSource:
    id: strawberry.ID = strawberry.field(description="Its id, also once it was deleted.")
    frame: FrameEnd = strawberry.field(description="Which frame.")

    @strawberry.field(description="The video; null when it was deleted, or is not for the eyes of whoever asks.")
    async def video(self, info: Info) -> Annotated["Video", strawberry.lazy("gateway.graphql.videos")] | None:
        facts = await info.context.videos.load(self.id)
        return None if facts is None else Video.of(facts)

    @classmethod
    def of(cls, frame: VideoFrame | None) -> Self | None:
        return None if frame is None else cls(id=strawberry.ID(frame.video_id), frame=frame.frame)


@strawberry.type(description="One wish for a video, and what has become of it.")
class Video(Node):
    facts: strawberry.Private[VideoFacts]
    status: VideoStatus = strawberry.field(description="Where it is in its life.")
    substate: Substate | None = strawberry.field(
        description="What it is doing; null before the first look at the accounts, and once it has ended."
    )
    progress: int = strawberry.field(description="0 to 100. It never falls; 100 only when completed.")
    prompt: str = strawberry.field(description="What to show, as it was asked.")
    model: str = strawberry.field(description="The model that was asked for; `auto` is any.")
    quality: Quality | None = strawberry.field(
        description="The quality that was asked for; null is the provider's plain one."
    )
    image_url: str | None = strawberry.field(description="The picture it starts from.")
    metadata: Texts = strawberry.field(description="What the caller attached to it.")
    created_at: Moment = strawberry.field(description="When it was accepted.")
    started_at: Moment | None = strawberry.field(description="When a provider may first have worked on it.")
    completed_at: Moment | None = strawberry.field(description="When it ended, well or badly.")
    deadline_at: Moment = strawberry.field(description="When it fails if it has not ended before.")
    expires_at: Moment | None = strawberry.field(description="When its file will be deleted.")
    error: VideoError | None = strawberry.field(description="Why it failed; null unless it did.")
    provider: str | None = strawberry.field(description="The provider that makes it now, or made it.")
    account: str | None = strawberry.field(description="The account it is made at now, or was made at.")
    cost: Cost = strawberry.field(description="What it costs.")
    provider_may_still_bill: bool = strawberry.field(
        description="It was canceled, or your own deadline has passed, and what its provider does with it is not known "
        "yet: until then its hold stays, and it may still be charged, at most that."
    )
    credits: int | None = strawberry.field(
        description="What the winning attempt cost, in its account's credits, once known."
    )
    adjustments: list[Adjustment] = strawberry.field(description="What was bent to suit the chosen provider.")
    content_url: str | None = strawberry.field(
        description="Where its file is, a path on this gateway for the same API key; null until it has completed."
    )
    reused_from: strawberry.ID | None = strawberry.field(
        description="The video whose file it has, for nothing; null when it was made for itself."
    )
    remixed_from: RemixSource | None = strawberry.field(
        description="The video of which it starts from a frame; null when it does not."
    )
    version: int = strawberry.field(
        description="Grows with every change: of two copies of a video, the higher version is the later."
    )

    @classmethod
    def of(cls, facts: VideoFacts) -> Self:
        spec = facts.spec
        return cls(
            facts=facts,
            id=strawberry.ID(facts.id),
            status=facts.status,
            substate=facts.substate,
            progress=facts.progress,
            prompt=spec.prompt,
            model=spec.model,
            quality=quality_of(facts),
            image_url=spec.image_url,
            metadata=Texts(facts.metadata),
            created_at=Moment(facts.created_at),
            started_at=moment(facts.started_at),
            completed_at=moment(facts.completed_at),
            deadline_at=Moment(facts.deadline_at),
            expires_at=moment(facts.expires_at),
            error=VideoError.of(facts.error),
            provider=facts.provider,
            account=facts.account,
            cost=Cost.of(facts),
            provider_may_still_bill=facts.may_still_cost,
            credits=facts.credits,
            adjustments=[Adjustment.of(adjustment) for adjustment in facts.adjustments],
            content_url=f"/v1/videos/{facts.id}/content" if facts.status is VideoStatus.COMPLETED else None,
            reused_from=None if facts.reused_from is None else strawberry.ID(facts.reused_from),
            remixed_from=RemixSource.of(spec.video),
            version=facts.version,
        )

    @strawberry.field(
        description="Its duration: as asked or adjusted, else the provider's usual one; null while nobody knows."
    )
    def seconds(self, info: Info) -> int | None:
        return seconds_of(self.facts, info.context.gateway.accounts)

    @strawberry.field(
        description="Its shape: as asked or adjusted, else the provider's usual one; null while nobody knows."
    )
    def aspect_ratio(self, info: Info) -> AspectRatio | None:
        return aspect_ratio_of(self.facts, info.context.gateway.accounts)

    @strawberry.field(
        description="Every try to make it, first to last.",
        metadata=at_once(lambda video, asked: [Attempt.of(one) for one in asked.known(video.facts).attempts]),
    )
    async def attempts(self, info: Info) -> list[Attempt]:
        return [Attempt.of(attempt) for attempt in await info.context.attempts.load(self.facts)]

    @strawberry.field(
        description="Its place among those who wait for the same accounts, from 1; null when it does not wait.",
        metadata=at_once(lambda video, asked: None if video.facts.ended else _forecast(video, asked).position),
    )
    async def queue_position(self, info: Info) -> int | None:
        return None if self.facts.ended else (await info.context.forecasts.load(self.facts)).position

    @strawberry.field(
        description="In how many seconds it will probably have ended, from observed times; null when nobody can tell.",
        metadata=at_once(lambda video, asked: None if video.facts.ended else _forecast(video, asked).eta_seconds),
    )
    async def eta_seconds(self, info: Info) -> int | None:
        return None if self.facts.ended else (await info.context.forecasts.load(self.facts)).eta_seconds

    @strawberry.field(
        description="Files that came too late to be its own, first to last.",
        metadata=at_once(
            lambda video, asked: [ExtraOutput.of(video.facts.id, one) for one in asked.known(video.facts).outputs]
        ),
    )
    async def extra_outputs(self, info: Info) -> list[ExtraOutput]:
        outputs = await info.context.outputs.load(self.facts) if self.facts.ended else []
        return [ExtraOutput.of(self.facts.id, output) for output in outputs]

    @strawberry.field(description="Why it went where it went: the routing decision stored with it.")
    async def route(self, info: Info) -> Decision | None:
        tenant = info.context.tenant(Scope.VIDEOS_READ)
        return Decision.stored(await info.context.gateway.videos.decision(tenant.id, self.facts.id))

    @strawberry.field(description="What became of it, and at what price, signed; null until it has ended.")
    async def receipt(self, info: Info) -> Receipt | None:
        tenant = info.context.tenant(Scope.VIDEOS_READ)
        if not self.facts.ended:
            return None
        return Receipt.of(await info.context.gateway.receipts.of(tenant.id, self.facts.id))
