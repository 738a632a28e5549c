"""The worker's places: what one upstream's silence may take from the rest."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec.structs import replace

from gateway.config.settings import WorkerSettings
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from tests.flows.engine import until
from tests.support.running import FAST, SPEED, Setup, configured, running

PATIENT = replace(FAST, submit_deadline_seconds=50, video_deadline_seconds=55)
FEW_PLACES = WorkerSettings(concurrency=4, poll_seconds=0.1)


async def test_a_running_video_is_polled_to_its_end_while_every_send_hangs(tmp_path: Path) -> None:
    accounts = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    silent = SandboxSettings(speed=SPEED, hang_seconds=8, accounts=accounts)
    setup = Setup(folder=tmp_path, timing=PATIENT, worker=FEW_PLACES, sandbox=silent, hooks=False)
    async with running(setup) as pair:
        polled = await pair.create("[sim:slow] a boat", model="doitong/veo3")
        await pair.begun(polled["id"])
        hanging = [await pair.create(f"[sim:hang-after-accept] boat {n}", model="veo3o1/veo-3.1") for n in range(6)]

        video = await pair.finished(polled["id"])

        waiting = [await pair.client.get(f"/v1/videos/{one['id']}") for one in hanging]
        assert video["status"] == "completed"
        assert {one.json()["status"] for one in waiting} == {"queued"}


async def test_all_the_silent_accounts_of_one_tenant_leave_places_for_the_others(tmp_path: Path) -> None:
    held: list[asyncio.StreamWriter] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    places = WorkerSettings(concurrency=8, poll_seconds=0.1)  # six of them for sends
    async with (
        await asyncio.start_server(silent, "127.0.0.1", 0) as server,
        AsyncExitStack() as stack,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        setup = Setup(folder=tmp_path, timing=PATIENT, worker=places, allow=(url,))
        here = await stack.enter_async_context(running(setup))
        veo, *rest = here.gateway.settings.accounts
        tar = [replace(veo, id=f"tar-{number}", base_url=url, owner="other") for number in range(3)]
        await configured(here.gateway, accounts=(veo, *rest, *tar))
        for number in range(12):
            only = [f"tar-{number % 3}"]
            response = await here.other.post("/v1/videos", json={"prompt": f"{number}", "gateway": {"only": only}})
            assert response.status_code == 202, response.text

        async def stuck() -> bool:
            return len(held) >= 3

        await until(stuck)

        video = await here.finished((await here.create())["id"])

        assert (video["status"], len(held)) == ("completed", 3)
        server.close()
        for writer in held:
            writer.close()
