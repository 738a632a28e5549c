"""``filmgate webhooks listen`` and ``trigger``: a receiver under development is told, without an endpoint."""

import hmac
import os
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.following import Follower
from gateway.cli.output import plain, show, tell
from schema.clock import SystemClock
from schema.event import EventType

if TYPE_CHECKING:
    from gateway.cli.client import Client
    from schema.account import Secret

_TIMEOUT = 15.0
_TYPES = click.Choice([type.value for type in EventType])


def _checked_url(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter("write an address, such as http://127.0.0.1:3000/webhooks")
    return value


_to = click.option(
    "--forward-to", "to", required=True, metavar="URL", callback=_checked_url, help="Your receiver; on this machine."
)


@click.command()
@_to
@click.option("--event", "events", multiple=True, type=_TYPES, help="Only of these. Repeatable.")
@connection_options
def listen(to: str, *, events: tuple[str, ...], url: str | None, api_key: str | None) -> None:
    """Tell your receiver of everything that happens from now on, as a webhook endpoint would be told, until Ctrl-C.

    What it is told is signed with a secret that is the same each time, for the same API key: it is printed first. What
    fails is not told again.
    """
    client, secret = connect(url, api_key), secret_of(api_key)
    tell(f"your secret: {secret.reveal()}")
    only = {"types": ",".join(events)} if events else {}
    try:
        follower = Follower(client, "/v1/events", only, _newest(client))
        tell("listening; Ctrl-C ends it")
        for event in follower.follow():
            show(forward(to, secret, msgspec.json.encode(event)))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED, "") from None


@click.command()
@click.argument("event", type=_TYPES)
@_to
@connection_options
def trigger(event: str, *, to: str, url: str | None, api_key: str | None) -> None:
    """Tell your receiver of a sample EVENT, signed as `filmgate webhooks listen` signs; the gateway is not asked."""
    from gateway.policy.sampling import sample
    from gateway.policy.telling import event_json
    from schema.ids import Ids

    connect(url, api_key)  # refuses a key that is none
    now = SystemClock().now()
    body = event_json(sample(EventType(event), "", Ids(os.urandom).event(now), now))
    show(forward(to, secret_of(api_key), body))


def secret_of(api_key: str | None) -> "Secret":
    """What signs for whoever develops with this key: the same each time, and nothing of the key can be read in it."""
    from gateway.cli.connection import DEMO_FILE, demo_variables
    from gateway.policy.standard_webhooks import PREFIX
    from schema.account import Secret

    key = api_key or demo_variables(DEMO_FILE).get("FILMGATE_KEY", "")
    return Secret(PREFIX + b64encode(hmac.digest(key.encode(), b"filmgate webhooks listen", "sha256")).decode())


def forward(to: str, secret: "Secret", body: bytes) -> str:
    """Tell a receiver once; how it went, in one line."""
    import httpx

    from gateway.policy.standard_webhooks import signature
    from schema.ids import MESSAGE, derived

    event: dict[str, Any] = msgspec.json.decode(body)
    id, at = derived(MESSAGE, event["created_at"] * 1000, event["id"], to), SystemClock().now() // 1000
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature([secret], id, at, body),
    }
    began = time.monotonic()
    try:
        answer = httpx.post(to, content=body, headers=headers, timeout=_TIMEOUT, trust_env=False)
        went = f"HTTP {answer.status_code}"
    except httpx.HTTPError as error:
        went = f"no answer ({type(error).__name__})"
    about = event["data"].get("id", "")
    return plain(f"{id}  {event['type']}  {about}  {went}  {(time.monotonic() - began) * 1000:.0f} ms")


def _newest(client: "Client") -> str | None:
    """The id of the newest event; None when nothing ever happened."""
    newest = client.ask("/v1/events", dict[str, Any], {"limit": "1"}).value["data"]
    return newest[0]["id"] if newest else None


COMMANDS = (listen, trigger)
