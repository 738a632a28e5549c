"""Another gateway, as a process of its own, for settings that are pickled on its stdin; it says where it listens."""

import asyncio
import pickle
import sys

from gateway.config.settings import Settings
from gateway.loop import in_loop
from gateway.ports import listen
from gateway.serving import serving
from gateway.telemetry import configure_logging
from gateway.wiring import gateway


async def _main(settings: Settings) -> None:
    listener = listen("127.0.0.1", 0)
    async with gateway(settings) as built, serving(built, listener=listener):
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.buffer.read)  # until whoever started it lets go of it


if __name__ == "__main__":
    configure_logging(level="error", form="json")
    in_loop(_main(pickle.load(sys.stdin.buffer)))  # noqa: S301 - the test that started it wrote it
