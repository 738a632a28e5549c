"""How many requests an account may still make: sliding counts of its last minute and day, corrected by its answers.

A bucket is a sixtieth of its span, and its calls count until the span has passed since its end. Whatever moment an
upstream's own window begins at, it never sees more than its limit. A call counts where it was taken, and moves to the
bucket of its answer once that came: the upstream has counted it no later than that.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from schema.account import Limits
from schema.clock import Millis

BUCKETS = 60

SLACK = 1.1
"""A reset this much later than a minute from now is still a minute's: it is rounded, and it travelled."""

SLACK_MILLIS = 1000


class Purpose(StrEnum):
    """What a request is for: creates make videos, polls ask how they are."""

    CREATE = "create"
    POLL = "poll"


class Spans(msgspec.Struct, frozen=True, kw_only=True):
    """How long providers' minutes and days are, in milliseconds."""

    minute: Millis
    day: Millis


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """Calls of a sixtieth of a span, from ``at`` on."""

    at: Millis
    creates: int = 0
    polls: int = 0

    def more(self, purpose: Purpose, by: int) -> "Bucket":
        if purpose is Purpose.CREATE:
            return Bucket(self.at, self.creates + by, self.polls)
        return Bucket(self.at, self.creates, self.polls + by)

    def of(self, purpose: Purpose) -> int:
        return self.creates if purpose is Purpose.CREATE else self.polls


Counts = tuple[Bucket, ...]
"""Oldest first; none is empty."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer said that less is left than we counted: somebody else uses the account.

    Attributes:
        left: so many more until then.
        at: when it was heard; only a call taken later can say otherwise.
    """

    left: int
    until: Millis
    at: Millis


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """What an account was asked lately, by all replicas.

    Attributes:
        learned: requests a minute, as its headers say.
        owed_until: creates leave room until then for a poll that was refused, and will be sent by then if at all.
    """

    minute: Counts = ()
    day: Counts = ()
    learned: int | None = None
    told: Told | None = None
    owed_until: Millis | None = None


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """A window without room: its limit, what of it is used, and when there is room again."""

    limit: int
    used: int
    until: Millis


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it is shown: its limit, what is left of it, and when it is whole again; None when it is already."""

    limit: int | None
    left: int | None
    whole_at: Millis | None


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say of a window; ``reset`` is milliseconds from now."""

    limit: int | None = None
    remaining: int | None = None
    reset: Millis | None = None


def per_minute(meter: Meter, limits: Limits) -> int | None:
    """The minute's limit: a header lowers what is configured, and never raises it."""
    known = [limit for limit in (limits.per_minute, meter.learned) if limit is not None]
    return min(known, default=None)


def metered(meter: Meter, limits: Limits) -> bool:
    """Whether there is anything to count for."""
    return per_minute(meter, limits) is not None or limits.per_day is not None or meter.told is not None


def may(meter: Meter, limits: Limits, now: Millis, purpose: Purpose, spans: Spans) -> Millis | None:
    """None when the account may be asked now, else the moment at which it may."""
    full = (
        minute_full(meter, limits, now, purpose, spans),
        day_full(meter, limits, now, purpose, spans),
        _told_full(meter, now),
    )
    return max((one.until for one in full if one is not None), default=None)


def room(meter: Meter, limits: Limits, now: Millis, spans: Spans) -> int | None:
    """How many more videos may be asked for now; None for no end of them."""
    if may(meter, limits, now, Purpose.CREATE, spans) is not None:
        return 0
    left = _room(meter, limits, now, spans)
    if meter.told is not None and meter.told.until > now:
        left = min(left, meter.told.left)
    return None if left == float("inf") else max(int(left), 1)


def minute_left(meter: Meter, limits: Limits, now: Millis, spans: Spans) -> Left:
    """The minute, or less of it when an answer said so."""
    ours = _left(meter.minute, per_minute(meter, limits), now, spans.minute)
    told = meter.told
    if told is None or told.until <= now:
        return ours
    left = told.left if ours.left is None else min(ours.left, told.left)
    return Left(limit=ours.limit, left=left, whole_at=max(told.until, ours.whole_at or 0))


def day_left(meter: Meter, limits: Limits, now: Millis, spans: Spans) -> Left:
    """The day, by what was asked in it."""
    return _left(meter.day, limits.per_day, now, spans.day)


