"""The gql library: the schema is fetched, and documents are checked against it before they are sent."""

import asyncio
import sys
from pathlib import Path

from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import OperationDefinitionNode, print_ast

DOCUMENTS = {
    one.name.value: print_ast(one)
    for one in gql(Path(__file__).with_name("operations.graphql").read_text()).document.definitions
    if isinstance(one, OperationDefinitionNode) and one.name is not None
}


async def main() -> None:
    url, headers = sys.argv[1], {"authorization": f"Bearer {sys.argv[2]}"}
    calls = HTTPXAsyncTransport(url=f"{url}/graphql", headers=headers)
    sockets = WebsocketsTransport(url=f"{url.replace('http', 'ws', 1)}/graphql", init_payload=headers)

    async with Client(transport=calls, fetch_schema_from_transport=True) as session:
        wanted = gql(DOCUMENTS["Make"])
        wanted.variable_values = {"prompt": "a paper boat in the rain"}
        id = (await session.execute(wanted))["createVideo"]["video"]["id"]
        read = gql(DOCUMENTS["One"])
        read.variable_values = {"id": id}
        assert (await session.execute(read))["video"]["id"] == id
        listed = gql(DOCUMENTS["Page"])
        listed.variable_values = {"first": 5}
        assert any(edge["node"]["id"] == id for edge in (await session.execute(listed))["videos"]["edges"])

    async with Client(transport=sockets) as session:
        watched = gql(DOCUMENTS["Watch"])
        watched.variable_values = {"id": id}
        statuses = [event["videoEvents"]["video"]["status"] async for event in session.subscribe(watched)]
    assert statuses[-1] == "COMPLETED", statuses
    print("created, read, listed, watched:", *statuses)


if __name__ == "__main__":
    asyncio.run(main())
