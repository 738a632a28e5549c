"""Drives a provider's flow with canned answers: no loop, no network. And reads the wire samples."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from providers.base import Flow, WireRequest, WireResponse

T = TypeVar("T")

WIRE = Path(__file__).parent / "wire"


def play(flow: Flow[T], *answers: WireResponse) -> tuple[list[WireRequest], T]:
    """Every request the flow yielded, and what it returned. The flow takes exactly these answers."""
    requests = [next(flow)]
    for n, answer in enumerate(answers, start=1):
        try:
            requests.append(flow.send(answer))
        except StopIteration as done:
            assert n == len(answers), "the flow ended before its answers did"
            return requests, done.value
    raise AssertionError(f"the flow wanted another answer, to {requests[-1].path}")


def asked(flow: Flow[Any]) -> WireRequest:
    """The first request of a flow that is then dropped."""
    return next(flow)


def answer(body: Any = b"", status: int = 200, **headers: str) -> WireResponse:
    """A whole answer; what is not bytes is sent as JSON, underscores in header names stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireResponse(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=content
    )


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recorded or transcribed answer, and what it means.

    Attributes:
        says: the oddity, in a sentence.
        source: ``documented``, or ``assumed`` and the row of the provider's README that says why.
        to: what it answers.
        options: the account's options under which it means that.
        text: the body when it is not JSON.
        conforms: whether it has the shape that openapi/ describes; what breaks it on purpose has not.
        means: the fields that matter of what the adapter makes of it, or ``{"refused": kind, …}``.
    """

    says: str
    source: str
    to: str
    means: dict[str, Any]
    options: dict[str, Any] = {}
    status: int = 200
    headers: dict[str, str] = {}
    body: Any = None
    text: str | None = None
    conforms: bool = True

    def response(self) -> WireResponse:
        return WireResponse(status=self.status, headers=self.headers, body=self.content())

    def content(self) -> bytes:
        return json.dumps(self.body).encode() if self.text is None else self.text.encode()


def samples(provider: str) -> Iterator[tuple[str, Sample]]:
    """The wire samples of a provider, by name."""
    for file in sorted((WIRE / provider).glob("*.json")):
        yield file.stem, msgspec.json.decode(file.read_bytes(), type=Sample)
