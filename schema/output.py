"""An extra output: the file of an attempt that came when its video had ended already."""

import msgspec

from schema.clock import Millis
from schema.video import Asset


class ExtraOutput(msgspec.Struct, frozen=True):
    """A file beside a video's own; ``at`` is when it was stored here."""

    attempt: str
    asset: Asset
    at: Millis
