"""What operators read on a terminal: unknown attempts, resolutions, entries, incidents."""

from gateway.cli.admin_wire import Incident, IncidentPage, OperatorEntry, Resolution, UnknownAttempt, UnknownAttemptPage
from gateway.cli.output import columns
from gateway.cli.views import moment
from gateway.cli.wire import Balance
from schema.money import format_micros

_PROMPT_WIDTH = 40


def unknown_view(page: UnknownAttemptPage) -> str:
    head = ("ID", "ACCOUNT", "TENANT", "VIDEO", "SENT", "AGE", "CREDITS", "MONEY", "REASON", "REF", "PROMPT")
    return columns([head, *map(_unknown, page.data)])


def resolution_view(resolution: Resolution) -> str:
    rows = (
        ("id", resolution.id),
        ("verb", resolution.verb),
        ("attempt", resolution.attempt),
        ("video", resolution.video),
        ("tenant", resolution.tenant),
        ("account", resolution.account),
        ("ref", resolution.ref),
        ("credits", None if resolution.credits is None else str(resolution.credits)),
        ("by", resolution.actor),
        ("note", resolution.note),
    )
    return columns((name, value) for name, value in rows if value)


def entry_view(entry: OperatorEntry, balance: Balance | None) -> str:
    """What was booked, and what the tenant has now, if that is known."""
    now = None if balance is None else balance.balance_micros
    rows = (
        ("id", entry.id),
        ("kind", entry.kind),
        ("tenant", entry.tenant),
        ("amount", f"{format_micros(entry.amount_micros)} {entry.currency}"),
        ("balance", None if now is None else f"{format_micros(now)} {entry.currency}"),
        ("by", entry.actor),
        ("note", entry.note),
    )
    return columns((name, value) for name, value in rows if value)


def incident_view(page: IncidentPage) -> str:
    head = ("ID", "KIND", "WHEN", "TENANT", "ACCOUNT", "ATTEMPT", "FACTS")
    return columns([head, *map(_incident, page.data)])


def _unknown(attempt: UnknownAttempt) -> tuple[str, ...]:
    return (
        attempt.id,
        attempt.account,
        attempt.tenant,
        attempt.video_status,
        moment(attempt.started_at) or "-",
        _age(attempt.age_seconds),
        str(attempt.credits),
        "-" if attempt.micros is None else format_micros(attempt.micros),
        "-" if attempt.reason is None else attempt.reason.code,
        attempt.provider_ref or "-",
        attempt.prompt[:_PROMPT_WIDTH],
    )


def _incident(incident: Incident) -> tuple[str, ...]:
    facts = ", ".join(f"{name} {value}" for name, value in incident.data.items())
    when, whose = moment(incident.created_at) or "-", incident.tenant or "-"
    return (incident.id, incident.kind, when, whose, incident.account or "-", incident.attempt or "-", facts)


def _age(seconds: int) -> str:
    """``45s``, ``12m``, ``3h``, ``2d``."""
    for length, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length}{letter}"
    return f"{seconds}s"
