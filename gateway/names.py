"""Names to addresses, for what somebody else gave us: in time, on threads of their own, and every address judged."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from gateway.policy.egress import EgressFailed, Kind, is_public

SECONDS = 5.0
"""How long a name may take."""

THREADS = 16
"""A resolver that does not answer holds a thread for longer than we wait, and must not hold the gateway's others."""

Lookup = Callable[[str, int], Iterable[str]]
"""A host and a port to addresses, as the system knows them. Raises OSError."""


def system(host: str, port: int) -> Iterable[str]:
    """What this machine's resolver says."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Names:
    """Resolves, and refuses a name as soon as one of its addresses is not public: who is called is never luck."""

    def __init__(self, lookup: Lookup = system, *, seconds: float = SECONDS) -> None:
        self._lookup = lookup
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="names")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def judged(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host, all of them public.

        Raises:
            EgressFailed: unreachable, whether it leads nowhere or inside: nobody learns what names there are.
        """
        try:
            async with asyncio.timeout(self._seconds):
                loop = asyncio.get_running_loop()
                found = tuple(dict.fromkeys(await loop.run_in_executor(self._threads, self._lookup, host, port)))
        except (OSError, UnicodeError, TimeoutError) as error:
            raise EgressFailed(Kind.UNREACHABLE, detail=f"{host}: {type(error).__name__}: {error}") from error
        inside = [address for address in found if not is_public(address)]
        if inside or not found:
            raise EgressFailed(Kind.UNREACHABLE, detail=f"{host} leads to {', '.join(inside) or 'nobody'}"[:300])
        return found
