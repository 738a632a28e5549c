"""A gateway of its own, to see what pictures cost it: ``python -m tests.flows.picture_server FOLDER SANDBOX``.

SANDBOX is where both upstreams are simulated. It says its address once it is ready, and runs until its input ends.
"""

import asyncio
import sys
from pathlib import Path

from gateway.loop import in_loop
from gateway.ports import listen
from gateway.serving import serving
from gateway.telemetry import configure_logging
from gateway.wiring import Seams, gateway
from providers.veo3o1 import VEO3O1
from schema.account import Account, Secret
from schema.image import LARGEST_IMAGE
from tests.support.certificates import certificates
from tests.support.running import Setup, settings_for


async def _main(folder: str, origin: str) -> None:
    account = Account(
        id="veo-main",
        provider="veo3o1",
        base_url=f"{origin}/veo3o1/api",
        credential=Secret("sandbox-veo3o1-key"),
        price_per_credit=200_000,
        options=VEO3O1.options(max_image_bytes=LARGEST_IMAGE),
        sandbox=True,
    )
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_for(Setup(Path(folder)), (account,), sandbox_url=origin, public_url=url)
    async with gateway(settings, Seams(verify=certificates())) as built, serving(built, listener=listener):
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    configure_logging(level="error", form="json")
    in_loop(_main(*sys.argv[1:]))
