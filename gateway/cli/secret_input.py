"""Secrets as commands take them: from a variable, from standard input, or typed unseen; never as an argument."""

import sys

import rich_click as click

from gateway.cli.exits import ExitCode, Stop


def secret_from(variable: str | None, what: str) -> str:
    """One secret. A pipe is read whole; at a terminal it is asked for."""
    if variable is not None:
        return _from_variable(variable)
    text = click.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    if not text.strip():
        raise Stop(ExitCode.USAGE, f"no {what.lower()} came: pipe it in, or name a variable that holds it")
    return str(text).strip()


def secrets_from(variables: tuple[str, ...], what: str) -> list[str]:
    """Several secrets: one a variable, or one a line."""
    if variables:
        return [_from_variable(variable) for variable in variables]
    if not sys.stdin.isatty():
        return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    found: list[str] = []
    while text := click.prompt(f"{what} {len(found) + 1} (nothing ends)", hide_input=True, err=True, default=""):
        found.append(str(text).strip())
    return found


def _from_variable(name: str) -> str:
    from gateway.config.environment import environment

    text = environment().get(name, "").strip()
    if not text:
        raise Stop(ExitCode.USAGE, f"the environment variable {name} is not set, or is empty")
    return text
