"""Following a stream of server-sent events: whoever is cut off comes again behind the last event it saw."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.cli.exits import ExitCode, Stop

if TYPE_CHECKING:
    from gateway.cli.client import Client

PATIENCE = 60.0
"""Seconds for which a gateway may be away while somebody follows it."""
_PAUSE = 1.0


class Follower:
    """Follows one stream.

    Attributes:
        last: the id of the last event that was seen.
    """

    def __init__(self, client: "Client", path: str, params: dict[str, str], after: str | None) -> None:
        self._client = client
        self._path = path
        self._params = params
        self.last = after

    def follow(self) -> Iterator[Any]:
        """Each event once, in order. It ends when the gateway says that nothing more comes."""
        away = 0.0
        while True:
            try:
                with self._client.stream(self._path, self._params, self.last) as lines:
                    if lines is None:
                        return
                    for id, event in parsed(lines):
                        away, self.last = 0.0, id
                        yield event
            except Stop as stop:
                if stop.code is not ExitCode.TRY_AGAIN or away >= PATIENCE:
                    raise
            time.sleep(_PAUSE)  # a command does nothing else meanwhile
            away += _PAUSE


def parsed(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The id and the data of each event in the lines of a stream; what was cut off in the middle is none."""
    id, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            yield id, msgspec.json.decode(data)
            data = ""
        elif name == "id":
            id = value
        elif name == "data":
            data += value
