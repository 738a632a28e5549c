"""The markers a prompt may carry to script what happens to it: the table, and how it is read."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import get_args

from msgspec import Struct

from gateway.sandbox.settings import Provider


class Kind(StrEnum):
    """Which moment of a job's life a marker touches."""

    REFUSAL = "refusal"
    """The create call is refused; no job, nothing billed."""
    ANSWER = "answer"
    """The job is made and billed; what goes wrong is the answer."""
    JOB = "job"
    STATUS = "status"
    HOOK = "hook"
    FILE = "file"


class Marker(Struct, frozen=True):
    name: str
    kind: Kind
    says: str

    @property
    def may_be_once(self) -> bool:
        return self.kind in {Kind.REFUSAL, Kind.ANSWER}


_TABLE = (
    Marker("429", Kind.REFUSAL, "rate limited"),
    Marker("500", Kind.REFUSAL, "HTTP 500 with the error body, whatever the variant"),
    Marker("502", Kind.REFUSAL, "HTTP 502 with a proxy's HTML page"),
    Marker("503", Kind.REFUSAL, "HTTP 503 with `Retry-After: 1` and a plain text body"),
    Marker("5000", Kind.REFUSAL, "server error in the provider's own words, by the variant"),
    Marker("no-credits", Kind.REFUSAL, "out of credits, though the balance would do"),
    Marker("unauthorized", Kind.REFUSAL, "the key is refused, though it is right"),
    Marker("invalid", Kind.REFUSAL, "invalid parameters, though they are valid"),
    Marker("reject", Kind.REFUSAL, "the content is rejected at creation"),
    Marker("drop-before-accept", Kind.REFUSAL, "the connection is reset before anything happened"),
    Marker("drop-after-accept", Kind.ANSWER, "the connection is reset instead of an answer"),
    Marker("hang-after-accept", Kind.ANSWER, "no answer for `hang_seconds`"),
    Marker("500-after-accept", Kind.ANSWER, "HTTP 500 with a plain text body"),
    Marker("truncated", Kind.ANSWER, "half of the body, then the connection is closed"),
    Marker("html-200", Kind.ANSWER, "HTTP 200 with an HTML page"),
    Marker("empty-200", Kind.ANSWER, "HTTP 200 with no body"),
    Marker("no-id", Kind.ANSWER, "success without `uuid`; at Doitong `id` is null"),
    Marker("partial", Kind.ANSWER, "the job's data and `errors[]` together (Doitong GraphQL)"),
    Marker("fail", Kind.JOB, "the generation fails at 60 % of its time, with a reason"),
    Marker("slow", Kind.JOB, "takes five times as long"),
    Marker("instant", Kind.JOB, "takes no time at all"),
    Marker("stuck", Kind.JOB, "never ends"),
    Marker("unknown-status", Kind.STATUS, "`rendering`, a word nobody documented, in the middle"),
    Marker("regress", Kind.STATUS, "progress falls in the middle"),
    Marker("no-url", Kind.STATUS, "completed, and never a URL"),
    Marker("late-url", Kind.STATUS, "completed, at first without a URL; a second webhook brings it"),
    Marker("poll-404", Kind.STATUS, "the first status call knows no such job"),
    Marker("poll-500", Kind.STATUS, "the first two status calls end in a server error"),
    Marker("poll-drop", Kind.STATUS, "the first status call's connection is reset"),
    Marker("different-id", Kind.STATUS, "a replay of the same key answers another id of the same job"),
    Marker("lost-webhook", Kind.HOOK, "no webhook at all"),
    Marker("duplicate-webhook", Kind.HOOK, "the last webhook comes twice"),
    Marker("early-webhook", Kind.HOOK, "done at once, and the webhook comes before the create answer"),
    Marker("stale-webhook", Kind.HOOK, "`processing` comes after the last webhook"),
    Marker("bad-signature", Kind.HOOK, "signed with another secret"),
    Marker("bad-file", Kind.FILE, "an HTML page instead of the video"),
    Marker("short-file", Kind.FILE, "`Content-Length` promises twice what comes before the connection is closed"),
    Marker("empty-file", Kind.FILE, "no bytes"),
    Marker("huge-file", Kind.FILE, "`Content-Length` promises 10 GB, and what comes never ends"),
    Marker("gone-file", Kind.FILE, "404 the first time, then the video"),
    Marker("redirect-file", Kind.FILE, "302 to `http://169.254.169.254/`"),
)
MARKERS = {marker.name: marker for marker in _TABLE}

_MARK = re.compile(r"\[sim:([^\]]*)\]")
_ONCE = "-once"


class Script(Struct, frozen=True):
    """What a prompt asks of one provider, in the order written. `unknown` are markers nobody defined."""

    always: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


_NOTHING = Script()


def scripted(prompt: str, scripts: Mapping[str, str]) -> str:
    """A prompt as it counts: one that is a script by itself is the marker that it stands for."""
    name = scripts.get(prompt)
    return prompt if name is None else f"[sim:{name}]"


def read(prompt: str, provider: Provider) -> Script:
    """The script for this provider: markers scoped to the other one are left out."""
    if "[sim:" not in prompt:
        return _NOTHING
    always: list[str] = []
    once: list[str] = []
    unknown: list[str] = []
    for written in _MARK.findall(prompt):
        scope, _, name = written.rpartition(":")
        base = name.removesuffix(_ONCE)
        if not _is_known(scope, base, is_once=base != name):
            unknown.append(written)
        elif scope in {"", provider}:
            (always if base == name else once).append(base)
    return Script(tuple(always), tuple(once), tuple(unknown))


def _is_known(scope: str, base: str, *, is_once: bool) -> bool:
    marker = MARKERS.get(base)
    if marker is None or scope not in {"", *get_args(Provider)}:
        return False
    return marker.may_be_once or not is_once
