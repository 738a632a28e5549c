"""An attempt: one try to make a video at one account."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.errors import FailureKind
from schema.image import UploadedImage
from schema.lifecycle import LIVE, AttemptState
from schema.money import Credits, Micros


class Verdict(StrEnum):
    """What became of the one paid request of an attempt."""

    NOT_SENT = "not_sent"  # provably nothing left this machine
    REJECTED = "rejected"  # the upstream said no before it began
    ACCEPTED = "accepted"  # the upstream gave us a ref
    UNKNOWN = "unknown"  # everything else: it may have been billed


class Reason(msgspec.Struct, frozen=True):
    """Why an attempt ended as it did; ``message`` is for people and says no secret."""

    code: FailureKind
    message: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one account.

    Attributes:
        n: 1 for a video's first attempt.
        key: the idempotency key sent upstream, the same for every replay.
        body_sha256: hex digest of the paid request's body; a replay must have the same.
        keyed: the upstream knows the key: the same bytes may be sent to it again.
        callback: whether the request carried our callback URL.
        ref: the upstream's id for it.
        replays, replayed_at: how often the same bytes were sent again under the same key, and when last.
        incomplete_at: since when it says completed without a usable file.
        sightings: polls in a row that said "no such ref".
        credits_low, credits_high: what it may cost, in the account's credits.
        credits: what it cost, as the upstream reported, else None.
        video_url: where the upstream says the file lies.
        expected: what it is booked at until the upstream reports a cost; None when it was made before there was a
            ledger, and is not booked.
        price: micros per credit when it was planned; None when unknown.
        refunds: the provider gives the credits of a failed video back.
        image: where its provider keeps the picture it was given for it.
        image_known: it had that picture from before.
    """

    id: str
    video: str
    tenant: str
    n: int
    account: str
    provider: str
    state: AttemptState
    verdict: Verdict | None
    key: str
    body_sha256: str
    credential_version: int
    keyed: bool
    callback: bool
    started_at: Millis
    ended_at: Millis | None = None
    incomplete_at: Millis | None = None
    ref: str | None = None
    replays: int = 0
    replayed_at: Millis | None = None
    polls: int = 0
    sightings: int = 0
    credits_low: Credits
    credits_high: Credits
    credits: Credits | None = None
    reason: Reason | None = None
    video_url: str | None = None
    expected: Credits | None = None
    price: Micros | None = None
    refunds: bool = False
    image: UploadedImage | None = None
    image_known: bool = False

    @property
    def micros(self) -> Micros | None:
        """What it cost, as the upstream reported, in money; None while either is not known."""
        return None if self.credits is None or self.price is None else self.credits * self.price

    @property
    def promising(self) -> bool:
        """It gives the video, or an upstream is known to be at it: nobody else must be asked meanwhile."""
        return self.state in LIVE or self.state is AttemptState.SUCCEEDED or self._found

    @property
    def _found(self) -> bool:
        """Its outcome was lost, and then its ref was learned after all."""
        return self.state is AttemptState.UNKNOWN and self.ref is not None
