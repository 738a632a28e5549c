"""``filmgate``: the group of all commands, and the one place where a Stop becomes an exit code."""

from typing import Any

import rich_click as click

from gateway import __version__
from gateway.cli.accounts import accounts
from gateway.cli.apply import apply
from gateway.cli.attempts import attempts
from gateway.cli.audit import audit
from gateway.cli.configuration import config
from gateway.cli.contracts import contracts
from gateway.cli.database import db
from gateway.cli.doctor import doctor
from gateway.cli.events import events
from gateway.cli.exits import Stop
from gateway.cli.images import images
from gateway.cli.incidents import incidents
from gateway.cli.init import init
from gateway.cli.keys import keys
from gateway.cli.ledger import balance, ledger
from gateway.cli.models import models, providers
from gateway.cli.quote import quote
from gateway.cli.receipts import receipts
from gateway.cli.reconcile import reconcile
from gateway.cli.secrets import secrets
from gateway.cli.server import demo, serve, work
from gateway.cli.tenants import tenants
from gateway.cli.tokens import tokens
from gateway.cli.videos import videos
from gateway.cli.webhooks import webhooks


class Program(click.RichGroup):
    """A group whose commands end by raising Stop."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Stop as stop:
            if stop.message:
                click.echo(f"filmgate: {stop.message}", err=True)
            ctx.exit(stop.code)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="filmgate", message="%(prog)s %(version)s")
def main() -> None:
    """A self-hosted gateway for AI video generation.

    Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 authentication,
    5 not found, 6 provider, 7 budget or limit, 75 try again, 130 interrupted.
    """


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


for command in (
    demo,
    init,
    serve,
    work,
    config,
    apply,
    secrets,
    db,
    videos,
    images,
    receipts,
    contracts,
    doctor,
    quote,
    balance,
    ledger,
    models,
    providers,
    reconcile,
    accounts,
    attempts,
    audit,
    events,
    tenants,
    tokens,
    keys,
    webhooks,
    incidents,
):
    main.add_command(command)
