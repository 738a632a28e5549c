"""Changes of a routing policy, as callers write them, laid over the policy there is: every mistake is named at once."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec

from schema.errors import FieldError, InvalidRequest
from schema.policy import MAX_RULES, WrittenRouting, WrittenRule, WrittenWeights, WrittenWhen
from schema.tenant import RoutingPolicy
from schema.video import invalid

_INSIDE: dict[str, type[msgspec.Struct]] = {"weights": WrittenWeights, "when": WrittenWhen}
"""Objects inside an object: their fields are judged one by one as well."""

_LISTS = frozenset({"order", "only", "exclude", "prefer"})
_MAX_NAME = 64
_MAX_ERRORS = 100
_MAX_SUGGESTED = 200
_DEEPEST = 3
"""``rules``, one of them, its ``when``."""


def patched(policy: RoutingPolicy, changes: Any, known: Collection[str]) -> RoutingPolicy:
    """The policy after a JSON merge patch (RFC 7396): null gives a field its default, a list is replaced whole.

    Args:
        known: the accounts and providers that may be named; what the policy names already may stay.

    Raises:
        InvalidRequest: every field that is unknown, of a wrong type or out of range, and every name of nobody.
    """
    before = _written(policy)
    after = merged(before, changes) if isinstance(changes, dict) else changes
    _refuse(_Reading(known, spared=_named(before)).routing(after))
    return msgspec.convert(after, WrittenRouting).policy()


def checked_names(policy: RoutingPolicy, before: RoutingPolicy, known: Collection[str]) -> None:
    """Raises InvalidRequest when a policy that takes another's place names somebody whom nobody knows any more."""
    _refuse(_Reading(known, spared=_named(_written(before))).routing(_written(policy)))


def _written(policy: RoutingPolicy) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(WrittenRouting.of(policy)))
    return plain


def _named(written: dict[str, Any]) -> set[str]:
    """Every account and provider a policy names."""
    objects = (written, *written["rules"])
    return {name for one in objects for field in _LISTS for name in one.get(field, ())}


def merged(before: dict[str, Any], changes: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """A document after a JSON merge patch; what is nested deeper than any of ours stays as it is, to be refused."""
    after = dict(before)
    for name, value in changes.items():
        inside = after.pop(name, None)
        if isinstance(value, dict) and depth < _DEEPEST:
            after[name] = merged(inside if isinstance(inside, dict) else {}, value, depth + 1)
        elif isinstance(value, list) and depth < _DEEPEST:
            after[name] = [merged({}, one, depth + 1) if isinstance(one, dict) else one for one in value]
        elif value is not None:
            after[name] = value
    return after


class _Reading:
    """What is wrong with a policy as it is written, place by place."""

    def __init__(self, known: Collection[str], *, spared: Collection[str]) -> None:
        self._known = known
        self._may_stay = {*known, *spared}

    def routing(self, raw: Any) -> list[FieldError]:
        if not isinstance(raw, dict):
            return [FieldError("routing", "invalid_value", "must be an object")]
        plain = {name: value for name, value in raw.items() if name != "rules"}
        found = list(self._object(plain, WrittenRouting, "routing"))
        rules = raw.get("rules", [])
        if not isinstance(rules, list) or len(rules) > MAX_RULES:
            return [
                *found,
                FieldError("routing.rules", "invalid_value", f"must be a list of {MAX_RULES} rules at most"),
            ]
        for number, rule in enumerate(rules):
            found.extend(self._object(rule, WrittenRule, f"routing.rules[{number}]"))
        return found

    def _object(self, raw: Any, kind: type[msgspec.Struct], place: str) -> Iterator[FieldError]:
        if not isinstance(raw, dict):
            yield FieldError(place, "invalid_value", "must be an object")
            return
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        for name, value in raw.items():
            here = f"{place}.{name[:_MAX_NAME]}"
            if name not in fields:
                detail = f"is not a known field; the fields are {', '.join(fields)}"
                yield FieldError(here, "unknown_field", detail)
            elif name in _INSIDE:
                inner = list(self._object(value, _INSIDE[name], here))
                yield from inner or _senseless(msgspec.convert(value, _INSIDE[name]), here)
            else:
                yield from self._field(name, value, fields[name], here)

    def _field(self, name: str, value: Any, kind: Any, place: str) -> Iterator[FieldError]:
        try:
            msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError as error:
            yield from invalid(error, place).errors
            return
        if name in _LISTS:
            yield from self._strangers(value, place)

    def _strangers(self, names: list[str], place: str) -> Iterator[FieldError]:
        """Names in a list that are nobody's."""
        for position, name in enumerate(names):
            if name not in self._may_stay:
                detail = f"{name!r} is not a known account or provider; {self._suggestion(name)}"
                yield FieldError(f"{place}[{position}]", "unknown_name", detail)

    def _suggestion(self, name: str) -> str:
        """The nearest known name, and all of them while they are few."""
        near = get_close_matches(name, self._known, 1, 0.6)
        there_are = ", ".join(sorted(self._known))
        parts = [f"did you mean {near[0]!r}?"] if near else []
        if len(there_are) <= _MAX_SUGGESTED:
            parts.append(f"there are: {there_are}")
        return " ".join(parts) or "see the models for who serves them"


def _senseless(value: Any, place: str) -> Iterator[FieldError]:
    """Values that are right alone and do not go together."""
    match value:
        case WrittenWeights(price=0, speed=0, reliability=0):
            yield FieldError(place, "invalid_value", "are all 0, so nothing would count; give one of them more")
        case WrittenWhen(min_seconds=int(shortest), max_seconds=int(longest)) if shortest > longest:
            detail = f"is more than max_seconds {longest}, so the rule never holds"
            yield FieldError(f"{place}.min_seconds", "invalid_value", detail)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        first = errors[0]
        raise InvalidRequest(f"{first.field}: {first.detail}", errors=tuple(errors[:_MAX_ERRORS]))
