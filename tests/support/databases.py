"""SQLite files that are migrated already: most tests would begin by that, and a copy is made in no time."""

import atexit
import shutil
import tempfile
from pathlib import Path

from gateway.store.database import connect
from gateway.store.migrate import packaged
from tests.support.memory import scratch

_template: list[Path] = []


async def migrated(file: Path) -> None:
    """A file with the tables as they are shipped and nothing in them; one that is there already stays as it is."""
    if file.exists():
        return
    if not _template:
        _template.append(await _made())
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template[0], file)


async def _made() -> Path:
    folder = tempfile.mkdtemp(dir=scratch())
    atexit.register(shutil.rmtree, folder)
    database = await connect(f"sqlite:///{folder}/filmgate.db")
    await database.migrate(packaged())
    await database.close()  # and whatever lay beside the file is in it
    return Path(folder, "filmgate.db")
