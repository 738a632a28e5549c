"""Files beside a video's own: pictures of it, and what an attempt made that came when its video had ended already."""

import msgspec

from schema.clock import Millis
from schema.link import Variant
from schema.video import Asset


class ExtraOutput(msgspec.Struct, frozen=True):
    """A file beside a video's own; ``at`` is when it was stored here, ``gone_at`` when it was let go of."""

    attempt: str
    asset: Asset
    at: Millis
    expires_at: Millis | None = None
    gone_at: Millis | None = None

    def there(self, now: Millis) -> bool:
        """Whether its file is still to be had."""
        return self.gone_at is None and (self.expires_at is None or now < self.expires_at)


POSTERS = {Variant.THUMBNAIL: "poster", Variant.SPRITESHEET: "sheet"}
"""What is made of a file and kept beside it, and what that is called in its key and in the database."""


class Poster(msgspec.Struct, frozen=True, kw_only=True):
    """A picture made of a file, kept beside it; ``size`` in bytes, ``sha256`` in hex."""

    size: int
    sha256: str
    media_type: str