def _left(counts: Counts, limit: int | None, now: Millis, span: Millis) -> Left:
    if limit is None:
        return Left(limit=None, left=None, whole_at=None)
    counting = _counting(counts, now, span)
    used = sum(one.creates + one.polls for one in counting)
    whole_at = _ends_counting(counting[-1], span) if counting else None
    return Left(limit=limit, left=max(limit - used, 0), whole_at=whole_at)


def rest_of_day(meter: Meter, limits: Limits, now: Millis, spans: Spans) -> tuple[int, Millis]:
    """Requests left of the day, and how long until the first of those made begin to count no more."""
    counting = _counting(meter.day, now, spans.day)
    if limits.per_day is None or not counting:
        return limits.per_day or 0, 0
    used = sum(one.creates + one.polls for one in counting)
    return max(limits.per_day - used, 0), _ends_counting(counting[0], spans.day) - now


def minute_full(meter: Meter, limits: Limits, now: Millis, purpose: Purpose, spans: Spans) -> Full | None:
    """The minute, or what an answer said is left, when it has no room for this."""
    owed_until = meter.owed_until if not _waits_for_a_day(meter, now, spans) else None
    found = _full(meter.minute, per_minute(meter, limits), now, purpose, spans.minute, owed_until=owed_until)
    told = _told_full(meter, now)
    both = [one for one in (found, told) if one is not None]
    return max(both, key=lambda one: one.until, default=None)


def day_full(meter: Meter, limits: Limits, now: Millis, purpose: Purpose, spans: Spans) -> Full | None:
    """The day when it has no room for this."""
    owed_until = meter.owed_until if _waits_for_a_day(meter, now, spans) else None
    return _full(meter.day, limits.per_day, now, purpose, spans.day, owed_until=owed_until)


def _waits_for_a_day(meter: Meter, now: Millis, spans: Spans) -> bool:
    """The poll that is owed waits for the day's window, not for the minute's."""
    return meter.owed_until is not None and meter.owed_until > now + spans.minute + 3 * _grace(spans)


def taken(meter: Meter, now: Millis, purpose: Purpose, spans: Spans) -> Meter:
    """The meter after a call was counted; a poll pays what is owed."""
    told = meter.told
    if told is not None:
        told = replace(told, left=max(0, told.left - 1)) if told.until > now else None
    return replace(
        meter,
        minute=_counted(meter.minute, now, purpose, spans.minute),
        day=_counted(meter.day, now, purpose, spans.day),
        told=told,
        owed_until=None if purpose is Purpose.POLL else meter.owed_until,
    )


def owed(meter: Meter, until: Millis, spans: Spans) -> Meter:
    """The meter after a poll was refused until a moment: creates leave room for it, and a little longer.

    No longer than that: what it would have asked may have been told by a hook meanwhile, and then it never comes.
    """
    return replace(meter, owed_until=max(until + _grace(spans), meter.owed_until or 0))


def _grace(spans: Spans) -> Millis:
    """How late a poll may be that was told when it may be sent."""
    return spans.minute // 20


def answered(
    meter: Meter, limits: Limits, now: Millis, purpose: Purpose, spans: Spans, *, taken_at: Millis, word: Word
) -> Meter:
    """The meter after the answer to a call that was taken at ``taken_at`` came."""
    learned = _learned(meter, limits, word, spans)
    if learned is not None or metered(meter, limits):
        minute, day = (_without(counts, taken_at, purpose) for counts in (meter.minute, meter.day))
        meter = replace(
            meter,
            minute=_counted(minute, now, purpose, spans.minute),
            day=_counted(day, now, purpose, spans.day),
            learned=learned,
        )
    return replace(meter, told=_told(meter, limits, now, spans, taken_at=taken_at, word=word))


def _full(
    counts: Counts, limit: int | None, now: Millis, purpose: Purpose, span: Millis, *, owed_until: Millis | None
) -> Full | None:
    if limit is None:
        return None
    anyway = _filled(counts, limit, now, purpose, span, owed=False)
    if owed_until is None or owed_until <= now or purpose is Purpose.POLL:
        return anyway
    unless_it_comes = max(owed_until, now if anyway is None else anyway.until)
    if limit < 2:  # half of it is nothing: the only request is the poll's
        return Full(limit=limit, used=_used(counts, now, span), until=unless_it_comes)
    full = _filled(counts, limit, now, purpose, span, owed=True)
    return None if full is None else replace(full, until=min(full.until, unless_it_comes))


