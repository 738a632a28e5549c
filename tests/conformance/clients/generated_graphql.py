"""ariadne-codegen's package: create, read, list and watch a video; its types are checked strictly beside it."""

import asyncio
import sys

from filmgate_graphql import Client
from filmgate_graphql.make import MakeCreateVideoCreateVideoSuccess


async def main() -> None:
    url, headers = sys.argv[1], {"authorization": f"Bearer {sys.argv[2]}"}
    sockets = url.replace("http", "ws", 1)
    client = Client(f"{url}/graphql", headers, ws_url=f"{sockets}/graphql", ws_headers=headers)
    async with client:
        made = (await client.make("a paper boat in the rain")).create_video
        assert isinstance(made, MakeCreateVideoCreateVideoSuccess), made
        id = made.video.id
        one = (await client.one(id)).video
        assert one is not None
        assert one.id == id
        page = (await client.page(5)).videos
        assert any(edge.node.id == id for edge in page.edges)
        statuses = [event.video_events.video.status.value async for event in client.watch(id)]
    assert statuses[-1] == "COMPLETED", statuses
    print("created, read, listed, watched:", *statuses)


if __name__ == "__main__":
    asyncio.run(main())
