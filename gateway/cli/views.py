"""Videos, lists of them and decisions, as people read them on a terminal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from gateway.cli.output import columns
from gateway.cli.reasons import reason_words, remedy_words
from gateway.cli.wire import Candidate, Cost, ExtraOutput, Page, Progress, Route, Video
from schema.money import CreditRange, MicrosRange, format_micros
from schema.quote import PASSING
from schema.video import Adjustment

_PROMPT_WIDTH = 48


def video_view(video: Video) -> str:
    """One fact a line; facts that are not known are left out."""
    facts = video.gateway
    rows = (
        ("id", video.id),
        ("status", video.status + (f" ({facts.substate})" if facts.substate else "")),
        ("progress", f"{video.progress}%"),
        ("error", f"{video.error.code}: {video.error.message}" if video.error else None),
        ("queue", f"place {facts.queue_position}" if facts.queue_position is not None else None),
        ("left", f"about {facts.eta_seconds:.0f} s" if facts.eta_seconds is not None else None),
        ("made by", f"{facts.account} ({facts.provider})" if facts.account else None),
        ("model", video.model),
        ("prompt", video.prompt),
        ("seconds", video.seconds),
        ("aspect", video.aspect_ratio),
        ("size", video.size),
        ("quality", video.quality),
        ("adjusted", _adjusted(facts.adjustments) or None),
        ("cost", _cost(facts.cost) if facts.cost else None),
        ("billing", _may_still_cost(facts)),
        ("credits", str(facts.credits) if facts.credits is not None else None),
        ("created", moment(video.created_at)),
        ("completed" if video.status == "completed" else "ended", moment(video.completed_at)),
        ("expires", moment(video.expires_at)),
        *(("extra", _extra(output)) for output in facts.extra_outputs),
    )
    return columns((name, value) for name, value in rows if value)


def page_view(page: Page) -> str:
    return videos_view(page.data)


def videos_view(videos: Iterable[Video]) -> str:
    """One video a line."""
    head = ("ID", "STATUS", "PROGRESS", "MADE BY", "CREATED", "PROMPT")
    return columns([head, *map(_row, videos)])


def route_view(route: Route) -> str:
    """Every account, best first, with what it would cost; then why each won, was outranked or could not."""
    head = ("", "ACCOUNT", "PROVIDER", "CREDITS", "PRICE", "EXPECTED", "VERDICT")
    rows = [_candidate(place, candidate) for place, candidate in enumerate(route.candidates, start=1)]
    rule = None if route.rule is None else f"rule {route.rule}"
    policy = None if route.policy is None else f"policy version {route.policy}"
    by = ", ".join(filter(None, (route.strategy, rule, policy)))
    why = [line for candidate in route.candidates for line in _why(candidate)]
    parts = (
        f"{by}, decided {moment(route.at // 1000)}",
        columns([head, *rows]),
        columns(why) if why else None,
        "\n".join(remedy_words(route.remedy)) if route.remedy else None,
    )
    return "\n\n".join(filter(None, parts))


def moment(seconds: int | None) -> str | None:
    """Seconds since the epoch as a date and time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if seconds is not None else None


def _row(video: Video) -> tuple[str, ...]:
    prompt = video.prompt or ""
    short = prompt if len(prompt) <= _PROMPT_WIDTH else prompt[: _PROMPT_WIDTH - 1] + "…"
    created = moment(video.created_at) or "-"
    return (video.id, video.status, f"{video.progress}%", video.gateway.account or "-", created, short)


def _candidate(place: int, candidate: Candidate) -> tuple[str, ...]:
    price = money_range(candidate.price) if candidate.price else "unknown"
    expected = "unknown" if candidate.expected is None else format_micros(candidate.expected)
    cost = (_credit_range(candidate.credits), price, expected)
    return (str(place), candidate.account, candidate.provider, *cost, _verdict(place, candidate))


def _verdict(place: int, candidate: Candidate) -> str:
    if not candidate.excluded:
        return "chosen" if place == 1 else "next"
    return "not now" if all(reason.code in PASSING for reason in candidate.excluded) else "no"


def _why(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """What there is to say of an account, a line each, its name before the first."""
    reasons = [*candidate.excluded, *([candidate.outranked] if candidate.outranked else [])]
    bent = _adjusted(candidate.adjustments)
    told = [*map(reason_words, reasons), *([f"would make it with {bent}"] if bent else [])]
    for place, words in enumerate(told):
        yield (candidate.account if place == 0 else "", words)


def _adjusted(adjustments: Iterable[Adjustment]) -> str:
    return ", ".join(f"{one.field} {one.asked} → {one.given}" for one in adjustments)


def _cost(cost: Cost) -> str | None:
    parts = (("charged", cost.charged_micros), ("held", cost.held_micros), ("quoted", cost.quoted_micros))
    known = [f"{word} {format_micros(amount)}" for word, amount in parts if amount is not None]
    return ", ".join(known) + (f" {cost.currency}" if cost.currency else "") if known else None


def _may_still_cost(facts: Progress) -> str | None:
    if not facts.provider_may_still_bill or facts.cost is None or facts.cost.held_micros is None:
        return None
    amount = f"{format_micros(facts.cost.held_micros)} {facts.cost.currency or ''}".rstrip()
    return f"may still cost up to {amount}: the provider has it"


def _extra(output: ExtraOutput) -> str:
    """A file that came too late, by the name that downloads it."""
    when = moment(output.created_at)
    return f"{output.attempt}, {output.size:,} bytes" + (f", {when}" if when else "")


def _credit_range(credits: CreditRange) -> str:
    return _range(str(credits.low), str(credits.high))


def money_range(price: MicrosRange) -> str:
    """``0.10-0.20``, or one amount."""
    return _range(format_micros(price.low), format_micros(price.high))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}-{high}"
