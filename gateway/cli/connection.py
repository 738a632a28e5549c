"""Which gateway, and as whom: options first, then the environment, then what a demo left behind."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import rich_click as click
from click import get_current_context

from gateway.cli.exits import ExitCode, Stop

if TYPE_CHECKING:  # httpx is imported late: --help must answer at once
    from gateway.cli.client import Client

DEFAULT_URL = "http://127.0.0.1:8080"
DEMO_FILE = Path(".filmgate/demo.env")
Command = TypeVar("Command", bound=Callable[..., Any])


def connection_options(command: Command) -> Command:
    """``--url`` and ``--api-key``, which the command gets as ``url`` and ``api_key``."""
    key = click.option("--api-key", envvar="FILMGATE_KEY", show_envvar=True, help="Your API key; better not typed.")
    return url_option(key(command))


def url_option(command: Command) -> Command:
    """``--url`` alone, for what anybody may ask."""
    option = click.option(
        "--url", envvar="FILMGATE_URL", show_envvar=True, help=f"The gateway.  [default: {DEFAULT_URL}, or the demo's]"
    )
    return option(command)


def gateway_url(url: str | None) -> str:
    """The gateway meant, for what needs no key; ends the command when it is unclear which."""
    found = url or demo_variables(DEMO_FILE).get("FILMGATE_URL") or DEFAULT_URL
    _refuse_odd_url(found)
    return found.rstrip("/")


def connect(url: str | None, api_key: str | None) -> "Client":
    """A client of the gateway meant; ends the command when it is unclear which, or as whom."""
    from gateway.cli.client import Client

    if not url and not api_key:
        left = demo_variables(DEMO_FILE)
        url, api_key = left.get("FILMGATE_URL"), left.get("FILMGATE_KEY")
    url, api_key = url or DEFAULT_URL, (api_key or "").strip()
    _refuse_odd_url(url)
    _refuse_odd_key(api_key)
    client = Client(url, api_key)
    get_current_context().call_on_close(client.close)
    return client


def _refuse_odd_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Stop(ExitCode.USAGE, f"{url!r} is not the address of a gateway; write it like {DEFAULT_URL}")


def _refuse_odd_key(api_key: str) -> None:
    if not api_key:
        raise Stop(ExitCode.AUTH, "no API key: set FILMGATE_KEY, or start `filmgate demo` in this directory")
    if not (api_key.isascii() and api_key.isprintable()):
        raise Stop(ExitCode.AUTH, "the API key holds characters no key has")


def demo_variables(file: Path) -> dict[str, str]:
    """The variables a demo wrote for shells to read: ``export NAME=value``; none when there is no demo."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        words = [word for line in lines for word in shlex.split(line, comments=True)]
    except (OSError, ValueError):
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)
