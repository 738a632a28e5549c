"""``filmgate schema``: the two contracts, as text."""

import rich_click as click

from gateway.cli.output import show


@click.group("schema")
def contracts() -> None:
    """What the gateway speaks, for tools."""


@contracts.command()
def sdl() -> None:
    """Print the GraphQL schema."""
    from gateway.run import sdl as text

    show(text().rstrip("\n"))


@contracts.command()
def openapi() -> None:
    """Print the OpenAPI description of the REST interface."""
    from gateway.run import openapi as text

    show(text().rstrip("\n"))
