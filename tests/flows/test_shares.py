"""The worker's places: what one upstream's silence may take from the rest."""

from pathlib import Path

from msgspec.structs import replace

from gateway.config.settings import WorkerSettings
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from tests.support.running import FAST, SPEED, Setup, running

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
