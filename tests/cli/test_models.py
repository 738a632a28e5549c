"""``filmgate models`` and ``filmgate providers``, asked of a real gateway."""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.support.running import ACME_KEY, Setup, running

ROOT = Path(__file__).parents[2]


async def filmgate(*arguments: str, url: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", *arguments, "--url", url, "--api-key", ACME_KEY),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},  # noqa: TID251 - a process needs a path
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_models_and_providers_are_listed_for_people_and_programs(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        models = await filmgate("models", url=pair.url)
        as_json = await filmgate("models", "-o", "json", url=pair.url)
        providers = await filmgate("providers", url=pair.url)
        line_by_line = await filmgate("providers", "-o", "jsonl", url=pair.url)
        told = (await pair.client.get("/v1/models")).json()

    assert models[1].splitlines()[0].split() == ["MODEL", "OWNED", "BY", "ACCOUNTS"]
    assert "doitong/veo3" in models[1]
    assert json.loads(as_json[1]) == told
    assert [line.split()[:3] for line in providers[1].splitlines()[1:]] == [
        ["doitong-main", "doitong", "ready"],
        ["veo-main", "veo3o1", "ready"],
    ]
    assert len(line_by_line[1].splitlines()) == 2
    assert {code for code, _ in (models, as_json, providers, line_by_line)} == {0}
