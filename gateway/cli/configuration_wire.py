"""How a gateway stands to its configuration file, as it answers, and as a person reads it."""

import msgspec

from gateway.cli.output import columns
from gateway.cli.views import moment


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in a file."""

    path: str
    problem: str
    hint: str | None = None
    line: int | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was not taken."""

    at: int
    findings: tuple[Finding, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a process stands to its file."""

    source: str
    loaded_at: int
    last_refused: Refused | None = None
    needs_restart: tuple[str, ...] = ()


def status_view(status: Status) -> str:
    rows = [("file", status.source), ("loaded", moment(status.loaded_at) or "")]
    if status.needs_restart:
        rows.append(("needs a restart", ", ".join(status.needs_restart)))
    if status.last_refused is not None:
        rows.append(("refused", moment(status.last_refused.at) or ""))
        rows += [("", _told(finding)) for finding in status.last_refused.findings]
    return columns(rows)


def _told(finding: Finding) -> str:
    where = f"line {finding.line}: " if finding.line else ""
    said = f"{finding.path}: {finding.problem}" if finding.path else finding.problem
    return f"{where}{said}" + (f" ({finding.hint})" if finding.hint else "")
