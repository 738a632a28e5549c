"""Mistakes into findings: each with its line and what stands there, or with the variable or option that gave it."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from gateway.config.excerpts import excerpt
from gateway.config.findings import Finding
from gateway.config.master_key import MAKE_A_KEY
from gateway.config.places import Place, around, line_of, path_of
from gateway.config.reading import Mistake, Notes

_MISSING_KEY = f'write [secrets] key = {{ env = "FILMGATE_SECRET_KEY" }}; {MAKE_A_KEY}'


def findings_of(
    notes: Notes, text: str, lines: Mapping[Place, int], raw: dict[str, Any], sources: Mapping[Place, str]
) -> tuple[Finding, ...]:
    """What was noted, in the order of the lines; first what has none."""
    found = [_finding(mistake, text, lines, raw, sources) for mistake in notes.mistakes]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: (finding.line or 0, finding.source or "")))


def _finding(
    mistake: Mistake, text: str, lines: Mapping[Place, int], raw: dict[str, Any], sources: Mapping[Place, str]
) -> Finding:
    given = around(mistake.place, sources)
    source = mistake.source or (None if given is None else sources[given])
    line = None if source else line_of(mistake.place, lines)
    return Finding(
        path=path_of(mistake.place, raw),
        problem=mistake.problem,
        hint=mistake.hint or (_MISSING_KEY if mistake.place == ("secrets", "key") else None),
        line=line,
        excerpt=excerpt(text, line),
        source=source,
        warning=mistake.warning,
    )


_POSITION = re.compile(r"\s*\(at line (\d+), column \d+\)$|\s*\(at end of document\)$")


def unreadable(text: str, error: Exception) -> Finding:
    """The one finding of a text that is no TOML."""
    position = _POSITION.search(str(error))
    line = int(position[1]) if position and position[1] else None
    problem = _POSITION.sub("", str(error)) if isinstance(error, tomllib.TOMLDecodeError) else "can not be read"
    if isinstance(error, RecursionError):
        problem = "is nested too deeply"
    return Finding(path="", problem=f"is not TOML: {problem}", line=line, excerpt=excerpt(text, line))
