"""Changes of a routing policy, as callers write them, laid over the policy there is: every mistake is named at once."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec

from schema.errors import FieldError, InvalidRequest
from schema.policy import WrittenRouting, WrittenRule, WrittenWeights, WrittenWhen
from schema.tenant import RoutingPolicy, Rule
from schema.video import invalid

_INSIDE: dict[type[msgspec.Struct], dict[str, type[msgspec.Struct]]] = {
    WrittenRouting: {"weights": WrittenWeights},
    WrittenRule: {"when": WrittenWhen},
}
"""Objects inside an object: their fields are judged one by one as well."""

_MAX_NAME = 64
_MAX_ERRORS = 100
_DEEPEST = 3
"""``rules``, one of them, its ``when``."""


def patched(policy: RoutingPolicy, changes: Any, known: Collection[str]) -> RoutingPolicy:
    """The policy after a JSON merge patch (RFC 7396): null gives a field its default, a list is replaced whole.

    Args:
        known: the accounts and providers that may be named; what the policy names already may stay.

    Raises:
        InvalidRequest: every field that is unknown, of a wrong type or out of range, and every name of nobody.
    """
    before = msgspec.to_builtins(WrittenRouting.of(policy))
    merged = _merged(before, changes) if isinstance(changes, dict) else changes
    _refuse(_routing_errors(merged))
    after = msgspec.convert(merged, WrittenRouting).policy()
    _refuse([*_senseless(after), *strangers(after, {*known, *named(policy)})])
    return after


def checked_names(policy: RoutingPolicy, before: RoutingPolicy, known: Collection[str]) -> None:
    """Raises InvalidRequest when a policy that takes another's place names somebody whom nobody knows any more."""
    _refuse(list(strangers(policy, {*known, *named(before)})))


def named(policy: RoutingPolicy) -> set[str]:
    """Every account and provider a policy names."""
    return {name for _, names in _lists(policy) for name in names}


def strangers(policy: RoutingPolicy, known: Collection[str]) -> Iterator[FieldError]:
    """Names in a policy that are nobody's."""
    for field, names in _lists(policy):
        for position, name in enumerate(names):
            if name not in known:
                detail = f"{name!r} is not a known account or provider; {_suggestion(name, known)}"
                yield FieldError(f"routing.{field}[{position}]", "unknown_name", detail)


def _lists(policy: RoutingPolicy) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from (("order", policy.order), ("only", policy.only), ("exclude", policy.exclude))
    for number, rule in enumerate(policy.rules):
        for field, names in _rule_lists(rule):
            yield f"rules[{number}].{field}", names


def _rule_lists(rule: Rule) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("prefer", rule.prefer), ("only", rule.only), ("exclude", rule.exclude)


def _suggestion(name: str, known: Collection[str]) -> str:
    """The nearest known name, and all of them while they are few."""
    near = get_close_matches(name, known, 1, 0.6)
    there_are = ", ".join(sorted(known))
    parts = [f"did you mean {near[0]!r}?"] if near else []
    if len(there_are) <= 200:
        parts.append(f"there are: {there_are}")
    return " ".join(parts) or "look at GET /v1/models"


def _merged(before: dict[str, Any], changes: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """What is nested deeper than any policy stays as it is, to be refused."""
    after = dict(before)
    for name, value in changes.items():
        inside = after.pop(name, None)
        if isinstance(value, dict) and depth < _DEEPEST:
            after[name] = _merged(inside if isinstance(inside, dict) else {}, value, depth + 1)
        elif isinstance(value, list) and depth < _DEEPEST:
            after[name] = [_merged({}, one, depth + 1) if isinstance(one, dict) else one for one in value]
        elif value is not None:
            after[name] = value
    return after


def _routing_errors(raw: Any) -> list[FieldError]:
    if not isinstance(raw, dict):
        return [FieldError("routing", "invalid_value", "must be an object")]
    errors = _errors({name: value for name, value in raw.items() if name != "rules"}, WrittenRouting, "routing")
    rules = raw.get("rules", [])
    if not isinstance(rules, list | tuple):
        return [*errors, FieldError("routing.rules", "invalid_value", "must be a list of rules")]
    for number, rule in enumerate(rules):
        errors.extend(_errors(rule, WrittenRule, f"routing.rules[{number}]"))
        if len(errors) >= _MAX_ERRORS:
            break
    return errors or _whole(raw)


def _whole(raw: dict[str, Any]) -> list[FieldError]:
    """What only shows when nothing else is wrong: more rules than there may be."""
    try:
        msgspec.convert(raw, WrittenRouting, strict=True)
    except msgspec.ValidationError as error:
        return list(invalid(error, "routing.").errors)
    return []


def _errors(raw: Any, kind: type[msgspec.Struct], place: str) -> list[FieldError]:
    """What is wrong with each of an object's fields."""
    if not isinstance(raw, dict):
        return [FieldError(place, "invalid_value", "must be an object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found: list[FieldError] = []
    for name, value in raw.items():
        here = f"{place}.{name[:_MAX_NAME]}"
        if name not in fields:
            detail = f"is not a known field; the fields are {', '.join(fields)}"
            found.append(FieldError(here, "unknown_field", detail))
        elif inside := _INSIDE.get(kind, {}).get(name):
            found.extend(_errors(value, inside, here))
        else:
            found.extend(_field_errors(value, fields[name].type, here))
    return found


def _field_errors(value: Any, kind: Any, place: str) -> tuple[FieldError, ...]:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        return invalid(error, place).errors
    return ()


def _senseless(policy: RoutingPolicy) -> Iterator[FieldError]:
    """Values that are right alone and do not go together."""
    weights = policy.weights
    if not (weights.price or weights.speed or weights.reliability):
        yield FieldError("routing.weights", "invalid_value", "are all 0, so nothing would count; give one of them more")
    for number, rule in enumerate(policy.rules):
        shortest, longest = rule.when.min_seconds, rule.when.max_seconds
        if shortest is not None and longest is not None and shortest > longest:
            detail = f"is more than max_seconds {longest}, so the rule never holds"
            yield FieldError(f"routing.rules[{number}].when.min_seconds", "invalid_value", detail)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        first = errors[0]
        raise InvalidRequest(f"{first.field}: {first.detail}", errors=tuple(errors[:_MAX_ERRORS]))
