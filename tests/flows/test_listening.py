"""``filmgate webhooks listen``: a receiver under development is told what happens from then on, signed."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

import pytest
from standardwebhooks import Webhook

from gateway.cli.exits import ExitCode
from gateway.cli.listening import secret_of
from tests.support.receiving import receiving
from tests.support.running import ACME_KEY, Setup, running

pytest.importorskip("gateway.rest.events", reason="it reads the log of events over REST")


async def test_a_receiver_under_development_is_told_what_happens_from_now_on_until_ctrl_c(tmp_path):
    async with receiving() as receiver, running(Setup(tmp_path)) as pair:
        early = await pair.create("[sim:instant]")
        await pair.finished(early["id"])
        listening = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.cli",
            *("webhooks", "listen", "--forward-to", f"{receiver.url}/hook", "--url", pair.url, "--api-key", ACME_KEY),
            stdout=PIPE,
            stderr=PIPE,
        )
        assert listening.stdout is not None
        assert listening.stderr is not None
        async with asyncio.timeout(60):
            said = (await listening.stderr.readline()).decode()
            while "Ctrl-C" not in said:
                said += (await listening.stderr.readline()).decode()
        later = await pair.create("[sim:instant]")
        async with asyncio.timeout(60):
            lines = [(await listening.stdout.readline()).decode() for _ in range(3)]
        listening.send_signal(signal.SIGINT)
        await listening.communicate()

    secret = secret_of(ACME_KEY).reveal()
    assert secret in said
    assert {call.event["data"]["id"] for call in receiver.calls} == {later["id"]}
    assert [call.event["type"] for call in receiver.calls] == ["video.queued", "video.started", "video.completed"]
    for call, line in zip(receiver.calls, lines, strict=True):
        Webhook(secret).verify(call.body, call.headers)
        assert line.startswith(f"{call.id}  {call.event['type']}  {later['id']}  HTTP 204  ")
    assert listening.returncode == ExitCode.INTERRUPTED
