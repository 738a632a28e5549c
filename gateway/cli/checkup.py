"""What ``filmgate doctor`` looks at: each check is one line, and says what to do about it."""

import asyncio
import errno
import os
import platform
import socket
import sys
from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.cli.settings_file import read
from gateway.config.settings import Settings, parse_listen, without_password

OLDEST_PYTHON = (3, 11)
"""Before it, a WAL reset can corrupt the file."""

_ASSETS_SECONDS = 45
_DATABASE_SECONDS = 10


class Mark(StrEnum):
    OK = "ok"
    BAD = "!!"
    NOTE = "--"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at; ``fix`` is the command, or the words, that mend it."""

    mark: Mark
    name: str
    found: str
    fix: str | None = None


def checkup(config_file: Path) -> list[Check]:
    """Everything, in order. What needs the configuration is skipped when it can not be used."""
    config, settings = check_config(config_file)
    first = [check_python(sys.version_info[:3]), check_sqlite(), config]
    if settings is None:
        return first
    database = check_database(settings, config_file)
    return [*first, check_secret_key(settings), database, check_assets(settings), check_port(settings)]


def check_python(version: tuple[int, ...]) -> Check:
    found = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return Check(mark=Mark.BAD, name="python", found=found, fix="install Python 3.11 or newer")
    return Check(mark=Mark.OK, name="python", found=f"{found} on {platform.system()}")


def check_sqlite() -> Check:
    from gateway.store.database import StoreError
    from gateway.store.sqlite import library_version, refuse_old

    found = library_version()
    try:
        refuse_old(found)
    except StoreError:
        return Check(mark=Mark.BAD, name="sqlite", found=f"{found} can corrupt its file", fix="pip install -U apsw")
    return Check(mark=Mark.OK, name="sqlite", found=found)


def check_config(config_file: Path) -> tuple[Check, Settings | None]:
    reading = read(config_file)
    settings, findings = reading.settings, reading.findings
    how = f"filmgate config check {config_file}"
    if not config_file.exists():
        how = f"filmgate init -c {config_file}"
    wrong = [finding for finding in findings if not finding.warning]
    if settings is None:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        found = f"{config_file}: {wrong[0].path} {wrong[0].problem}{more}".replace(":  ", ": ")
        return Check(mark=Mark.BAD, name="config", found=found, fix=how), None
    if findings:
        found = f"{config_file}, {len(findings)} to think about"
        return Check(mark=Mark.NOTE, name="config", found=found, fix=how), settings
    return Check(mark=Mark.OK, name="config", found=str(config_file)), settings


def check_secret_key(settings: Settings) -> Check:
    """Its strength was judged with the configuration; here it is said."""
    length = len(settings.secrets.key.reveal())
    return Check(mark=Mark.OK, name="secret key", found=f"{length} characters")


def check_database(settings: Settings, config_file: Path) -> Check:
    url, migrate = settings.database.url, f"filmgate db migrate --config {config_file}"
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return Check(mark=Mark.NOTE, name="database", found="is not there yet", fix=migrate)
    try:
        pending = asyncio.run(asyncio.wait_for(_pending(url), _DATABASE_SECONDS))
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
        return Check(mark=Mark.BAD, name="database", found=_said(error), fix="see database.url in the configuration")
    if pending:
        found = f"is {len(pending)} migrations behind: {', '.join(pending)}"
        return Check(mark=Mark.BAD, name="database", found=found, fix=migrate)
    return Check(mark=Mark.OK, name="database", found=f"{url.partition(':')[0]}, up to date")


async def _pending(url: str) -> list[str]:
    from gateway.store.database import connect
    from gateway.store.migrate import packaged

    database = await connect(url, pool=1, exclusive=False)
    try:
        return await database.pending(packaged())
    finally:
        await database.close()


def check_assets(settings: Settings) -> Check:
    url = settings.assets.url
    if not url.startswith("file://"):
        return _check_object_store(settings)
    folder = Path(url.removeprefix("file://"))
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        fix = f"make {existing} a folder this user may write to"
        return Check(mark=Mark.BAD, name="assets", found=f"{folder} can not be written to", fix=fix)
    return Check(mark=Mark.OK, name="assets", found=str(folder) + ("" if folder.exists() else ", to be made"))


def _check_object_store(settings: Settings) -> Check:
    """Written to, read and deleted from, as a server does when it starts."""
    from gateway.assets import Assets, AssetStoreFailed

    try:
        asyncio.run(asyncio.wait_for(Assets(settings.assets.url, settings.assets.options).check(), _ASSETS_SECONDS))
    except (AssetStoreFailed, TimeoutError) as error:
        fix = "see assets.url and assets.options, and the credentials in the environment"
        return Check(mark=Mark.BAD, name="assets", found=_said(error), fix=fix)
    return Check(mark=Mark.OK, name="assets", found=f"{settings.assets.url} can be written to")


def check_port(settings: Settings) -> Check:
    host, port = settings.server.address
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return _taken(settings.server.listen, error)
    return Check(mark=Mark.OK, name="listen", found=f"{settings.server.listen} is free")


def _taken(listen: str, error: OSError) -> Check:
    if error.errno == errno.EADDRINUSE and _answers(listen):
        return Check(mark=Mark.NOTE, name="listen", found=f"{listen} is used by a gateway that runs")
    found = f"{listen}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE:
        from gateway.ports import holder

        found = f"{listen} is used by {holder(parse_listen(listen)[1])}"
    return Check(mark=Mark.BAD, name="listen", found=found, fix="stop what uses it, or set server.listen to another")


def _answers(listen: str) -> bool:
    """Something there says that it lives, the way the gateway does."""
    import httpx

    try:
        return httpx.get(f"http://{listen}/livez", timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _said(error: Exception) -> str:
    return without_password(str(error)) or type(error).__name__
