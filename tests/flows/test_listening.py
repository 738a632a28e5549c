"""``filmgate webhooks listen``: a receiver under development is told what happens from then on, signed."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from standardwebhooks import Webhook

from gateway.cli.exits import ExitCode
from gateway.cli.listening import secret_of
from tests.support.receiving import receiving
from tests.support.running import ACME_KEY, Setup, running
from tests.support.signals import interruptible


@asynccontextmanager
async def listening_to(gateway: str, receiver: str) -> AsyncIterator[Process]:
    """The command; it is gone afterwards, however the test ends."""
    where = ("--forward-to", f"{receiver}/hook", "--url", gateway, "--api-key", ACME_KEY)
    command = (sys.executable, "-m", "gateway.cli", "webhooks", "listen", *where)
    with interruptible():
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def lines(stream: asyncio.StreamReader | None, until: str) -> list[str]:
    """What it writes, up to the line that holds this."""
    assert stream is not None
    written = [(await stream.readline()).decode()]
    while until not in written[-1]:
        assert written[-1]
        written.append((await stream.readline()).decode())
    return written


async def test_a_receiver_under_development_is_told_what_happens_from_now_on_until_ctrl_c(tmp_path):
    async with receiving() as receiver, running(Setup(tmp_path)) as pair:
        early = await pair.create("[sim:instant]")
        await pair.finished(early["id"])
        async with asyncio.timeout(120), listening_to(pair.url, receiver.url) as listening:
            said = await lines(listening.stderr, until="Ctrl-C")
            later = await pair.create("[sim:instant]")
            shown = await lines(listening.stdout, until="video.completed")
            listening.send_signal(signal.SIGINT)
            await listening.communicate()

    secret = secret_of(ACME_KEY).reveal()
    assert secret in said[0]
    assert {call.event["data"]["id"] for call in receiver.calls} == {later["id"]}
    assert [call.event["type"] for call in receiver.calls] == ["video.queued", "video.started", "video.completed"]
    for call, line in zip(receiver.calls, shown, strict=True):
        Webhook(secret).verify(call.body, call.headers)
        assert line.startswith(f"{call.id}  {call.event['type']}  {later['id']}  HTTP 204  ")
    assert listening.returncode == ExitCode.INTERRUPTED
