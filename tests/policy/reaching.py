"""How each reason comes about: for every code a world in which a decision says it."""

from typing import Any

from msgspec.structs import replace

from gateway.policy.routing import History, overlay
from schema.image import ImageRef
from schema.quote import STANDING, Exclusion, ReasonCode
from schema.tenant import RoutingPolicy, Rule
from schema.video import AspectRatio, Quality, RoutingWish, Strategy, VideoSpec
from tests.policy.deciding import ABLE, NOW, SPEC, decided, fact, reasons, wish

REACHED_BY: dict[ReasonCode, tuple[dict[str, Any], dict[str, Any]]] = {
    ReasonCode.OTHER_MODEL: ({}, {"spec": VideoSpec(prompt="x", model="sora-2")}),
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: ({}, {"spec": VideoSpec(prompt="x", aspect_ratio=AspectRatio.SQUARE)}),
    ReasonCode.UNSUPPORTED_DURATION: ({}, {"spec": VideoSpec(prompt="x", seconds=11)}),
    ReasonCode.UNSUPPORTED_QUALITY: ({}, {"spec": VideoSpec(prompt="x", quality=Quality.HIGH)}),
    ReasonCode.NO_IMAGE_INPUT: ({}, {"spec": VideoSpec(prompt="x", image_url="https://a.example/b")}),
    ReasonCode.IMAGE_TOO_LARGE: (
        {"capabilities": replace(ABLE, image_input=True, max_image_bytes=99)},
        {"spec": VideoSpec(prompt="x", image=ImageRef(id="img_" + "0" * 26, size=100))},
    ),
    ReasonCode.PROMPT_TOO_LONG: ({}, {"spec": VideoSpec(prompt="x" * 101)}),
    ReasonCode.NOT_IN_ONLY: ({}, {"by": overlay(RoutingWish(only=("z",)), RoutingPolicy(), spec=SPEC)}),
    ReasonCode.EXCLUDED: ({}, {"by": overlay(RoutingWish(exclude=("a",)), RoutingPolicy(), spec=SPEC)}),
    ReasonCode.NOT_ALLOWED: ({}, {"by": wish(only=("z",))}),
    ReasonCode.PRICE_UNKNOWN: ({"price": None}, {"by": wish(per_video=1)}),
    ReasonCode.OVER_MAX_COST: ({}, {"by": wish(per_video=99)}),
    ReasonCode.TOO_SLOW: ({"fast_ms": 2_000}, {"ends_by": NOW + 1_999}),
    ReasonCode.ALREADY_REFUSED: ({}, {"history": History(refused=frozenset({"a-1"}))}),
    ReasonCode.OVER_BUDGET: ({}, {"affordable": 99}),
    ReasonCode.TENANT_AT_CAPACITY: (
        {},
        {"full": Exclusion(ReasonCode.TENANT_AT_CAPACITY, {"running": 2, "limit": 2})},
    ),
    ReasonCode.RETRIES_USED_UP: ({"retry_at": NOW + 1}, {"history": History(tries={"a-1": 1})}),
    **{code: ({"standing": (Exclusion(code),)}, {}) for code in STANDING},
}
"""How each reason against a single account comes about: the account, and how is decided."""

PAIRS: dict[ReasonCode, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    ReasonCode.WAITS_FOR_BETTER: ({"standing": (Exclusion(ReasonCode.BUSY),)}, {"price": 101}, {"max_wait_seconds": 9}),
    ReasonCode.TRIED_BEFORE: ({}, {}, {}),
    ReasonCode.NOT_PREFERRED: ({}, {}, {"rules": (Rule(prefer=("a",)),)}),
    ReasonCode.DEARER: ({}, {"price": 101}, {}),
    ReasonCode.SLOWER: ({"make_ms": 1}, {"make_ms": 2}, {"strategy": Strategy.FASTEST}),
    ReasonCode.LESS_RELIABLE: ({}, {"failed": 1}, {"strategy": Strategy.RELIABLE}),
    ReasonCode.LOWER_SCORE: ({}, {"price": 200}, {"strategy": Strategy.BALANCED}),
    ReasonCode.LATER_IN_ORDER: ({}, {}, {"order": ("a",)}),
    ReasonCode.BUSIER: ({}, {"load": 1}, {}),
    ReasonCode.LATER_NAME: ({}, {}, {}),
}
"""How each reason of one account comes about beside a better one: both, and the policy."""


def reached(code: ReasonCode) -> Exclusion:
    """The reason, as a decision tells it; for those beside a better one, of the second of two."""
    if code in REACHED_BY:
        account, how = REACHED_BY[code]
        (reason,) = reasons(fact("a-1", **account), **how)
        return reason
    better, worse, policy = PAIRS[code]
    history = History(tries={"b-1": 1} if code is ReasonCode.TRIED_BEFORE else {})
    decision = decided(fact("a-1", **better), fact("b-1", **worse), by=wish(**policy), history=history)
    first, second = decision.candidates
    assert (first.account, second.account, first.outranked) == ("a-1", "b-1", None)
    return second.outranked or second.excluded[0]
