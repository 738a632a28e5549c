"""The HTTP server: it listens, or says at once that it can not."""

import resource

import pytest

from gateway.ports import listen, listen_from, open_files
from gateway.serving import listening


async def nobody(scope, receive, send) -> None:
    raise AssertionError("nobody calls")


async def test_a_second_server_on_the_same_address_is_refused_at_once() -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with listening(nobody, listener):
        with pytest.raises(OSError, match="in use"):
            listen("127.0.0.1", port)


def test_the_next_free_port_is_taken_when_the_wished_one_is_not_free() -> None:
    with listen("127.0.0.1", 0) as taken:
        wished = taken.getsockname()[1]
        with listen_from("127.0.0.1", wished) as found:
            assert wished < found.getsockname()[1] <= wished + 100


def test_as_many_files_as_wanted_may_be_open_where_the_system_allows_them() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[0]), before[1]))
        assert open_files(600) == 600
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600
        assert open_files(100) == 600  # it gives nothing back
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
