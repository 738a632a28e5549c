"""``filmgate incidents``: for operators, what must not happen and did."""

from typing import Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from schema.incident import IncidentKind


@click.command()
@click.option("--kind", type=click.Choice([one.value for one in IncidentKind]), help="Only those of this kind.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this incident.")
@connection_options
@output_option
def incidents(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """For operators: list what must not happen and did, newest first."""
    from gateway.cli.admin_views import incident_view
    from gateway.cli.admin_wire import IncidentPage

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ask("/v1/admin/incidents", IncidentPage, params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        show(incident_view(answer.value))
    else:
        tell("no incidents")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")
