"""``filmgate`` commands, as processes of their own."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.support.memory import scratch
from tests.support.nursery import ROOT, begun

SECONDS = 60.0


class Ran(NamedTuple):
    """How a command ended: its exit code, what it said (data) and what it talked (for people)."""

    code: int
    out: str
    err: str


async def filmgate(*words: str, folder: Path = ROOT, environ: Mapping[str, str] = MappingProxyType({})) -> Ran:
    """Run a command in a folder, with these variables and no others, to its end."""
    with tempfile.TemporaryDirectory(dir=scratch()) as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = await begun("filmgate", words, folder=folder, environ=environ, out=out, err=err)
        try:
            async with asyncio.timeout(SECONDS):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        return Ran(code, out.read_text(), err.read_text())
