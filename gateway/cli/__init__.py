"""The command line. ``main`` is the program; one file holds one family of commands.

Nothing heavy is imported before a command runs: ``filmgate --help`` answers at once.
"""

from gateway.cli.program import main

__all__ = ["main"]
