"""Ports on this machine: the next free one, and who holds a taken one."""

import socket
from contextlib import suppress
from pathlib import Path

TRIES = 100


def free_port(host: str, wished: int) -> int:
    """The wished port, or the next free one above it.

    Raises:
        OSError: none of the next hundred is free.
    """
    for port in range(wished, min(wished + TRIES, 65_536)):
        if is_free(host, port):
            return port
    raise OSError(f"no port from {wished} to {wished + TRIES - 1} is free on {host}")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


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
