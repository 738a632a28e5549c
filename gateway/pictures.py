"""A picture of a film, made by another process that may take so much memory and time: films are others' bytes."""

import asyncio
import importlib.util
import sys
from pathlib import Path

MEDIA_TYPE = "image/jpeg"
SECONDS = 20
LARGEST = 2 << 20


class NoPicture(Exception):
    """The film has none to give, in the time and memory there is; the text says why."""


def available() -> bool:
    """Whether a decoder is installed."""
    return importlib.util.find_spec("av") is not None


async def picture_of(film: Path) -> bytes:
    """A JPEG of one of the first frames. Raises NoPicture, FileNotFoundError."""
    if not await asyncio.to_thread(film.is_file):
        raise FileNotFoundError(film)
    decoder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.decoder", str(film)),
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
