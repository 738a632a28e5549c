"""What a video turned out to be: as asked, or as adjusted, or else what its provider makes when told nothing."""

from gateway.services.accounts import Accounts
from providers.base import Capabilities
from schema.video import AspectRatio, Quality, Video

_RATIOS = frozenset(AspectRatio)


def seconds_of(video: Video, accounts: Accounts) -> int | None:
    given = _given(video, "seconds")
    if given is None and video.spec.seconds is not None:
        return video.spec.seconds
    if given is not None and given.isdecimal():
        return int(given)
    able = _capabilities(video, accounts)
    return None if able is None else able.default_seconds


def aspect_ratio_of(video: Video, accounts: Accounts) -> AspectRatio | None:
    given = _given(video, "aspect_ratio")
    if given is None and video.spec.aspect_ratio is not None:
        return video.spec.aspect_ratio
    if given in _RATIOS:
        return AspectRatio(given)
    able = _capabilities(video, accounts)
    return None if able is None else able.default_aspect_ratio


def quality_of(video: Video) -> Quality | None:
    return video.spec.quality if _given(video, "quality") is None else None


def _given(video: Video, field: str) -> str | None:
    """What a wish was bent to; None when it was not."""
    return next((adjustment.given for adjustment in video.adjustments if adjustment.field == field), None)


def _capabilities(video: Video, accounts: Accounts) -> Capabilities | None:
    """What the video's account can do; None while it has none, or one that is no longer configured."""
    configured = None if video.account is None else accounts.once(video.account)
    return None if configured is None else configured[1].capabilities
