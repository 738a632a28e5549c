"""A finding: one thing wrong or doubtful in a configuration file, where it stands, and how to mend it."""

from collections.abc import Iterable

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mistake.

    Attributes:
        path: the key, such as ``tenants.acme.routing.order``; empty when the file as a whole is meant.
        line, excerpt: where it stands and what stands there, secrets masked; None when nothing stands there.
        source: the environment variable or the option that gave the value, when it is not the file's.
        warning: doubtful, not wrong: the file still loads.
    """

    path: str
    problem: str
    hint: str | None = None
    line: int | None = None
    excerpt: str | None = None
    source: str | None = None
    warning: bool = False


class ConfigError(Exception):
    """A configuration that can not be used. ``findings`` holds everything found, warnings too."""

    def __init__(self, findings: Iterable[Finding], name: str = "filmgate.toml") -> None:
        self.findings = tuple(findings)
        self.name = name
        super().__init__(rendered(self.findings, name))


def rendered(findings: Iterable[Finding], name: str) -> str:
    """Findings as a person reads them, each with its line, its excerpt and its hint."""
    return "\n".join(_rendered(finding, name) for finding in findings)


def _rendered(finding: Finding, name: str) -> str:
    where = finding.source or (f"{name}:{finding.line}" if finding.line else name)
    said = f"{finding.path}: {finding.problem}" if finding.path else finding.problem
    lines = [f"{where}: {'warning: ' if finding.warning else ''}{said}"]
    if finding.excerpt:
        lines.append(f"{finding.line:>5} | {finding.excerpt}")
    if finding.hint:
        lines.append(f"    hint: {finding.hint}")
    return "\n".join(lines)
