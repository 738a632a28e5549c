"""The HTTP server: it listens, or says at once that it can not."""

import pytest

from gateway.ports import free_port
from gateway.serving import listening


async def nobody(scope, receive, send) -> None:
    raise AssertionError("nobody calls")


async def test_a_second_server_on_the_same_address_is_refused_at_once() -> None:
    port = free_port("127.0.0.1", 18_700)
    async with listening(nobody, "127.0.0.1", port):
        with pytest.raises(OSError, match="in use"):
            async with listening(nobody, "127.0.0.1", port):
                pass
