"""What a file is by its first bytes, whatever its name, its sender or its Content-Type say."""

HEAD = 64
"""Bytes from the beginning that are looked at."""

FEWEST = 12
"""Bytes that a video has at least."""

EXTENSIONS = {"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm"}
"""The kinds of video that are known, and how their files' names end."""

_MATROSKA = b"\x1aE\xdf\xa3"


def video_type(head: bytes) -> str | None:
    """The media type of a video, by its first ``HEAD`` bytes; None when it is none that we know."""
    if len(head) < FEWEST:
        return None
    if head[4:8] == b"ftyp":  # a box's size, its kind, then whose flavour it is
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head.startswith(_MATROSKA) and b"\x42\x82\x84webm" in head:  # DocType, of four bytes
        return "video/webm"
    return None
