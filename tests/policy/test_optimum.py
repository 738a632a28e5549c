"""`cheapest` is the optimum: against every choice there is, found by brute force that knows nothing of the decision."""

import random
from typing import Any

import msgspec
import pytest

from gateway.policy.routing import AccountFacts, decide, overlay, snapshot
from providers.base import Capabilities
from schema.money import CreditRange, Credits
from schema.quote import STANDING, Exclusion, Facts
from schema.tenant import RoutingPolicy
from schema.video import AspectRatio, OnUnsupported, Quality, RoutingWish, VideoSpec

SPECS = 1_000
RATIOS = ["auto", "16:9", "9:16", "1:1"]


class Metered(msgspec.Struct):
    """A rate card by the second; what it says it will probably cost lies somewhere in its range."""

    base: Credits
    per_second: Credits
    spread: Credits
    usual: Credits
    refunds_failures: bool = True

    def quote(self, spec: VideoSpec) -> CreditRange:
        low = self.base + self.per_second * (spec.seconds or 5)
        return CreditRange(low=low, high=low + self.spread)

    def estimate(self, spec: VideoSpec) -> Credits:
        return self.quote(spec).low + self.usual


def drawn_account(luck: random.Random, n: int) -> dict[str, Any]:
    """An account as plain facts, which both sides read."""
    spread = luck.randrange(50)
    return {
        "name": f"p{n % 3}-{n}",
        "provider": f"p{n % 3}",
        "price": luck.randrange(1, 2_000),
        "base": luck.randrange(100),
        "per_second": luck.randrange(20),
        "spread": spread,
        "usual": luck.randrange(spread + 1),
        "ratios": luck.sample(RATIOS, luck.randrange(1, 5)),
        "seconds": luck.choice([None, (5, 10), (1, 30), (8, 8)]),
        "high": luck.random() < 0.5,
        "picture": luck.random() < 0.5,
        "failing": luck.choice([*[None] * 20, *sorted(STANDING)]),
    }


def drawn_wish(luck: random.Random, accounts: list[dict[str, Any]]) -> dict[str, Any]:
    names = [one["name"] for one in accounts] + ["p0", "p1", "p2"]
    return {
        "ratio": luck.choice([None, None, *RATIOS]),
        "seconds": luck.choice([None, None, 5, 8, 12]),
        "high": luck.random() < 0.2,
        "picture": luck.random() < 0.2,
        "cap": luck.choice([None, None, luck.randrange(600_000)]),
        "exclude": luck.sample(names, luck.randrange(3)),
        "only": luck.sample(names, 3) if luck.random() < 0.1 else [],
    }


# the decision's side


def facts_of(account: dict[str, Any]) -> AccountFacts:
    return AccountFacts(
        account=account["name"],
        provider=account["provider"],
        capabilities=Capabilities(
            models=("veo-3",),
            aspect_ratios=tuple(AspectRatio(ratio) for ratio in account["ratios"]),
            seconds=account["seconds"],
            qualities=(Quality.HIGH,) if account["high"] else (),
            image_input=account["picture"],
        ),
        rates=Metered(account["base"], account["per_second"], account["spread"], account["usual"]),
        known=Facts(price_per_credit=account["price"]),
        standing=() if account["failing"] is None else (Exclusion(account["failing"]),),
    )


def decided(wanted: dict[str, Any], accounts: list[dict[str, Any]]) -> tuple[str, int] | None:
    """Whom `cheapest` chooses, and what it says that will probably cost."""
    spec = VideoSpec(
        prompt="x",
        aspect_ratio=None if wanted["ratio"] is None else AspectRatio(wanted["ratio"]),
        seconds=wanted["seconds"],
        quality=Quality.HIGH if wanted["high"] else None,
        image_url="https://a.example/b.png" if wanted["picture"] else None,
    )
    routing = RoutingWish(only=tuple(wanted["only"]), exclude=tuple(wanted["exclude"]), max_cost_micros=wanted["cap"])
    policy = RoutingPolicy(on_unsupported=OnUnsupported.ERROR)
    seen = snapshot(0, tuple(facts_of(account) for account in accounts))
    chosen = decide(spec, overlay(routing, policy, spec=spec), seen).chosen
    if chosen is None:
        return None
    assert chosen.expected is not None
    return chosen.account, chosen.expected


# the other side: every choice there is


def cost(wanted: dict[str, Any], account: dict[str, Any], *, most: bool) -> int:
    credits = account["base"] + account["per_second"] * (wanted["seconds"] or 5)
    return int((credits + account["spread" if most else "usual"]) * account["price"])


def can(wanted: dict[str, Any], account: dict[str, Any]) -> bool:
    if account["failing"] is not None:
        return False
    if wanted["ratio"] is not None and wanted["ratio"] not in account["ratios"]:
        return False
    if wanted["seconds"] is not None:
        span = account["seconds"]
        if span is None or wanted["seconds"] < span[0] or wanted["seconds"] > span[1]:
            return False
    if (wanted["high"] and not account["high"]) or (wanted["picture"] and not account["picture"]):
        return False
    called = {account["name"], account["provider"]}
    if called & set(wanted["exclude"]) or (wanted["only"] and not called & set(wanted["only"])):
        return False
    return wanted["cap"] is None or cost(wanted, account, most=True) <= wanted["cap"]


def cheapest_of_all(wanted: dict[str, Any], accounts: list[dict[str, Any]]) -> int | None:
    costs = [cost(wanted, account, most=False) for account in accounts if can(wanted, account)]
    return min(costs) if costs else None


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_would_have_cost_less(seed: int) -> None:
    luck = random.Random(seed)  # noqa: S311  # which worlds are drawn is no secret
    total = optimum = made = 0
    for _ in range(SPECS):
        accounts = [drawn_account(luck, n) for n in range(luck.randrange(2, 12))]
        wanted = drawn_wish(luck, accounts)

        found, least = decided(wanted, accounts), cheapest_of_all(wanted, accounts)

        assert (found is None) is (least is None), (wanted, accounts)
        if found is not None and least is not None:
            total, optimum, made = total + found[1], optimum + least, made + 1
    assert total == optimum
    assert SPECS // 4 < made < SPECS, "some could be made, and some could not"
