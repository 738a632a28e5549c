"""``filmgate models`` and ``filmgate providers``, asked of a real gateway."""

import json
from pathlib import Path

from tests.support.commands import filmgate
from tests.support.running import ACME_KEY, Setup, running

ROOT = Path(__file__).parents[2]


async def command(*words: str, url: str) -> tuple[int, str]:
    code, out, _ = await filmgate(*words, "--url", url, "--api-key", ACME_KEY)
    return code, out


async def test_models_and_providers_are_listed_for_people_and_programs(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        models = await command("models", url=pair.url)
        as_json = await command("models", "-o", "json", url=pair.url)
        providers = await command("providers", url=pair.url)
        line_by_line = await command("providers", "-o", "jsonl", url=pair.url)
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
