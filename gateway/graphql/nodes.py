"""Things with a global id: ids are opaque, unique, and say by their prefix what they name."""

import re

import strawberry

from schema.ids import ALPHABET, BODY_LENGTH, VIDEO

_VIDEO_ID = re.compile(f"{VIDEO}[{ALPHABET}]{{{BODY_LENGTH}}}")


@strawberry.interface(description="Anything that can be fetched again by its id alone.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and globally unique.")


def names_video(id: str) -> bool:
    """Whether an id could be a video's; what could not is never looked up."""
    return _VIDEO_ID.fullmatch(id) is not None
