"""Pictures of a film, made by another process that may take so much memory and time: films are others' bytes."""

import asyncio
import importlib.util
import sys
from enum import StrEnum
from pathlib import Path

MEDIA_TYPE = "image/jpeg"
SECONDS = 20
LARGEST = 16 << 20


class Take(StrEnum):
    """What is made of a film; gateway/decoder.py knows how."""

    THUMBNAIL = "thumbnail"  # one of the first frames, small
    SPRITESHEET = "spritesheet"  # frames from all over it in a grid
    FIRST = "first"  # the first frame as it is
    LAST = "last"  # the last


class NoPicture(Exception):
    """The film has none to give, in the time and memory there is; the text says why."""


def available() -> bool:
    """Whether a decoder is installed."""
    return importlib.util.find_spec("av") is not None


async def picture_of(film: Path, take: Take) -> bytes:
    """A JPEG of it. Raises NoPicture, FileNotFoundError."""
    if not await asyncio.to_thread(film.is_file):
        raise FileNotFoundError(film)
    decoder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.decoder", take, str(film)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    try:
        async with asyncio.timeout(SECONDS):
            picture, _ = await decoder.communicate()
    except TimeoutError as error:
        raise NoPicture(f"it took longer than {SECONDS} seconds") from error
    finally:
        if decoder.returncode is None:
            decoder.kill()
            await decoder.wait()
    if decoder.returncode != 0 or not picture.startswith(b"\xff\xd8") or len(picture) > LARGEST:
        raise NoPicture("it can not be decoded")
    return picture
