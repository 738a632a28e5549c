"""``filmgate ledger verify``: check every rule of the books on the database itself; servers may run meanwhile."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, show, show_json, tell
from gateway.cli.server import failures_told
from gateway.cli.settings_file import config_option, loaded
from gateway.config.settings import Settings

if TYPE_CHECKING:  # the store is imported late: --help must answer at once
    from gateway.policy.auditing import Finding
    from gateway.services.audit import Audited


@click.command()
@config_option
@output_option
def verify(config_file: Path, output: Format) -> None:
    """Check that the books balance: entries, balances, holds, charges, budgets. Exit code 1 when they do not."""
    settings = loaded(config_file)
    with failures_told():
        audited = asyncio.run(_audit(settings))
    if output is not Format.TABLE:
        show_json(audited, output)
    elif audited.findings:
        rows = [_row(finding) for finding in audited.findings]
        show(columns([("CODE", "EXPECTED", "FOUND", "WHERE", "WHAT"), *rows]))
    seen = f"{audited.entries} entries, {audited.accounts} accounts"
    if audited.findings:
        wrong = "1 thing is" if len(audited.findings) == 1 else f"{len(audited.findings)} things are"
        raise Stop(ExitCode.FAILED, f"{seen}: {wrong} wrong")
    tell(f"{seen}: the books balance")


async def _audit(settings: Settings) -> "Audited":
    from gateway.footing import footing
    from gateway.services.audit import Audit
    from gateway.store.database import StoreError, connect
    from gateway.store.migrate import packaged
    from gateway.store.store import Store
    from gateway.upkeep import sqlite_file
    from schema.clock import SystemClock

    file = sqlite_file(settings)
    if file is not None and not file.exists():
        raise StoreError(f"{file} is not there yet: there are no books to verify")
    database = await connect(settings.database.url, pool=2, exclusive=False)
    try:
        if await database.pending(packaged()):
            raise StoreError("the database is older than this version: filmgate db migrate brings it up to date")
        store = Store(database)
        ground = await footing(settings, store)
        await ground.keeper.refresh()
        return await Audit(store=store, tenants=ground.tenants, clock=SystemClock()).run()
    finally:
        await database.close()


def _row(finding: "Finding") -> tuple[str, ...]:
    where = " ".join(f"{name}={value}" for name, value in finding.where.items())
    return (finding.code, str(finding.expected), str(finding.found), where, finding.what)
