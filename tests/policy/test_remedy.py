"""What to change when nobody can: a change for every reason, the smallest of several, and one that really helps."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from gateway.policy.remedy import Asked, remedy
from gateway.policy.routing import AccountFacts, Circumstances, History, decide, overlay
from schema.image import ImageRef
from schema.money import parse_micros
from schema.quote import OUTRANKED, PASSING, Candidate, Decision, Exclusion, ReasonCode
from schema.remedy import Change, Party, Remedy
from schema.tenant import Funding, FundingMode, RoutingPolicy, Rule, When
from schema.video import AspectRatio, OnUnsupported, Quality, RoutingWish, VideoSpec
from tests.policy.deciding import (
    ABLE,
    NOW,
    SPEC,
    Flat,
    asked_routings,
    fact,
    fundings,
    policies,
    seen,
    specs,
    worlds,
)


def asked(spec: VideoSpec = SPEC, **terms) -> Asked:
    return Asked(spec=spec, **terms)


def by_caller(field: str, to: str | int | None) -> Change:
    return Change(field=field, to=to, by=Party.CALLER)


PICTURE = "https://a.example/b.png"
LARGE = ImageRef(id="img_" + "0" * 26, size=100)
CASES: dict[ReasonCode, tuple[Asked, dict[str, Any], Change]] = {
    ReasonCode.OTHER_MODEL: (asked(VideoSpec(prompt="x", model="sora")), {}, by_caller("model", "auto")),
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: (
        asked(VideoSpec(prompt="x", aspect_ratio=AspectRatio.SQUARE)),
        {},
        by_caller("aspect_ratio", "16:9"),
    ),
    ReasonCode.UNSUPPORTED_DURATION: (asked(VideoSpec(prompt="x", seconds=30)), {}, by_caller("seconds", 10)),
    ReasonCode.UNSUPPORTED_QUALITY: (
        asked(VideoSpec(prompt="x", quality=Quality.HIGH)),
        {},
        by_caller("quality", "standard"),
    ),
    ReasonCode.NO_IMAGE_INPUT: (
        asked(VideoSpec(prompt="x", image_url=PICTURE)),
        {},
        by_caller("input_reference", None),
    ),
    ReasonCode.IMAGE_TOO_LARGE: (
        asked(VideoSpec(prompt="x", image=LARGE)),
        {"capabilities": replace(ABLE, image_input=True, max_image_bytes=99)},
        by_caller("input_reference", None),
    ),
    ReasonCode.PROMPT_TOO_LONG: (asked(VideoSpec(prompt="x" * 101)), {}, by_caller("prompt", 100)),
    ReasonCode.NOT_IN_ONLY: (asked(routing=RoutingWish(only=("z",))), {}, by_caller("gateway.only", "a-1")),
    ReasonCode.EXCLUDED: (asked(routing=RoutingWish(exclude=("a",))), {}, by_caller("gateway.exclude", None)),
    ReasonCode.NOT_ALLOWED: (
        asked(policy=RoutingPolicy(exclude=("a",))),
        {},
        Change(field="tenant.routing", to="a-1", by=Party.TENANT),
    ),
    ReasonCode.PRICE_UNKNOWN: (
        asked(funding=Funding(mode=FundingMode.PREPAID)),
        {"price": None},
        Change(field="accounts.price_per_credit", to=None, by=Party.OPERATOR),
    ),
    ReasonCode.OVER_MAX_COST: (
        asked(routing=RoutingWish(max_cost_micros=99)),
        {},
        by_caller("gateway.max_cost", "0.0001"),
    ),
    ReasonCode.TOO_SLOW: (
        asked(routing=RoutingWish(deadline_seconds=1)),
        {"fast_ms": 2_001},
        by_caller("gateway.deadline_seconds", 3),
    ),
}
NO_REMEDY = {ReasonCode.ALREADY_REFUSED}


@pytest.mark.parametrize("code", CASES)
def test_each_reason_that_does_not_pass_has_its_change(code):
    wanted, account, change = CASES[code]

    assert remedy_of(wanted, fact("a-1", **account)) == Remedy(account="a-1", changes=(change,))


def test_no_reason_that_does_not_pass_is_forgotten():
    assert set(CASES) | NO_REMEDY == set(ReasonCode) - PASSING - OUTRANKED


def test_nothing_helps_where_it_was_asked_and_could_not_make_it():
    standing = Circumstances(history=History(refused=frozenset({"a-1"})))

    assert remedy(asked(), seen(fact("a-1")), standing) is None


def test_without_accounts_nothing_helps():
    assert remedy(asked(), seen()) is None


def test_a_duration_that_can_not_be_told_is_to_be_left_out():
    untold = replace(ABLE, seconds=None)

    found = remedy_of(asked(VideoSpec(prompt="x", seconds=7)), fact("a-1", capabilities=untold))

    assert found == Remedy(account="a-1", changes=(by_caller("seconds", None),))


@pytest.mark.parametrize("quality", [None, Quality.HIGH], ids=["two", "three"])
def test_several_wishes_that_can_not_be_told_are_adjusted_in_one_change(quality):
    spec = VideoSpec(prompt="x", seconds=30, aspect_ratio=AspectRatio.SQUARE, quality=quality)

    found = remedy_of(asked(spec), fact("a-1"))

    assert found == Remedy(account="a-1", changes=(by_caller("gateway.on_unsupported", "adjust"),))


def test_the_account_that_needs_the_fewest_changes_is_told():
    spec = VideoSpec(prompt="x", seconds=30, image_url=PICTURE)
    picture = fact("b-1", 900, capabilities=replace(ABLE, image_input=True))

    found = remedy_of(asked(spec), fact("a-1"), picture)

    assert found == Remedy(account="b-1", changes=(by_caller("seconds", 10),))


def test_to_adjust_counts_as_much_as_it_bends():
    spec = VideoSpec(prompt="x", seconds=30, quality=Quality.HIGH)
    better = fact("b-1", 900, capabilities=replace(ABLE, qualities=(Quality.HIGH,)))

    found = remedy_of(asked(spec), fact("a-1", 1), better)

    assert found == Remedy(account="b-1", changes=(by_caller("seconds", 10),))


def test_one_change_of_its_tenant_s_is_smaller_than_two_of_the_caller_s():
    spec = VideoSpec(prompt="x", seconds=30, image_url=PICTURE)
    picture = fact("b-1", capabilities=replace(ABLE, image_input=True, seconds=(5, 30)))

    found = remedy_of(asked(spec, policy=RoutingPolicy(exclude=("b",))), fact("a-1"), picture)

    assert found == Remedy(account="b-1", changes=(Change(field="tenant.routing", to="b-1", by=Party.TENANT),))


def test_of_as_many_changes_those_the_caller_can_make_himself_are_told():
    wanted = asked(routing=RoutingWish(exclude=("b",)), policy=RoutingPolicy(exclude=("a",)))

    found = remedy_of(wanted, fact("a-1", 1), fact("b-1", 2))

    assert found is not None
    assert (found.account, found.changes[0].by) == ("b-1", Party.CALLER)


def test_of_equal_changes_those_for_an_account_that_could_begin_at_once_are_told():
    wanted = asked(routing=RoutingWish(exclude=("a", "b")))
    paused = fact("a-1", 1, standing=(Exclusion(ReasonCode.PAUSED),))

    found = remedy_of(wanted, paused, fact("b-1", 2))

    assert found is not None
    assert found.account == "b-1"


def test_of_equal_changes_the_cheaper_video_is_told_then_the_name():
    wanted = asked(routing=RoutingWish(exclude=("a", "b", "c")))

    cheaper = remedy_of(wanted, fact("a-1", 3), fact("b-1", 2), fact("c-1", 2))

    assert cheaper is not None
    assert cheaper.account == "b-1"


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        pytest.param(
            asked(routing=RoutingWish(max_cost_micros=5), policy=RoutingPolicy(per_video=6)),
            [("gateway.max_cost", Party.CALLER), ("tenant.routing.max_cost", Party.TENANT)],
            id="the-caller-s-and-the-policy-s",
        ),
        pytest.param(
            asked(policy=RoutingPolicy(rules=(Rule(per_video=6),)), funding=Funding(per_video=7)),
            [("tenant.routing.max_cost", Party.TENANT), ("tenant.funding.per_video", Party.TENANT)],
            id="a-rule-s-and-the-funding-s",
        ),
        pytest.param(
            asked(routing=RoutingWish(max_cost_micros=100), funding=Funding(per_video=99)),
            [("tenant.funding.per_video", Party.TENANT)],
            id="only-those-that-are-in-the-way",
        ),
    ],
)
def test_every_cap_that_is_in_the_way_is_told_with_who_can_raise_it(wanted, changes):
    found = remedy_of(wanted, fact("a-1", 100))

    assert found is not None
    assert sorted((change.field, change.by) for change in found.changes) == sorted(changes)
    assert {change.to for change in found.changes} == {"0.0001"}


def test_a_price_is_needed_only_where_more_than_the_caller_s_own_cap_asks_for_one():
    own = asked(routing=RoutingWish(max_cost_micros=5))

    assert remedy_of(own, fact("a-1", None)) == Remedy(account="a-1", changes=(by_caller("gateway.max_cost", None),))
    theirs = remedy_of(replace(own, policy=RoutingPolicy(per_video=9)), fact("a-1", None))
    assert theirs is not None
    assert [change.by for change in theirs.changes] == [Party.OPERATOR]


def test_a_change_that_meets_another_rule_is_told_with_what_that_rule_needs():
    rules = (Rule(when=When(aspect_ratio=AspectRatio.WIDE), per_video=50),)
    wanted = asked(VideoSpec(prompt="x", aspect_ratio=AspectRatio.SQUARE), policy=RoutingPolicy(rules=rules))

    found = remedy_of(wanted, fact("a-1", 100))

    assert found is not None
    assert [change.field for change in found.changes] == ["aspect_ratio", "tenant.routing.max_cost"]


def test_what_would_take_more_than_a_day_can_not_be_asked_for():
    wanted = asked(routing=RoutingWish(deadline_seconds=1))

    assert remedy_of(wanted, fact("a-1", fast_ms=86_400_001)) is None
    assert remedy_of(wanted, fact("a-1", fast_ms=86_400_000)) is not None


def test_what_costs_more_than_any_cap_can_say_can_not_be_asked_for():
    assert remedy_of(asked(routing=RoutingWish(max_cost_micros=5)), fact("a-1", 10**15, rates=Flat(2, 2))) is None


# properties


def standing_of(wanted: Asked) -> Circumstances:
    """What a deadline means, as the doors count it."""
    seconds = wanted.routing.deadline_seconds
    return Circumstances(ends_by=None if seconds is None else NOW + seconds * 1000)


def decision_of(wanted: Asked, *facts: AccountFacts) -> Decision:
    wish = overlay(wanted.routing, wanted.policy, wanted.funding, spec=wanted.spec)
    return decide(wanted.spec, wish, seen(*facts), standing_of(wanted))


def remedy_of(wanted: Asked, *facts: AccountFacts) -> Remedy | None:
    return remedy(wanted, seen(*facts), standing_of(wanted))


def changed(wanted: Asked, account: AccountFacts, change: Change) -> tuple[Asked, AccountFacts]:
    """What a person would make of one change: written for this test alone, field by field."""
    spec, routing, policy, funding = wanted.spec, wanted.routing, wanted.policy, wanted.funding
    to = change.to
    match change.field:
        case "prompt":
            spec = replace(spec, prompt=spec.prompt[: int(to or 0)])
        case "input_reference":
            spec = replace(spec, image_url=None)
        case "model" | "seconds":
            spec = replace(spec, **{change.field: to})
        case "aspect_ratio":
            spec = replace(spec, aspect_ratio=None if to is None else AspectRatio(str(to)))
        case "quality":
            spec = replace(spec, quality=None if to is None else Quality(str(to)))
        case "gateway.only":
            routing = replace(routing, only=(str(to),))
        case "gateway.exclude":
            routing = replace(routing, exclude=())
        case "gateway.on_unsupported":
            routing = replace(routing, on_unsupported=OnUnsupported(str(to)))
        case "gateway.deadline_seconds":
            routing = replace(routing, deadline_seconds=int(to or 0))
        case "gateway.max_cost":
            routing = replace(routing, max_cost_micros=None if to is None else parse_micros(str(to)))
        case "tenant.routing":
            assert to == account.account
            rules = tuple(replace(rule, only=(), exclude=()) for rule in policy.rules)
            policy = replace(policy, only=(), exclude=(), rules=rules)
        case "tenant.routing.max_cost":
            cap = parse_micros(str(to))
            rules = tuple(replace(rule, per_video=cap) for rule in policy.rules)
            policy = replace(policy, per_video=cap, rules=rules)
        case "tenant.funding.per_video":
            funding = replace(funding, per_video=parse_micros(str(to)))
        case "accounts.price_per_credit":
            account = replace(account, known=replace(account.known, price_per_credit=0))
        case unheard_of:
            raise AssertionError(unheard_of)
    return Asked(spec=spec, routing=routing, policy=policy, funding=funding), account


def lasting(candidate: Candidate) -> list[ReasonCode]:
    return [reason.code for reason in candidate.excluded if reason.code not in PASSING]


@given(specs, asked_routings, policies, fundings, worlds)
def test_who_makes_the_changes_of_a_remedy_finds_its_account_able(spec, routing, policy, funding, world):
    wanted = Asked(spec=spec, routing=routing, policy=policy, funding=funding)
    decision = decision_of(wanted, *world)
    found = remedy_of(wanted, *world)
    if decision.hopeful is not None or found is None:
        return

    account = next(one for one in world if one.account == found.account)
    for change in found.changes:
        wanted, account = changed(wanted, account, change)
    after = decision_of(wanted, account)

    assert after.chosen is not None, after.candidates
    assert len({change.field for change in found.changes}) == len(found.changes)


@given(specs, asked_routings, policies, fundings, worlds)
def test_when_nobody_can_something_nearly_always_helps(spec, routing, policy, funding, world):
    wanted = Asked(spec=spec, routing=routing, policy=policy, funding=funding)
    decision = decision_of(wanted, *world)

    if world and decision.hopeful is None and remedy_of(wanted, *world) is None:
        assert all(ReasonCode.TOO_SLOW in lasting(candidate) for candidate in decision.candidates)


@given(specs, asked_routings, policies, fundings, worlds)
def test_a_remedy_survives_being_written_and_read(spec, routing, policy, funding, world):
    found = remedy_of(Asked(spec=spec, routing=routing, policy=policy, funding=funding), *world)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Remedy | None) == found


def test_standing_reasons_need_no_remedy():
    crowded = fact("a-1", standing=(Exclusion(ReasonCode.AT_CAPACITY),))

    assert remedy_of(asked(), crowded) is None
