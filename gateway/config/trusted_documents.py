"""Trusted documents: GraphQL texts an operator has laid in, by the ids under which clients ask for them."""

import hashlib
from collections.abc import Iterable
from typing import Self

import msgspec

_SHA256 = "sha256:"
"""What may stand before an id that is the SHA-256 of the text, as GraphQL over HTTP spells ``documentId``."""


class TrustedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One document.

    Attributes:
        id: as its manifest spells it.
        source: the name of that manifest.
    """

    id: str
    text: str
    source: str


class TrustedDocuments(msgspec.Struct, frozen=True, kw_only=True):
    """All of them.

    Attributes:
        texts: by the ids of the manifests, and by the SHA-256 of each text.
    """

    documents: tuple[TrustedDocument, ...] = ()
    texts: dict[str, str] = {}

    @classmethod
    def of(cls, documents: Iterable[TrustedDocument]) -> Self:
        documents = tuple(documents)
        by_hash = {sha256(document.text): document.text for document in documents}
        by_id = {document.id: document.text for document in documents}
        return cls(documents=documents, texts={**by_hash, **by_id})

    def find(self, id: str) -> str | None:
        """The text that is meant; None when there is none such."""
        found = self.texts.get(id)
        return self.texts.get(id.removeprefix(_SHA256)) if found is None else found


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_in(id: str) -> str | None:
    """The SHA-256 that an id is; None when it is another sort of id."""
    bare = id.removeprefix(_SHA256)
    return bare.lower() if len(bare) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in bare) else None
