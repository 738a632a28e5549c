"""A decision's codes in words: why an account was left out or outranked, and what to change when nobody can.

The words live here alone; the gateway tells codes and parameters, at both doors the same (docs/routing.md).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from gateway.cli.wire import Change, Reason, Remedy
from schema.money import format_micros
from schema.quote import ReasonCode
from schema.remedy import Party

WORDS: dict[str, tuple[str, ...]] = {
    ReasonCode.OTHER_MODEL: ("makes {able}, not {asked}",),
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: ("can be told {able}, not {asked}",),
    ReasonCode.UNSUPPORTED_DURATION: ("can not be told {asked} s: {able}",),
    ReasonCode.UNSUPPORTED_QUALITY: ("makes {able} quality, not {asked}",),
    ReasonCode.NO_IMAGE_INPUT: ("can not start from a picture",),
    ReasonCode.IMAGE_TOO_LARGE: ("takes pictures of {able} bytes, not {asked}",),
    ReasonCode.PROMPT_TOO_LONG: ("takes prompts of {able} characters, not {asked}",),
    ReasonCode.NOT_IN_ONLY: ("is not among those you want: {only}",),
    ReasonCode.EXCLUDED: ("is one you do not want",),
    ReasonCode.NOT_ALLOWED: ("is not allowed by the tenant's routing",),
    ReasonCode.PRICE_UNKNOWN: ("has no price, and no more than {max_cost_micros} may be spent", "has no price"),
    ReasonCode.OVER_MAX_COST: ("may cost {cost_micros}, more than {max_cost_micros}",),
    ReasonCode.TOO_SLOW: ("takes {fastest_ms} at best, and {left_ms} are left",),
    ReasonCode.ALREADY_REFUSED: ("was asked, and can not make it",),
    ReasonCode.CIRCUIT_OPEN: ("failed {failures} times running, and is left alone", "fails, and is left alone"),
    ReasonCode.RATE_LIMITED: ("said that it is asked too often",),
    ReasonCode.BUSY: ("said that it is busy",),
    ReasonCode.OUT_OF_CREDITS: ("has {left} credits left, and may need {needed}", "has no credits left"),
    ReasonCode.UNAUTHORIZED: ("does not take our credential",),
    ReasonCode.AT_CAPACITY: ("has no room: {running} of {limit} in the making", "has no room"),
    ReasonCode.MINUTE_QUOTA_EXHAUSTED: ("has used up its {limit} requests a minute", "has used up its minute"),
    ReasonCode.DAILY_QUOTA_EXHAUSTED: ("has used up its {limit} of the day", "has used up its day"),
    ReasonCode.PAUSED: ("was paused by its operator",),
    ReasonCode.OVER_BUDGET: ("may cost {cost_micros}, and there is {affordable_micros}",),
    ReasonCode.TENANT_AT_CAPACITY: ("waits: your tenant has {running} of {limit} videos in the making",),
    ReasonCode.RETRIES_USED_UP: ("has no retries left, after {tries}",),
    ReasonCode.WAITS_FOR_BETTER: ("has room, but {account} is better and worth waiting for",),
    ReasonCode.TRIED_BEFORE: ("was tried before: {tries} times, {than} {than_tries}",),
    ReasonCode.NOT_PREFERRED: ("is not preferred by the tenant's rule, as {than} is",),
    ReasonCode.DEARER: (
        "is dearer than {than}: probably {micros}, not {than_micros}",
        "may become dearer than {than}: {top_micros}, not {than_top_micros}",
        "is dearer than {than}, as far as we know",
    ),
    ReasonCode.SLOWER: ("is slower than {than}: about {ms}, not {than_ms}",),
    ReasonCode.LESS_RELIABLE: ("fails more often than {than}: {failures_ppm}, not {than_failures_ppm}",),
    ReasonCode.LOWER_SCORE: ("scores less than {than}: {score_ppm}, not {than_score_ppm}", "scores less than {than}"),
    ReasonCode.LATER_IN_ORDER: ("stands behind {than} in the tenant's order",),
    ReasonCode.BUSIER: ("is busier than {than}: {load} in the making, not {than_load}",),
    ReasonCode.LATER_NAME: ("is as good as {than}: the name decides",),
}
"""For each code sentences without their subject, the account; the first whose parameters are there is said."""

_OPTIONS = {
    "model": "--model",
    "aspect_ratio": "--aspect",
    "seconds": "--seconds",
    "quality": "--quality",
    "input_reference": "--image",
    "gateway.only": "--only",
    "gateway.exclude": "--exclude",
    "gateway.on_unsupported": "--on-unsupported",
    "gateway.max_cost": "--max-cost",
    "gateway.deadline_seconds": "--deadline",
}
"""How the command line calls a field that the caller can change."""


def reason_words(reason: Reason) -> str:
    """One reason as a sentence without its subject, with its code, which docs/routing.md explains."""
    told = {name: _value(name, value) for name, value in reason.params.items()}
    said = next((words.format(**told) for words in WORDS.get(reason.code, ()) if _names(words) <= set(told)), None)
    facts = said or ", ".join(f"{name} {value}" for name, value in told.items())
    until = f", until {_moment(reason.until)}" if reason.until is not None else ""
    return f"{facts}{until} ({reason.code})" if facts or until else reason.code


def remedy_words(remedy: Remedy) -> Iterator[str]:
    """Who could make it, and what to change for that, a line each."""
    yield f"{remedy.account} could make it:"
    for change in remedy.changes:
        yield f"  {_change(change)}"


def _change(change: Change) -> str:
    option = _OPTIONS.get(change.field)
    if change.field == "prompt":
        return f"with a prompt of {change.to} characters at most"
    if option is not None:
        return f"without {option}" if change.to is None else f"with {option} {change.to}"
    told = "set" if change.to is None else change.to
    if change.field == "tenant.routing":
        return f"when your tenant's routing allows {told}"
    who = "your tenant" if change.by == Party.TENANT else f"the {change.by}"
    return f"when {who} changes {change.field}: {told}"


def _names(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def _value(name: str, value: Any) -> str:
    if not isinstance(value, int):
        return str(value)
    if name.endswith("micros"):
        return format_micros(value)
    if name.endswith("ms"):
        return f"{value / 1000:g} s"
    if name.endswith("failures_ppm"):
        return f"{value / 10_000:.1f} %"
    return f"{value / 1_000_000:.3f}" if name.endswith("_ppm") else str(value)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
