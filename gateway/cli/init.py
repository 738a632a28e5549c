"""``filmgate init``: a first configuration, with its keys in files that only this user may read."""

import os
import re
import secrets
from pathlib import Path

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import tell
from gateway.cli.settings_file import config_option, loaded

_MASTER_KEY = "filmgate.key"
_API_KEY = "filmgate.api-key"


def _tenant(_: click.Context, __: click.Parameter, name: str) -> str:
    from gateway.config.reading import NAME

    if not re.match(NAME, name) or len(name) > 64:
        raise click.BadParameter("write letters, digits, dots, dashes and underscores, 64 at most")
    return name


def _address(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    from gateway.config.addresses import web_address

    if url is not None and (problem := web_address(url)):
        raise click.BadParameter(problem)
    return url


@click.command()
@config_option
@click.option("--tenant", default="main", show_default=True, callback=_tenant, help="The id of the first tenant.")
@click.option("--public-url", callback=_address, help="How providers reach this gateway: https://video.example.com.")
@click.option("--force", is_flag=True, help="Write over a file that is there. Keys that are there stay as they are.")
def init(config_file: Path, tenant: str, public_url: str | None, force: bool) -> None:
    """Write a configuration that runs: SQLite, one tenant and fresh keys, and an account at every provider whose
    credential the environment holds.
    """
    from gateway.config.environment import environment
    from gateway.config.starting import Start, first_file
    from providers.registry import KINDS

    folder = config_file.parent
    start = Start(tenant=tenant, master_key=folder / _MASTER_KEY, api_key=folder / _API_KEY, public_url=public_url)
    text = first_file(start, KINDS, environment())
    try:
        _write(config_file, text, force=force)
        made = _make(start.master_key, secrets.token_urlsafe(48))
        made += _make(start.api_key, f"fg_live_{secrets.token_hex(24)}")
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{error.filename} can not be written: {error.strerror}") from error
    tell("\n".join((f"wrote {config_file}", *made, _next(start.api_key, config_file))))
    loaded(config_file)


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Stop(ExitCode.FAILED, f"{path} is there already; --force writes over it") from error


def _make(path: Path, secret: str) -> list[str]:
    """Keep a secret in a file for this user alone; one that is there already is worth more than a new one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return [f"kept  {path}, which was there"]
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return [f"made  {path}, for this user alone"]


def _next(api_key: Path, config_file: Path) -> str:
    named = "" if str(config_file) == "filmgate.toml" else f" -c {config_file}"
    return f"""
Keep a copy of {_MASTER_KEY} in a safe place, and both keys out of version control. Next:
  filmgate config check{named}      says what to think about
  filmgate serve{named}
  FILMGATE_KEY=$(cat {api_key}) filmgate videos create "a paper boat" --url http://127.0.0.1:8080
"""
