"""The project's own Python files, each read and parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
PACKAGES = ("schema", "providers", "gateway")


class Source(msgspec.Struct, frozen=True):
    """One file: its path from the root, with slashes, and its text."""

    path: str
    text: str

    def within(self, *places: str) -> bool:
        """It is one of these files, or in one of these folders (which end with a slash)."""
        return any(self.path == place or (place.endswith("/") and self.path.startswith(place)) for place in places)

    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything that is in it."""
        return _nodes(self.path)

    def strings(self) -> Iterator[tuple[int, str]]:
        """Every text in it with its line, those inside f-strings and docstrings included."""
        for node in self.nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.lineno, node.value

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every module or name it imports, dotted, with its line."""
        for node in self.nodes():
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def sources(*packages: str) -> tuple[Source, ...]:
    """The files of some packages, by default of all that are shipped."""
    found = (path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(_read(path) for path in found)


@cache
def _read(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


@cache
def _nodes(path: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(_read(ROOT / path).text)))
