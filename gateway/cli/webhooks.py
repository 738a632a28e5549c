"""``filmgate webhooks``: a tenant's webhook endpoints, and what they are told."""

import rich_click as click

from gateway.cli import listening, webhook_deliveries, webhook_endpoints


@click.group()
def webhooks() -> None:
    """Webhook endpoints, and what they are told."""


for command in (*webhook_endpoints.COMMANDS, *webhook_deliveries.COMMANDS, *listening.COMMANDS):
    webhooks.add_command(command)
