"""Receivers of webhooks as a process of their own: ``python -m tests.flows.receiving_server LOG``; it says its port.

The first part of the path says how a call is answered: ``healthy``, ``500``, ``hang``, ``redirect`` or ``410``. Each is
a line of the log: the path, the moment, the webhook's id, and the event.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TextIO

STATUS = {"healthy": 204, "500": 500, "redirect": 307, "410": 410}


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: TextIO) -> None:
    try:
        while True:
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            path = line.split(" ")[1]
            called = {"path": path, "at": time.time_ns() // 1_000_000, "id": headers["webhook-id"], "event": body}
            log.write(json.dumps(called) + "\n")
            how = path.split("/")[1]
            if how == "hang":
                await asyncio.sleep(60)
                return
            where = "location: /healthy/0/0\r\n" if how == "redirect" else ""
            writer.write(f"HTTP/1.1 {STATUS[how]} X\r\ncontent-length: 0\r\n{where}\r\n".encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main(path: str) -> None:
    with Path(path).open("a", buffering=1) as log:  # noqa: ASYNC230 - a line at a time, to memory
        server = await asyncio.start_server(lambda reader, writer: _talk(reader, writer, log), "127.0.0.1", 0)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
