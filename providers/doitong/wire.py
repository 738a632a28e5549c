"""Doitong's own JSON and GraphQL, spelled as its "Google Veo3 Ultra" page spells them (read 2026-11-20).

What we send is typed strictly. What we read is typed as far as a decision rests on it; the adapter's readers judge the
rest, because the page contradicts itself and shows no failure.
"""

from typing import Any, Final, Literal

import msgspec

GENERATE: Final = (
    "mutation Generate($input: GenerateInput!) { generate(input: $input) "
    "{ id status type provider url metadata creditCost createdAt } }"
)
"""The page's own mutation, with the fields of its longest sample. Changing it changes what a replay must repeat."""

STATUS_QUERY: Final = "query($id: ID!) { generation(id: $id) { id status url metadata creditCost createdAt } }"
"""A guess: the page polls by a function it does not define (D4)."""

Ratio = Literal["16:9", "9:16", "1:1"]


class Text(msgspec.Struct, frozen=True):
    """``input.input``: the prompt goes by the name of text."""

    text: str


class GenerateOptions(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """``input.options``: free-form by all appearance, so an unknown key is likely ignored (D3)."""

    duration: int | None = None
    aspect_ratio: Ratio | None = None
    version: str | None = None
    quality: Literal["high"] | None = None
    webhook_url: str | None = None


class GenerateInput(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """The mutation's one variable. ``type`` and ``provider`` are variables, never literals in the document (D16)."""

    type: str  # no default: what equals its default is left out
    provider: str
    input: Text
    options: GenerateOptions
    webhook_url: str | None = None


class GraphQLRequest(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    variables: dict[str, GenerateInput | str]


class TextToVideo(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """The body of ``POST /v1/text_to_video``: the flat table of parameters. It lists no quality."""

    service: str
    prompt: str
    duration: int | None = None
    aspect_ratio: Ratio | None = None
    version: str | None = None
    webhook_url: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Any answer: ``data`` and ``errors``, alone or together (D2); a REST error may be bare, nobody says (D7)."""

    data: Any = None
    errors: Any = None
    error: Any = None
    message: Any = None
    code: Any = None


class Generation(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A video in an answer or in a hook; ``progress`` and the four last fields are guesses (D6)."""

    id: Any = None
    status: Any = None
    url: Any = None
    credit_cost: Any = None
    metadata: Any = None
    progress: Any = None
    error: Any = None
    message: Any = None
    reason: Any = None
    failure_reason: Any = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One of ``errors``, or a bare error of the same meaning."""

    message: Any = None
    code: Any = None
    extensions: Any = None


class Extensions(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``errors[].extensions``; the credits come with INSUFFICIENT_CREDITS, the only code its page shows."""

    code: Any = None
    field: Any = None
    credits_required: Any = None
    credits_available: Any = None
