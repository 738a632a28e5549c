"""What a wish, its tenant's terms and one account would be after a change: how a remedy is tried before it is told."""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from gateway.policy.routing import AccountFacts, Circumstances
from schema.clock import Millis, millis
from schema.money import Micros, parse_micros
from schema.tenant import Funding, RoutingPolicy, Rule
from schema.video import AspectRatio, OnUnsupported, Quality, RoutingWish, VideoSpec

To = str | int | None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides whether one account may make one video."""

    spec: VideoSpec
    routing: RoutingWish
    policy: RoutingPolicy
    funding: Funding
    facts: AccountFacts
    at: Millis
    standing: Circumstances


def _image(case: Case, _: To) -> Case:
    return replace(case, spec=replace(case.spec, image_url=None, image=None))


def _model(case: Case, to: To) -> Case:
    return replace(case, spec=replace(case.spec, model=str(to)))


def _aspect_ratio(case: Case, to: To) -> Case:
    return replace(case, spec=replace(case.spec, aspect_ratio=None if to is None else AspectRatio(str(to))))


def _seconds(case: Case, to: To) -> Case:
    return replace(case, spec=replace(case.spec, seconds=None if to is None else int(to)))


def _quality(case: Case, to: To) -> Case:
    return replace(case, spec=replace(case.spec, quality=Quality(str(to))))


def _prompt(case: Case, to: To) -> Case:
    return replace(case, spec=replace(case.spec, prompt=case.spec.prompt[: int(to or 0)]))


def _only(case: Case, to: To) -> Case:
    return replace(case, routing=replace(case.routing, only=(str(to),)))


def _exclude(case: Case, _: To) -> Case:
    return replace(case, routing=replace(case.routing, exclude=()))


def _on_unsupported(case: Case, to: To) -> Case:
    return replace(case, routing=replace(case.routing, on_unsupported=OnUnsupported(str(to))))


def _max_cost(case: Case, to: To) -> Case:
    return replace(case, routing=replace(case.routing, max_cost_micros=None if to is None else parse_micros(str(to))))


def _deadline(case: Case, to: To) -> Case:
    ends_by = case.at + millis(float(to or 0))
    return replace(case, standing=replace(case.standing, ends_by=ends_by))


def _tenant_routing(case: Case, to: To) -> Case:
    """The policy lets the account in, and so does each of its rules."""
    names = {str(to), case.facts.provider}
    rules = tuple(_admitting(rule, str(to), names) for rule in case.policy.rules)
    return replace(case, policy=_admitting(replace(case.policy, rules=rules), str(to), names))


def _admitting(lists: RoutingPolicy | Rule, account: str, names: set[str]) -> "RoutingPolicy | Rule":
    only = (*lists.only, account) if lists.only else ()
    return replace(lists, only=only, exclude=tuple(name for name in lists.exclude if name not in names))


def _tenant_max_cost(case: Case, to: To) -> Case:
    """The policy's cap is raised, and so is each of its rules'."""
    cap = parse_micros(str(to))
    rules = tuple(replace(rule, per_video=_raised(rule.per_video, cap)) for rule in case.policy.rules)
    return replace(case, policy=replace(case.policy, per_video=_raised(case.policy.per_video, cap), rules=rules))


def _raised(cap: Micros | None, to: Micros) -> Micros | None:
    return None if cap is None else max(cap, to)


def _tenant_per_video(case: Case, to: To) -> Case:
    return replace(case, funding=replace(case.funding, per_video=parse_micros(str(to))))


def _price(case: Case, _: To) -> Case:
    """The operator sets a price, which may be any: one that no cap minds."""
    return replace(case, facts=replace(case.facts, known=replace(case.facts.known, price_per_credit=0)))


AMENDS: dict[str, Callable[[Case, To], Case]] = {
    "model": _model,
    "aspect_ratio": _aspect_ratio,
    "seconds": _seconds,
    "quality": _quality,
    "input_reference": _image,
    "prompt": _prompt,
    "gateway.only": _only,
    "gateway.exclude": _exclude,
    "gateway.on_unsupported": _on_unsupported,
    "gateway.max_cost": _max_cost,
    "gateway.deadline_seconds": _deadline,
    "tenant.routing": _tenant_routing,
    "tenant.routing.max_cost": _tenant_max_cost,
    "tenant.funding.per_video": _tenant_per_video,
    "accounts.price_per_credit": _price,
}
"""By the field of a change, as REST and the settings file spell it."""
