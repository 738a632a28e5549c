"""What operators read on a terminal about tenants' policies."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.cli.output import columns
from gateway.cli.policy_wire import Choice, Difference, PolicyPage, PolicyVersion, Replay, Tenant, Totals
from gateway.cli.views import moment
from schema.money import CURRENCY, format_micros

_SHOWN = 20
"""Videos that a table lists one by one; -o json has all of them."""


def policy_view(tenant: Tenant) -> str:
    stamp = tenant.policy
    rows = (
        ("tenant", tenant.id),
        ("version", str(stamp.version)),
        ("since", moment(stamp.created_at) or ""),
        ("by", stamp.author),
        ("note", stamp.note),
        ("managed by", tenant.managed_by),
        *_fields(tenant.routing),
    )
    return columns((name, value) for name, value in rows if value)


def _fields(routing: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in routing.items():
        if name == "rules":
            yield from ((f"rule {number}", _rule(rule)) for number, rule in enumerate(value, 1))
        elif name == "weights":
            yield name, ", ".join(f"{part} {share:g}" for part, share in value.items())
        else:
            yield name, _word(value)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _rule(rule: dict[str, Any]) -> str:
    when = {name: value for name, value in rule.get("when", {}).items() if value is not None}
    rest = {name: value for name, value in rule.items() if name != "when" and value not in (None, [])}
    told = (f"{name} {_word(value) if not isinstance(value, bool) else _json(value)}" for name, value in when.items())
    return f"{', '.join(told) or 'always'}: " + "; ".join(f"{name} {_word(value)}" for name, value in rest.items())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def history_view(page: PolicyPage) -> str:
    return columns([("VERSION", "SINCE", "BY", "STRATEGY", "NOTE"), *map(_version, page.data)])


def _version(version: PolicyVersion) -> tuple[str, ...]:
    since = moment(version.created_at) or "-"
    return str(version.version), since, version.author, str(version.routing.get("strategy", "-")), version.note


def replay_view(replay: Replay) -> str:
    skipped = ", ".join(f"{count} {name}" for name, count in replay.skipped.items() if count)
    rows = [
        ("videos", f"{replay.considered} considered, {replay.same} the same, {replay.changed} changed"),
        ("skipped", skipped),
        ("nobody", _gone("could", replay.nobody_before, replay.nobody_after)),
        ("cost", _figures(replay.cost_micros, _money)),
        ("time", _figures(replay.time_ms, _seconds)),
    ]
    lines = [columns((name, value) for name, value in rows if value)]
    if replay.moves:
        moves = [(_who(one.before), _who(one.after), str(one.count)) for one in replay.moves]
        lines += ["", columns([("FROM", "TO", "VIDEOS"), *moves])]
    if replay.differences:
        head = ("VIDEO", "FROM", "TO", "COST", "TIME")
        lines += ["", columns([head, *map(_difference, replay.differences[:_SHOWN])])]
    if len(replay.differences) > _SHOWN:
        lines.append(f"and {len(replay.differences) - _SHOWN} more: -o json")
    return "\n".join(lines)


def _gone(word: str, before: int, after: int) -> str:
    return f"{word} make {before} before, {after} after" if before or after else ""


def _figures(totals: Totals, say: Callable[[int], str]) -> str:
    if totals.before is None or totals.after is None or totals.difference is None:
        return ""
    sign = "+" if totals.difference > 0 else ""
    change = f"{sign}{say(totals.difference)}"
    return f"{say(totals.before)} before, {say(totals.after)} after ({change}, of {totals.counted} videos)"


def _difference(one: Difference) -> tuple[str, ...]:
    return (
        one.video_id,
        _who(one.before.account),
        _who(one.after.account),
        f"{_cost(one.before)} > {_cost(one.after)}",
        f"{_time(one.before)} > {_time(one.after)}",
    )


def _cost(choice: Choice) -> str:
    return "-" if choice.cost_micros is None else format_micros(choice.cost_micros)


def _time(choice: Choice) -> str:
    return "-" if choice.time_ms is None else _seconds(choice.time_ms)


def _who(account: str | None) -> str:
    return account or "nobody"


def _money(micros: int) -> str:
    return f"{format_micros(micros)} {CURRENCY}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"
