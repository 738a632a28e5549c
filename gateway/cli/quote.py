"""``filmgate quote``: what a video would cost, before it is asked for."""

from typing import Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, output_option, show, show_json, tell
from gateway.cli.wishes import body, wish_options
from schema.money import format_micros


@click.command()
@click.argument("prompt")
@wish_options
@connection_options
@output_option
def quote(prompt: str, *, url: str | None, api_key: str | None, output: Format, **wish: Any) -> None:
    """Show what a video of PROMPT (- reads it from stdin) would cost, and where it would be made.

    Nothing is sent to a provider and nothing is kept. `filmgate videos create --quote ID` with the same wish is never
    charged more.
    """
    from gateway.cli.money_views import quote_view

    client = connect(url, api_key)
    answer = client.quote(body(client, prompt, wish))
    if output is Format.TABLE:
        show(quote_view(answer.value))
    else:
        show_json(answer.raw, output)
    if answer.value.missing_micros:
        tell(f"{format_micros(answer.value.missing_micros)} {answer.value.currency} is missing for it")
