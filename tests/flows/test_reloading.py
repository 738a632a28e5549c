"""SIGHUP to a process that serves: a good file is worked by at once, a broken one is told and changes nothing."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.engine import until
from tests.flows.processes import Place, Server, Upstreams, address, speaking
from tests.support.nursery import ROOT
from tests.support.running import ACME_KEY, OPERATOR_KEY, SECRET_KEY

NOBODY = Upstreams("http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:9")
LATE_KEY = "fg_test_late_0123456789abcdefghijkl"
NEW_KEY = "another master key of this test, which is long enough"
HOUSE = """
[[tenants]]
id = "house"
test = true
keys = [{ file = "house.key", scopes = ["operator"] }]
"""
LATE = f"""
[[tenants]]
id = "late"
test = true
keys = ["{LATE_KEY}"]
"""


def configure(place: Place, *, tenants: str = "", queue: str = "", key: str | None = None) -> None:
    (place.folder / "house.key").write_text(OPERATOR_KEY)
    place.configure(NOBODY, tenants=HOUSE + tenants + queue)
    if key is not None:
        text = place.config.read_text().replace(f'key = "{SECRET_KEY.reveal()}"', key)
        place.config.write_text(text)


@asynccontextmanager
async def serving(place: Place, command: str = "serve") -> AsyncIterator[asyncio.subprocess.Process]:
    """``filmgate serve``, or ``work``, as an operator starts it."""
    with (place.folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.cli", command, "-c", str(place.config)),
            cwd=place.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def asked(server: Server, path: str, key: str = OPERATOR_KEY) -> httpx.Response:
    return await server.client.get(path, headers={"authorization": f"Bearer {key}"})


async def configuration(server: Server) -> dict[str, Any]:
    response = await asked(server, "/v1/admin/configuration")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def logged(place: Place, event: str) -> list[dict[str, Any]]:
    lines = (place.folder / "log").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line.get("event") == event]


async def test_a_server_takes_a_good_file_refuses_a_broken_one_and_turns_its_master_key(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, url=address())
    configure(place)
    async with serving(place) as process, speaking(place, process) as server:
        assert (await asked(server, "/v1/tenant", LATE_KEY)).status_code == 401

        configure(place, tenants=LATE, queue="\n[queue]\nmost = 7\n")
        process.send_signal(signal.SIGHUP)
        await until(lambda: _is(server, LATE_KEY, 200))
        taken = await configuration(server)

        place.config.write_text(place.config.read_text().replace('price_per_credit = "0.20"', "price_per_credit = 0.2"))
        process.send_signal(signal.SIGHUP)
        await until(lambda: _refused(server))
        refused = await configuration(server)
        still = [(await asked(server, "/v1/tenant", key)).status_code for key in (ACME_KEY, LATE_KEY)]

        master = f'key = "{NEW_KEY}"\nprevious = ["{SECRET_KEY.reveal()}"]'
        before = (await asked(server, "/v1/admin/secrets")).json()["data"]
        configure(place, key=master)
        process.send_signal(signal.SIGHUP)
        await until(lambda: _is(server, LATE_KEY, 401))
        turned = await configuration(server)
        made = await server.client.post(
            "/v1/admin/secrets/rekey", json={}, headers={"authorization": f"Bearer {OPERATOR_KEY}"}
        )
        after = (await asked(server, "/v1/admin/secrets")).json()["data"]

        configure(place, key='key = "a third master key, which opens nothing here"')
        process.send_signal(signal.SIGHUP)
        await until(lambda: _refused(server))
        wrong_key = await configuration(server)
        assert (await asked(server, "/v1/tenant", ACME_KEY)).status_code == 200
        assert await server.terminated() == 0

    assert (taken["last_refused"], taken["needs_restart"]) == (None, ["queue"])
    [finding] = refused["last_refused"]["findings"]
    assert (finding["path"], finding["line"] is not None) == ("accounts.veo-main.price_per_credit", True)
    assert refused["loaded_at"] == taken["loaded_at"]
    assert still == [200, 200]
    assert (turned["last_refused"], turned["needs_restart"]) == (None, [])
    assert made.json()["left"] == 0
    assert [one["current"] for one in after] == [True]
    assert after[0]["id"] != before[0]["id"]
    assert "not at hand" in wrong_key["last_refused"]["findings"][0]["problem"]
    assert len(logged(place, "configuration.reloaded")) == 2
    assert "accounts.veo-main.price_per_credit" in logged(place, "configuration.refused")[0]["findings"][0]


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_what_is_asked_while_a_gateway_starts_is_done_once_it_has(tmp_path: Path, command: str) -> None:
    place = Place(folder=tmp_path, url=address())
    configure(place)
    async with serving(place, command) as process:
        await until(lambda: _logs(place, "account.created"))
        process.send_signal(signal.SIGHUP)
        await until(lambda: _logs(place, "configuration.reloaded"))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_server_takes_new_documents_and_keeps_the_old_ones_when_a_new_one_is_wrong(tmp_path: Path) -> None:
    place, manifest = Place(folder=tmp_path, url=address()), tmp_path / "web.json"
    documents = '\n[graphql]\ndocuments = "web.json"\n'
    manifest.write_text('{"one": "{ viewer { tenant { id } } }"}')
    configure(place, tenants=documents)

    async def found(id: str) -> bool:
        headers = {"authorization": f"Bearer {ACME_KEY}"}
        answer = await server.client.post("/graphql", json={"documentId": id}, headers=headers)
        return "errors" not in answer.json()

    async with serving(place) as process, speaking(place, process) as server:
        before = [await found("one"), await found("two")]
        manifest.write_text('{"two": "{ viewer { tenant { name } } }"}')
        process.send_signal(signal.SIGHUP)
        await until(lambda: found("two"))
        after = [await found("one"), await found("two")]
        manifest.write_text('{"three": "{ vide }"}')
        process.send_signal(signal.SIGHUP)
        await until(lambda: _refused(server))
        still = [await found("two"), await found("three")]
        refused = await configuration(server)
        assert await server.terminated() == 0

    assert (before, after, still) == ([True, False], [False, True], [True, False])
    [finding] = refused["last_refused"]["findings"]
    assert finding["problem"].startswith("web.json: document three: Cannot query field 'vide'")


async def test_a_worker_alone_reads_its_file_again_too(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, url=address())
    configure(place)
    async with serving(place, "work") as process:
        await until(lambda: _logs(place, "worker.ready"))
        configure(place, tenants=LATE)
        process.send_signal(signal.SIGHUP)
        await until(lambda: _logs(place, "configuration.reloaded"))
        place.config.write_text("this is no TOML")
        process.send_signal(signal.SIGHUP)
        await until(lambda: _logs(place, "configuration.refused"))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    assert logged(place, "configuration.reloaded")[0]["changes"] == 2
    assert "is not TOML" in logged(place, "configuration.refused")[0]["findings"][0]


async def _logs(place: Place, event: str) -> bool:
    return bool(logged(place, event))


async def _is(server: Server, key: str, status: int) -> bool:
    return (await asked(server, "/v1/tenant", key)).status_code == status


async def _refused(server: Server) -> bool:
    return (await configuration(server))["last_refused"] is not None
