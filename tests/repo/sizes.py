"""How long files and functions are: median and 90th percentile, by package. Run it to see; nothing is asserted."""

import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.repo.sources import PACKAGES, Source, sources

_ROW = "{:<12}{:>8}{:>8}{:>8}{:>8}{:>12}{:>8}{:>8}{:>8}"


def report() -> str:
    """The table, a line for each package and one for all."""
    lines = [_ROW.format("", "files", "median", "90 %", "most", "functions", "median", "90 %", "most")]
    for name, packages in (*((package, (package,)) for package in PACKAGES), ("all", PACKAGES)):
        found = sources(*packages)
        files = [len(source.text.splitlines()) for source in found]
        functions = [length for source in found for length in _functions(source)]
        lines.append(_ROW.format(name, len(files), *_spread(files), len(functions), *_spread(functions)))
    return "\n".join(lines)


def _functions(source: Source) -> list[int]:
    """How many lines each function has, from its ``def`` to its end."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in source.nodes() if isinstance(node, kinds)]


def _spread(lengths: Sequence[int]) -> tuple[int, int, int]:
    if len(lengths) < 2:
        return (sum(lengths),) * 3
    return round(median(lengths)), round(quantiles(lengths, n=10)[-1]), max(lengths)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
