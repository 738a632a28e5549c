"""Who would make a wish now: the decision behind every accepted video, and behind every quote."""

from typing import Any

from msgspec.structs import replace

from gateway.policy.remedy import Asked, remedy
from gateway.policy.routing import Circumstances, Snapshot, decide, overlay
from gateway.services.accounts import Accounts
from gateway.services.policies import Policies
from schema.clock import Millis, millis
from schema.errors import FieldError, InvalidRequest, NoRoute
from schema.money import Micros, format_money
from schema.quote import PASSING, Candidate, Decision, Exclusion, ReasonCode
from schema.remedy import Change, Party, Remedy
from schema.tenant import Tenant
from schema.video import ANY_MODEL, RoutingWish, VideoSpec

_FIELDS = {
    ReasonCode.OTHER_MODEL: "model",
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: "aspect_ratio",
    ReasonCode.UNSUPPORTED_DURATION: "seconds",
    ReasonCode.UNSUPPORTED_QUALITY: "quality",
    ReasonCode.NO_IMAGE_INPUT: "input_reference",
    ReasonCode.IMAGE_TOO_LARGE: "input_reference",
    ReasonCode.PROMPT_TOO_LONG: "prompt",
    ReasonCode.NOT_IN_ONLY: "gateway.only",
    ReasonCode.EXCLUDED: "gateway.exclude",
    ReasonCode.PRICE_UNKNOWN: "gateway.max_cost",
    ReasonCode.OVER_MAX_COST: "gateway.max_cost",
    ReasonCode.TOO_SLOW: "gateway.deadline_seconds",
}
"""Which field of the wish a reason speaks of."""


MADE = 1_000
"""Decisions that are remembered, of one moment's facts."""


class Decisions:
    def __init__(self, accounts: Accounts, policies: Policies) -> None:
        self._accounts = accounts
        self._policies = policies
        self._made_of: Snapshot | None = None
        self._made: dict[Any, Decision] = {}

    async def decide(
        self, tenant: Tenant, spec: VideoSpec, routing: RoutingWish, now: Millis, *, affordable: Micros | None = None
    ) -> Decision:
        """Everybody ranked; somebody could make it, now or later.

        Args:
            affordable: the most that can be held for it, micros; None for any amount.

        Raises:
            InvalidRequest: nobody has ever heard of the model.
            NoRoute: no account can ever make it; the error names the fields to change.
        """
        tenant, seen = await self.seen(tenant)
        return self.among(seen, tenant, spec, routing, now, affordable=affordable)

    async def seen(self, tenant: Tenant) -> tuple[Tenant, Snapshot]:
        """A tenant with its policy as it is now, and what is known about the accounts it may reach."""
        tenant = await self._policies.fresh(tenant)
        return tenant, await self._accounts.snapshot(tenant.id, tests=tenant.test)

    def among(
        self,
        seen: Snapshot,
        tenant: Tenant,
        spec: VideoSpec,
        routing: RoutingWish,
        now: Millis,
        *,
        affordable: Micros | None = None,
    ) -> Decision:
        """The same for accounts that were seen before. Equal wishes that see the same accounts are decided once."""
        ends_by = None if routing.deadline_seconds is None else now + millis(routing.deadline_seconds)
        if seen is not self._made_of or len(self._made) >= MADE:
            self._made_of, self._made = seen, {}
        alike = (tenant.id, tenant.policy_version, _wordless(spec, seen), routing, affordable, ends_by)
        decision = self._made.get(alike)
        if decision is None:
            standing = Circumstances(affordable=affordable, ends_by=ends_by)
            decision = self._made[alike] = self._decided(seen, tenant, spec, routing, standing)
        return decision

    def _decided(
        self, seen: Snapshot, tenant: Tenant, spec: VideoSpec, routing: RoutingWish, standing: Circumstances
    ) -> Decision:
        wish = overlay(routing, tenant.routing, tenant.funding, spec=spec, version=tenant.policy_version)
        decision = decide(spec, wish, seen, standing)
        if decision.hopeful is None:
            self._check_model(tenant, spec.model)
            asked = Asked(spec=spec, routing=routing, policy=tenant.routing, funding=tenant.funding)
            raise refusal(spec, routing, replace(decision, remedy=remedy(asked, seen, standing)))
        return decision

    def models(self, tenant: Tenant) -> dict[str, list[str]]:
        """Model name → the accounts that serve it for this tenant."""
        models: dict[str, list[str]] = {ANY_MODEL: []}
        for account, provider in self._accounts.reachable(tenant):
            for model in (ANY_MODEL, *provider.capabilities.models):
                models.setdefault(model, []).append(account.id)
        return models

    def _check_model(self, tenant: Tenant, model: str) -> None:
        """A model nobody here has ever heard of is a mistake in one field, and is answered as one."""
        known = self.models(tenant)
        if model not in known:
            detail = f"is not known here; the models are {', '.join(known)}"
            raise InvalidRequest.field("model", "unknown_model", detail)


