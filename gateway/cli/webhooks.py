"""``filmgate webhooks``: a tenant's webhook endpoints, and what they are told."""

import rich_click as click

from gateway.cli.webhook_deliveries import COMMANDS


@click.group()
def webhooks() -> None:
    """Webhook endpoints, and what they are told."""


for command in COMMANDS:
    webhooks.add_command(command)
