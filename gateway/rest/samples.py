"""Examples for the OpenAPI document: values of the real types, so that they can not drift from them."""

from typing import Any

import msgspec

from gateway.rest.key_views import CreateApiKey, RotateApiKey, UpdateApiKey, key_page, key_view, made_view
from gateway.rest.problems import ErrorMember, FieldProblem, Problem
from gateway.rest.views import AttemptCostView, AttemptView, CostView, GatewayView, VideoView
from gateway.rest.wishes import CreateVideo, RoutingOptions
from gateway.services.keys import KeyPage, Made
from schema.account import Secret
from schema.api_key import ApiKey
from schema.attempt import Verdict
from schema.errors import InvalidRequest
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.tenant import Scope
from schema.video import AspectRatio, Quality

_MADE = 1_795_000_000
_REQUEST = "req_01kgx5c3v8b1r6n0t4y7m2q9ds"

_CREATE = CreateVideo(
    prompt="A paper boat in the rain, seen from above",
    seconds="5",
    size="1280x720",
    metadata={"campaign": "autumn"},
    gateway=RoutingOptions(max_cost="0.50"),
)

_VIDEO = VideoView(
    id="video_01kgx5c3v8b1r6n0t4y7m2q9ds",
    status=VideoStatus.IN_PROGRESS,
    progress=40,
    created_at=_MADE,
    completed_at=None,
    expires_at=None,
    model="auto",
    prompt=_CREATE.prompt,
    seconds="5",
    size="1280x720",
    error=None,
    aspect_ratio=AspectRatio.WIDE,
    quality=Quality.STANDARD,
    metadata={"campaign": "autumn"},
    gateway=GatewayView(
        substate=Substate.RUNNING,
        provider="studio",
        account="studio-main",
        cost=CostView(quoted_micros=200_000, quoted_low_micros=100_000),
        credits=None,
        attempts=(
            AttemptView(
                id="att_01kgx5c4a1n8d3k7p5z0w6v2hj",
                account="studio-main",
                provider="studio",
                state=AttemptState.RUNNING,
                verdict=Verdict.ACCEPTED,
                provider_ref="gen_8c1f",
                started_at=_MADE + 1,
                ended_at=None,
                reason=None,
                cost=AttemptCostView(credits_low=100, credits_high=200, credits=None),
            ),
        ),
        adjustments=(),
        version=4,
    ),
)

_DETAIL = "must be written as WIDTHxHEIGHT"
_PROBLEM = Problem(
    type=f"urn:filmgate:problem:{InvalidRequest.code}",
    title=InvalidRequest.title,
    status=InvalidRequest.status,
    detail=f"size: {_DETAIL}",
    instance=f"urn:filmgate:request:{_REQUEST}",
    code=InvalidRequest.code,
    request_id=_REQUEST,
    errors=(FieldProblem(pointer="#/size", code="invalid_value", detail=_DETAIL),),
    error=ErrorMember(message=f"size: {_DETAIL}", type=InvalidRequest.kind, param="size", code=InvalidRequest.code),
)

_CREATE_KEY = CreateApiKey(
    name="backend",
    scopes=(Scope.VIDEOS_READ, Scope.VIDEOS_WRITE),
    expires_in_seconds=90 * 24 * 3600,
    networks=("203.0.113.0/24",),
)
_KEY = ApiKey(
    id="key_01kgx5c3v8b1r6n0t4y7m2q9ds",
    tenant="acme",
    name=_CREATE_KEY.name,
    hint="x8Qd",
    scopes=frozenset(_CREATE_KEY.scopes),
    networks=_CREATE_KEY.networks,
    created_at=_MADE * 1000,
    expires_at=(_MADE + 90 * 24 * 3600) * 1000,
)
_KEY_TEXT = Secret("fg_test_" + "0" * 32 + "x8Qd")


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    """As it looks on the wire, without what was left out."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return found


CREATE_SAMPLE = {name: value for name, value in _plain(_CREATE).items() if value is not None}
CREATE_SAMPLE["gateway"] = {"max_cost": "0.50"}
VIDEO_SAMPLE = _plain(_VIDEO)
CREATE_KEY_SAMPLE = _plain(_CREATE_KEY)
KEY_SAMPLE = _plain(key_view(_KEY, _KEY.created_at))
MADE_KEY_SAMPLE = _plain(made_view(Made(key=_KEY, text=_KEY_TEXT), _KEY.created_at))
UPDATE_KEY_SAMPLE = _plain(UpdateApiKey(name="front", expires_at=None))
ROTATE_KEY_SAMPLE = _plain(RotateApiKey())
KEY_PAGE_SAMPLE = _plain(key_page(KeyPage([_KEY], more=False), _KEY.created_at))
PROBLEM_SAMPLE = _plain(_PROBLEM)