def _filled(counts: Counts, limit: int, now: Millis, purpose: Purpose, span: Millis, *, owed: bool) -> Full | None:
    counting = _counting(counts, now, span)
    until: Millis | None = None
    for passed in range(len(counting) + 1):
        rest = counting[passed:]
        creates, polls = sum(one.creates for one in rest), sum(one.polls for one in rest)
        if _has_room(creates, polls, limit, purpose, owed=owed):
            break
        until = _ends_counting(counting[passed], span)
    if until is None:
        return None
    return Full(limit=limit, used=_used(counting, now, span), until=until)


def _used(counts: Counts, now: Millis, span: Millis) -> int:
    return sum(one.creates + one.polls for one in _counting(counts, now, span))


def _has_room(creates: int, polls: int, limit: int, purpose: Purpose, *, owed: bool) -> bool:
    """Polls have half at most, and creates leave that half to them while one is owed."""
    half = limit // 2
    if purpose is Purpose.POLL:
        return polls < max(1, half) and creates + polls < limit
    return creates + max(polls, half if owed else 0) < limit


def _told_full(meter: Meter, now: Millis) -> Full | None:
    told = meter.told
    if told is None or told.until <= now or told.left > 0:
        return None
    return Full(limit=meter.learned or 0, used=meter.learned or 0, until=told.until)


def _learned(meter: Meter, limits: Limits, word: Word, spans: Spans) -> int | None:
    """The minute's limit after a header. One with a far reset, or with the day's number, speaks of another window."""
    far = word.reset is not None and word.reset > spans.minute * SLACK + SLACK_MILLIS
    if word.limit is None or word.limit < 1 or far or word.limit == limits.per_day:
        return meter.learned
    if meter.learned is not None and word.limit > meter.learned and word.reset is None:
        return meter.learned
    return word.limit


def _told(meter: Meter, limits: Limits, now: Millis, spans: Spans, *, taken_at: Millis, word: Word) -> Told | None:
    before = meter.told if meter.told is not None and meter.told.until > now else None
    if word.remaining is None or word.reset is None:
        return before
    said = Told(left=word.remaining, until=now + word.reset, at=now)
    said_less = said if word.remaining < _room(meter, limits, now, spans) else None
    if before is None or taken_at >= before.at:
        return said_less
    return before if said_less is None or said_less.left >= before.left else said_less


def _room(meter: Meter, limits: Limits, now: Millis, spans: Spans) -> float:
    """What our own counts leave."""
    rooms = [
        limit - sum(one.creates + one.polls for one in _counting(counts, now, span))
        for counts, limit, span in (
            (meter.minute, per_minute(meter, limits), spans.minute),
            (meter.day, limits.per_day, spans.day),
        )
        if limit is not None
    ]
    return max(0, min(rooms)) if rooms else float("inf")


def _counting(counts: Counts, now: Millis, span: Millis) -> Counts:
    return tuple(one for one in counts if _ends_counting(one, span) > now)


def _ends_counting(bucket: Bucket, span: Millis) -> Millis:
    return bucket.at + _width(span) + span


def _width(span: Millis) -> Millis:
    return max(1, -(-span // BUCKETS))


def _counted(counts: Counts, now: Millis, purpose: Purpose, span: Millis) -> Counts:
    """One call more, now; in the newest bucket when this replica's clock is behind the one that made it."""
    kept = _counting(counts, now, span)
    at = now - now % _width(span)
    if kept and kept[-1].at >= at:
        return (*kept[:-1], kept[-1].more(purpose, 1))
    return (*kept, Bucket(at).more(purpose, 1))


def _without(counts: Counts, taken_at: Millis, purpose: Purpose) -> Counts:
    """One call less, of the newest bucket that begins no later than it was taken."""
    for index in range(len(counts) - 1, -1, -1):
        bucket = counts[index]
        if bucket.at <= taken_at and bucket.of(purpose):
            less = bucket.more(purpose, -1)
            return (*counts[:index], *((less,) if less.creates or less.polls else ()), *counts[index + 1 :])
    return counts
