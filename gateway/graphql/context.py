"""What resolvers are given: the gateway, who is calling, and loaders that gather equal questions into one."""

import msgspec
import strawberry
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode
from strawberry.dataloader import DataLoader

from gateway.auth import allow, allow_create, check_alive, require
from gateway.services.pages import MAX_PAGE
from gateway.turnstile import State
from gateway.wiring import Gateway
from schema.attempt import Attempt
from schema.errors import Forbidden, InvalidRequest, Unauthenticated
from schema.forecast import Forecast
from schema.output import ExtraOutput
from schema.tenant import Grant, Principal, Scope, Tenant
from schema.video import Video

_FORECAST = frozenset({"queuePosition", "etaSeconds"})
_OUTPUTS = "extraOutputs"
_BESIDE = frozenset({"attempts", _OUTPUTS, *_FORECAST})
"""Fields of a video that are not in it."""
_MOST_KNOWN = 2 * MAX_PAGE


class Known(msgspec.Struct, frozen=True):
    """What is known of a video beside itself, when it was asked for many at once."""

    video: Video
    attempts: list[Attempt]
    outputs: list[ExtraOutput]
    forecast: Forecast | None


class Context:
    """One per HTTP request; one per WebSocket, which learns its principal from ``connection_init``.

    Attributes:
        connection_params: what ``connection_init`` carried; Strawberry's socket handler puts it here.
        state: of the HTTP request.
    """

    def __init__(
        self,
        gateway: Gateway,
        principal: Principal | None = None,
        keys: list[str] | None = None,
        state: State | None = None,
    ) -> None:
        self.gateway = gateway
        self.state = {} if state is None else state
        self.connection_params: dict[str, object] = {}
        self._principal = principal
        self._keys = keys or []
        self._key_taken = False
        self._known: dict[int, Known] = {}
        self._attempts: DataLoader[Video, list[Attempt]] | None = None
        self._videos: DataLoader[str, Video | None] | None = None
        self._outputs: DataLoader[Video, list[ExtraOutput]] | None = None
        self._forecasts: DataLoader[Video, Forecast] | None = None

    @property
    def caller(self) -> Principal:
        """Who is calling, with a key or a client token that still works. Raises Unauthenticated."""
        if self._principal is None:
            raise Unauthenticated
        check_alive(self.gateway, self._principal)
        return self._principal

    @property
    def principal(self) -> Principal:
        """Who is calling with an API key: what a client token may do asks the methods below. Raises Forbidden."""
        if self.caller.grant is not None:
            raise Forbidden("A client token may not do that; it takes an API key")
        return self.caller

    @principal.setter
    def principal(self, principal: Principal) -> None:
        self._principal = principal

    async def ended(self) -> None:
        """Returns once whoever is calling would not be let in any more; at once when nobody was."""
        if self._principal is not None:
            await self.gateway.ground.callers.ended(self._principal)

    def tenant(self, scope: Scope) -> Tenant:
        """The calling tenant, once its key was seen to allow this. Raises Forbidden."""
        require(self.principal, scope)
        return self.principal.tenant

    def browser(self, scope: Scope) -> tuple[Tenant, Grant | None]:
        """The calling tenant, and the client token's grant if that is what calls. Raises Forbidden."""
        allow(self.caller, scope)
        return self.caller.tenant, self.caller.grant

    def creator(self) -> tuple[Tenant, Grant | None]:
        """The same for whoever asks for videos: a client token that is for one video may not."""
        allow_create(self.caller)
        return self.caller.tenant, self.caller.grant

    def take_header_key(self) -> str | None:
        """The Idempotency-Key header, for the first who asks: it speaks of one wish.

        Raises:
            InvalidRequest: the header came more than once, or another wish of this request has it.
        """
        if not self._keys:
            return None
        if self._key_taken or len(self._keys) > 1:
            raise InvalidRequest.field(
                "idempotencyKey",
                "ambiguous",
                "one Idempotency-Key header speaks of one video; give each createVideo its own idempotencyKey instead",
            )
        self._key_taken = True
        return self._keys[0]

    @property
    def attempts(self) -> DataLoader[Video, list[Attempt]]:
        """Attempts by video. It remembers nothing: a subscription asks again for every event."""
        if self._attempts is None:
            self._attempts = DataLoader(self._load_attempts, cache=False)
        return self._attempts

    @property
    def videos(self) -> DataLoader[str, Video | None]:
        """Videos by id, those that whoever is calling may see; it remembers nothing, as above."""
        if self._videos is None:
            self._videos = DataLoader(self._load_videos, cache=False)
        return self._videos

    @property
    def outputs(self) -> DataLoader[Video, list[ExtraOutput]]:
        """Extra outputs by video; it remembers nothing, as above."""
        if self._outputs is None:
            self._outputs = DataLoader(self._load_outputs, cache=False)
        return self._outputs

    @property
    def forecasts(self) -> DataLoader[Video, Forecast]:
        """Forecasts by video; it remembers nothing, as above."""
        if self._forecasts is None:
            self._forecasts = DataLoader(self._load_forecasts, cache=False)
        return self._forecasts

    async def know(self, videos: list[Video], asked: set[str]) -> None:
        """Look up at once, for all of them, what a query asks of each: so no field of theirs has to wait."""
        if asked.isdisjoint(_BESIDE) or not videos:
            return
        attempts, outputs, forecasts = await self._found_attempts(videos), {}, {}
        ended = [video for video in videos if video.ended]
        waiting = [video for video in videos if not video.ended]
        if _OUTPUTS in asked and ended:
            outputs = await self.gateway.videos.outputs(self.caller.tenant.id, ended, attempts)
        if not asked.isdisjoint(_FORECAST) and waiting:
            found = await self.gateway.videos.forecasts(waiting, attempts)
            forecasts = {video.id: forecast for video, forecast in zip(waiting, found, strict=True)}
        if len(self._known) > _MOST_KNOWN:  # a socket's context lives on
            self._known = {}
        self._known |= {
            id(video): Known(video, attempts[video.id], outputs.get(video.id, []), forecasts.get(video.id))
            for video in videos
        }

    def known(self, video: Video) -> Known:
        """What was looked up of this very video. Raises KeyError."""
        return self._known[id(video)]

    async def _load_forecasts(self, videos: list[Video]) -> list[Forecast]:
        return await self.gateway.videos.forecasts(videos, await self._found_attempts(videos))

    async def _load_videos(self, ids: list[str]) -> list[Video | None]:
        tenant, grant = self.browser(Scope.VIDEOS_READ)
        found = await self.gateway.videos.some(tenant.id, ids, grant)
        return [found.get(id) for id in ids]

    async def _load_outputs(self, videos: list[Video]) -> list[list[ExtraOutput]]:
        attempts = await self._found_attempts(videos)
        found = await self.gateway.videos.outputs(self.caller.tenant.id, videos, attempts)
        return [found.get(video.id, []) for video in videos]

    async def _load_attempts(self, videos: list[Video]) -> list[list[Attempt]]:
        found = await self._found_attempts(videos)
        return [found[video.id] for video in videos]

    async def _found_attempts(self, videos: list[Video]) -> dict[str, list[Attempt]]:
        return await self.gateway.videos.attempts(self.caller.tenant.id, videos)


Info = strawberry.Info[Context, None]


def asked_below(info: Info) -> set[str]:
    """The names of all fields that are asked of what a field answers, at any depth."""
    raw = info._raw_info  # noqa: SLF001 - Strawberry's own view of it costs as much as a page
    names: set[str] = set()

    def walk(selections: SelectionSetNode | None) -> None:
        for one in selections.selections if selections else ():
            if isinstance(one, FieldNode):
                names.add(one.name.value)
                walk(one.selection_set)
            elif isinstance(one, InlineFragmentNode):
                walk(one.selection_set)
            elif isinstance(one, FragmentSpreadNode):
                walk(raw.fragments[one.name.value].selection_set)

    for node in raw.field_nodes:
        walk(node.selection_set)
    return names
