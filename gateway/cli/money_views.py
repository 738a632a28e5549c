"""Quotes, balances and the ledger, as people read them on a terminal."""

from gateway.cli.output import columns
from gateway.cli.views import moment, money_range, route_view
from gateway.cli.wire import Balance, LedgerEntry, LedgerPage, Quote
from schema.money import MicrosRange, format_micros

_NO_LIMIT = "no limit"
_MICROS = "micros"


def quote_view(quote: Quote) -> str:
    """Where it would be made and at what price, then every account."""
    expected = quote.expected_micros
    rows = (
        ("made by", f"{quote.account} ({quote.provider})"),
        ("price", _price(quote)),
        ("expected", f"{format_micros(expected)} {quote.currency}" if expected is not None else None),
        ("quote", quote.id),
        ("expires", moment(quote.expires_at) if quote.id else None),
    )
    return f"{columns((name, value) for name, value in rows if value)}\n\n{route_view(quote.decision)}"


def balance_view(balance: Balance) -> str:
    """One amount a line."""
    available = balance.available_micros
    own = [] if balance.balance_micros is None else [("balance", _money(balance.balance_micros, balance))]
    rows = [
        ("mode", balance.mode),
        *own,
        ("available now", _NO_LIMIT if available is None else _money(available, balance)),
        ("held", _money(balance.held_micros, balance)),
        ("spent", _money(balance.spent_micros, balance)),
    ]
    rows += [
        (f"budget {budget.period}", f"{format_micros(budget.used_micros)} of {_money(budget.limit_micros, balance)}")
        for budget in balance.budgets
    ]
    return columns(rows)


def ledger_view(page: LedgerPage) -> str:
    """An entry a line: what moved, from where to where."""
    head = ("CREATED", "KIND", "AMOUNT", "FROM", "TO", "VIDEO", "NOTE")
    return columns([head, *map(_row, page.data)])


def _row(entry: LedgerEntry) -> tuple[str, ...]:
    amount = sum(posting.amount for posting in entry.postings if posting.amount > 0)
    away = ", ".join(posting.account for posting in entry.postings if posting.amount < 0)
    into = ", ".join(posting.account for posting in entry.postings if posting.amount > 0)
    created = moment(entry.created_at) or "-"
    return (created, entry.kind, format_micros(amount), away, into, entry.video_id or "-", entry.note or "")


def _price(quote: Quote) -> str:
    if quote.low_micros is None or quote.high_micros is None:
        return "unknown"
    return f"{money_range(MicrosRange(quote.low_micros, quote.high_micros))} {quote.currency}"


def _money(amount: int, balance: Balance) -> str:
    return f"{format_micros(amount)} {balance.currency}"
