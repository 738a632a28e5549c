"""`python -m gateway.sandbox`: the sandbox as a process of its own."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import msgspec
import uvicorn

from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import SandboxSettings


def main(arguments: list[str] | None = None) -> None:
    settings = _settings(arguments)
    make_loop = uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_run(settings))


def _settings(arguments: list[str] | None) -> SandboxSettings:
    """The file's settings, overridden by what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m gateway.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, help="0 takes any free port (default: 0)")
    parser.add_argument("--speed", type=float, help="simulated time runs this much faster (default: 1)")
    parser.add_argument("--settings", type=Path, help="a JSON file with the fields of SandboxSettings")
    given = parser.parse_args(arguments)
    chosen = {name: value for name in ("port", "speed") if (value := getattr(given, name)) is not None}
    try:
        fields = msgspec.json.decode(given.settings.read_bytes()) if given.settings else {}
        return msgspec.convert({**fields, **chosen}, SandboxSettings)
    except (OSError, msgspec.DecodeError) as error:
        parser.error(f"--settings: {error}")


async def _run(settings: SandboxSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings) as sandbox:
        _announce(sandbox)
        await stop.wait()


def _announce(sandbox: Sandbox) -> None:
    urls = {"url": sandbox.url, "veo3o1_url": sandbox.veo3o1_url, "doitong_url": sandbox.doitong_url}
    sys.stdout.write(msgspec.json.encode(urls).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