def _wordless(spec: VideoSpec, seen: Snapshot) -> VideoSpec:
    """A spec without its words, which no decision minds unless they are too many for somebody."""
    too_long = any(len(spec.prompt) > facts.capabilities.max_prompt for facts in seen.accounts)
    return spec if too_long else replace(spec, prompt="")


def refusal(spec: VideoSpec, routing: RoutingWish, decision: Decision) -> NoRoute:
    """Nobody can ever make it: which fields name nobody, and which stand against which account."""
    errors = _unheard_of(routing, decision) + tuple(
        FieldError(_FIELDS.get(reason.code, "body"), reason.code.value, _explain(candidate, reason))
        for candidate in decision.candidates
        for reason in candidate.excluded
        if reason.code not in PASSING
    )
    asked = "" if spec.model == ANY_MODEL else f" with model {spec.model}"
    advice = "see errors for why" if decision.remedy is None else advised(decision.remedy)
    detail = f"No provider account can make this video as asked{asked}; {advice}"
    return NoRoute(detail, errors=errors, remedy=decision.remedy)


def advised(remedy: Remedy) -> str:
    """A remedy as half a sentence: ``studio-main can with seconds 10 and without gateway.exclude``."""
    return f"{remedy.account} can {' and '.join(_said_change(change) for change in remedy.changes)}"


def _said_change(change: Change) -> str:
    match change.by:
        case Party.CALLER if change.to is None:
            return f"without {change.field}"
        case Party.CALLER if change.field == "prompt":
            return f"with a prompt of {change.to} characters"
        case Party.CALLER:
            return f"with {change.field} {change.to}"
        case Party.TENANT if change.field == "tenant.routing":
            return "once your tenant's routing allows it"
        case Party.TENANT:
            return f"once {change.field} is {change.to}"
    return f"once its {change.field.rpartition('.')[2]} is set"


def _unheard_of(routing: RoutingWish, decision: Decision) -> tuple[FieldError, ...]:
    """Names in the wish that nobody has: most likely mistyped."""
    known = {name for candidate in decision.candidates for name in (candidate.account, candidate.provider)}
    return tuple(
        FieldError(_FIELDS[code], code.value, f"no account or provider is called {name}")
        for code, names in ((ReasonCode.NOT_IN_ONLY, routing.only), (ReasonCode.EXCLUDED, routing.exclude))
        for name in names
        if name not in known
    )


def _explain(candidate: Candidate, reason: Exclusion) -> str:
    facts = _said(reason)
    return f"{candidate.account}: {facts}" if facts else candidate.account


def _said(reason: Exclusion) -> str:
    params = reason.params
    if reason.code is ReasonCode.OVER_MAX_COST:
        cost, cap = int(params["cost_micros"]), int(params["max_cost_micros"])
        return f"may cost {format_money(cost)}, more than {format_money(cap)}"
    if reason.code is ReasonCode.PRICE_UNKNOWN:
        return "nobody knows its price"
    return ", ".join(f"{name} {value}" for name, value in params.items())
