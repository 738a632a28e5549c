"""What people read on a terminal about deliveries."""

from gateway.cli.delivery_wire import Delivery, DeliveryPage, Tested, Try, WholeDelivery
from gateway.cli.output import columns, plain
from gateway.cli.views import moment


def delivery_view(one: WholeDelivery) -> str:
    """One fact a line, then one try a line."""
    rows = (
        ("id", one.id),
        ("endpoint", one.webhook_endpoint_id),
        ("video", one.video_id),
        ("event", f"{one.event_type} {one.event_id}"),
        ("state", one.state),
        ("told of", moment(one.created_at)),
        ("ended", moment(one.ended_at)),
        ("next try", moment(one.next_try_at)),
    )
    facts = columns((name, value) for name, value in rows if value)
    return "\n".join([facts, *([columns(map(_try, one.log))] if one.log else [])])


def _try(one: Try) -> tuple[str, ...]:
    said = one.error or "delivered"
    return f"#{one.n}", moment(one.at) or "", f"{one.took_ms} ms", str(one.status_code or "-"), said, one.answer or ""


def deliveries_view(page: DeliveryPage) -> str:
    """One delivery a line."""
    return columns([("ID", "EVENT", "VIDEO", "STATE", "TRIES", "TOLD OF", "NEXT TRY"), *map(_row, page.data)])


def _row(one: Delivery) -> tuple[str, ...]:
    told_of, following = moment(one.created_at) or "", moment(one.next_try_at) or "-"
    return one.id, one.event_type, one.video_id or "-", one.state, str(one.tries), told_of, following


def tested_line(one: Tested) -> str:
    """How it went, in one line."""
    answered = "no answer" if one.status_code is None else f"HTTP {one.status_code}"
    return plain(f"{one.event_type}: {answered} in {one.took_ms} ms" + ("" if one.error is None else f", {one.error}"))
