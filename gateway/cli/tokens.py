"""``filmgate tokens``: short-lived tokens for browsers, and for operators the key that signs them."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, columns, output_option, show, show_all_json, show_json, tell
from gateway.cli.views import moment
from schema.client_token import LIFETIME_SECONDS, LONGEST_SECONDS
from schema.clock import SystemClock
from schema.money import format_micros

if TYPE_CHECKING:
    from gateway.cli.token_wire import ClientToken

_PATH = "/v1/client_tokens"
_KEYS = "/v1/admin/signing_keys"


@click.group()
def tokens() -> None:
    """Give browsers short-lived tokens, so that your API key stays on your server."""


@tokens.command()
@click.option("--end-user", metavar="NAME", help="Your own name for whoever holds it: it sees their videos alone.")
@click.option("--video", metavar="ID", help="The one video it is for; it creates none then.")
@click.option("--write", is_flag=True, help="It may create and cancel videos too.")
@click.option("--allowance", metavar="AMOUNT", help="What its videos may cost together, such as 1.50.")
@click.option("--creates", type=click.IntRange(min=1), metavar="N", help="How many videos it may create.")
@click.option(
    "--seconds",
    type=click.IntRange(1, LONGEST_SECONDS),
    default=LIFETIME_SECONDS,
    show_default=True,
    help="How long it works.",
)
@connection_options
@output_option
def create(
    *, write: bool, seconds: int, url: str | None, api_key: str | None, output: Format, **bounds: str | int | None
) -> None:
    """Make a token and print it; it is shown this once."""
    from gateway.cli.token_wire import ClientToken

    scopes = ["videos:read", *(["videos:write"] if write else [])]
    body: dict[str, Any] = {"scopes": scopes, "lifetime_seconds": seconds}
    body |= {name: value for name, value in bounds.items() if value is not None}
    answer = connect(url, api_key).act(_PATH, ClientToken, body)
    if output is Format.TABLE:
        tell(f"{answer.value.id} works until {moment(answer.value.expires_at)}; end it with filmgate tokens revoke")
        show(answer.value.token or "")
    else:
        show_json(answer.raw, output)


@tokens.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this token.")
@connection_options
@output_option
def list_(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List the tokens and what each has used, newest first."""
    from gateway.cli.token_wire import ClientTokenPage

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ask(_PATH, ClientTokenPage, params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        head = ("ID", "STATE", "UNTIL", "FOR", "CREATED", "OF", "SPENT", "ALLOWANCE")
        now = SystemClock().now() // 1000
        show(columns([head, *(_row(one, now) for one in answer.value.data)]))
    else:
        tell("no client tokens")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@tokens.command()
@click.argument("token", metavar="ID")
@connection_options
@output_option
def revoke(token: str, url: str | None, api_key: str | None, output: Format) -> None:
    """End the token ID before its time; its videos go on."""
    from gateway.cli.token_wire import ClientToken

    answer = connect(url, api_key).do("DELETE", f"{_PATH}/{token}", ClientToken)
    if output is Format.TABLE:
        tell(f"{answer.value.id} has ended")
    else:
        show_json(answer.raw, output)


@tokens.command("rotate-key")
@click.option("--note", default="", help="Why; it is kept in the audit trail.")
@click.option("--end-tokens", is_flag=True, help="What former keys have signed ends now: one of them has leaked.")
@connection_options
@output_option
def rotate_key(*, note: str, end_tokens: bool, url: str | None, api_key: str | None, output: Format) -> None:
    """For operators: sign with a new key; what the old one has signed works until it expires."""
    from gateway.cli.token_wire import SigningKey

    answer = connect(url, api_key).act(_KEYS, SigningKey, {"note": note, "end_tokens": end_tokens})
    if output is Format.TABLE:
        show(answer.value.id)
    else:
        show_json(answer.raw, output)


def _row(token: "ClientToken", now: int) -> tuple[str, ...]:
    state = "revoked" if token.revoked_at is not None else "expired" if token.expires_at <= now else "works"
    return (
        token.id,
        state,
        moment(token.expires_at) or "-",
        token.video or token.end_user or "-",
        str(token.created),
        "-" if token.creates is None else str(token.creates),
        format_micros(token.committed_micros),
        "-" if token.allowance_micros is None else format_micros(token.allowance_micros),
    )
