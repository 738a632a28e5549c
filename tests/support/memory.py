"""Where tests keep their files: in memory where there is enough of it, for a kill loses nothing that the system has."""

import shutil
import tempfile
from pathlib import Path

SHARED = Path("/dev/shm")  # noqa: S108 - everybody makes a folder of its own there
ROOM = 4 << 30


def scratch() -> str:
    """A folder to make folders in."""
    roomy = SHARED.is_dir() and shutil.disk_usage(SHARED).free >= ROOM
    return str(SHARED) if roomy else tempfile.gettempdir()
