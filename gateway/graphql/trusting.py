"""Trusted documents: which text a request means that names one, and who may send texts of their own."""

import msgspec
from msgspec.structs import replace

from gateway.config.settings import OnlyDocuments, Settings
from gateway.config.trusted_documents import TrustedDocuments, hash_in, sha256
from gateway.graphql.documents import Documents
from gateway.graphql.errors import Code
from gateway.graphql.requests import PERSISTED, Asked, IllFormed
from schema.tenant import Principal


class _Persisted(msgspec.Struct, frozen=True):
    """What Apollo's clients send in ``extensions``."""

    version: int
    sha256_hash: str = msgspec.field(name="sha256Hash")


def meant(asked: Asked, settings: Settings, principal: Principal, documents: Documents) -> Asked:
    """The request with the text it means. Nothing is ever learned from a request: an unknown id stays unknown.

    Raises:
        IllFormed: it means none, or one that the caller may not send.
    """
    id = _id(asked)
    known = None if id is None else settings.trusted.find(id)
    if not asked.query:
        if id is None:
            raise IllFormed("query: is required; send the text of a GraphQL document")
        if known is None:
            raise _unknown(settings.trusted)
    elif id is not None and not _is(asked.query, id, known):
        raise IllFormed("The id is another document's than the text", Code.BAD_USER_INPUT)
    if known is not None:
        documents.trust(known)
        return replace(asked, query=known)
    if _only_documents(settings.graphql.only_documents, principal):
        said = "You may ask for trusted documents alone: send an id in place of the text, as documentId"
        raise IllFormed(said, Code.PERSISTED_QUERY_ID_REQUIRED)
    return asked


def _id(asked: Asked) -> str | None:
    named = asked.document_id or asked.doc_id
    if named or PERSISTED not in (asked.extensions or {}):
        return named or None
    try:
        persisted = msgspec.convert((asked.extensions or {})[PERSISTED], _Persisted)
    except msgspec.ValidationError as error:
        raise IllFormed(f"extensions.{PERSISTED}: must have a version and a sha256Hash") from error
    if persisted.version != 1:
        raise IllFormed(f"extensions.{PERSISTED}.version: must be 1")
    return persisted.sha256_hash


def _unknown(trusted: TrustedDocuments) -> IllFormed:
    """In the words that Apollo's clients wait for: not found, they send the text; not supported, for good."""
    if trusted.texts:
        return IllFormed("PersistedQueryNotFound", Code.PERSISTED_QUERY_NOT_FOUND)
    return IllFormed("PersistedQueryNotSupported", Code.PERSISTED_QUERY_NOT_SUPPORTED)


def _is(text: str, id: str, known: str | None) -> bool:
    """Whether a text that came with an id is that id's, as far as one can tell."""
    if known is not None:
        return text == known
    hashed = hash_in(id)
    return hashed is None or hashed == sha256(text)


def _only_documents(who: OnlyDocuments, principal: Principal) -> bool:
    return who is OnlyDocuments.EVERYONE or (who is OnlyDocuments.CLIENT_TOKENS and principal.grant is not None)
