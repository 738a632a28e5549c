"""Ports on this machine: the next free one, and who holds a taken one."""

import resource
import socket
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path

TRIES = 100
BACKLOG = 2048
_LONGEST_SILENCE = 32_767.0
"""Seconds: what Linux can count to."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. It names TCP: only then does asyncio switch off Nagle's delay (40 ms on small answers).

    Raises:
        OSError: the address is taken; two may bind one address, so only listening tells.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def notice_the_vanished(listener: socket.socket, seconds: float) -> None:
    """Let the system end a listener's connections whose other side says nothing to what is sent to it for so long.

    What is sent is the answer, or after so long without one a question of TCP's own.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        seconds = min(seconds, _LONGEST_SILENCE)
        for option, value in (
            (socket.TCP_KEEPIDLE, ceil(seconds)),
            (socket.TCP_KEEPINTVL, ceil(seconds / 4)),
            (socket.TCP_USER_TIMEOUT, ceil(seconds * 1000)),
        ):
            listener.setsockopt(socket.IPPROTO_TCP, option, value)


def open_files(wanted: int) -> int:
    """How many files and connections this process may have open, once it has asked for as many as it wants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed, soft)


def listen_from(host: str, wished: int) -> socket.socket:
    """A socket that listens on the wished port, or on the next free one above it.

    Raises:
        OSError: none of the next hundred is free.
    """
    for port in range(wished, min(wished + TRIES, 65_536)):
        with suppress(OSError):
            return listen(host, port)
    raise OSError(f"no port from {wished} to {wished + TRIES - 1} is free on {host}")


def holder(port: int) -> str:
    """Who listens on a port, such as ``python (pid 1200)``; "another program" when this system does not say."""
    inode = _listening_inode(port)
    if inode is not None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and _holds(process, inode):
                return f"{_name(process)} (pid {process.name})"
    return "another program"


def _listening_inode(port: int) -> str | None:
    """The socket's inode, from the kernel's tables (state 0A is LISTEN)."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    return fields[9]
    return None


def _holds(process: Path, inode: str) -> bool:
    with suppress(OSError):  # it ended, or is not ours to look at
        return any(_link(descriptor) == f"socket:[{inode}]" for descriptor in (process / "fd").iterdir())
    return False


def _link(descriptor: Path) -> str:
    with suppress(OSError):  # closed while we looked
        return str(descriptor.readlink())
    return ""


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text().strip()
    return "a program"
