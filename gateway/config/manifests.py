"""Manifests of trusted documents, as the tools of clients write them.

* graphql-codegen's ``persisted-documents.json`` and relay-compiler's map: one object, ids to texts.
* Apollo's operation manifest: an object that says its format, and lists operations.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.config.trusted_documents import TrustedDocument, TrustedDocuments

APOLLO = "apollo-persisted-query-manifest"
MAX_DOCUMENT_ID = 256
"""Characters; hashes have up to 128."""

_FORMATS = "an object of ids and texts (graphql-codegen, relay-compiler), or Apollo's operation manifest"


class _Unusable(Exception):
    """Why a manifest can not be used; with it, what would help."""


def read_manifests(name: str, place: Place, notes: Notes) -> TrustedDocuments:
    """Everything in a file, or in the files of a folder that are called ``*.json``. Mistakes are noted."""
    read = []
    for path in _files(Path(name).expanduser(), place, notes) if name else ():
        try:
            read += list(_documents(msgspec.json.decode(path.read_bytes()), path.name))
        except OSError as error:
            notes.error(place, f"{path.name} can not be read: {error.strerror}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            notes.error(place, f"{path.name} is not JSON", f"a manifest is {_FORMATS}")
        except _Unusable as error:
            notes.error(place, f"{path.name}: {error}")
    _check_ids(read, place, notes)
    return TrustedDocuments.of(read)


def _files(path: Path, place: Place, notes: Notes) -> list[Path]:
    if not path.exists():
        notes.error(place, f"{path} does not exist", "relative paths start in the working directory")
        return []
    found = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not found:
        notes.error(place, f"the folder {path} has no manifests", "their names end with .json")
    return found


def _documents(manifest: Any, source: str) -> Iterator[TrustedDocument]:
    if not isinstance(manifest, dict):
        raise _Unusable(f"is no manifest; that is {_FORMATS}")
    pairs = _operations(manifest) if isinstance(manifest.get("format"), str) else manifest.items()
    for id, text in pairs:
        if not isinstance(id, str) or not 0 < len(id) <= MAX_DOCUMENT_ID:
            raise _Unusable(f"a document has no id of 1 to {MAX_DOCUMENT_ID} characters")
        if not isinstance(text, str):
            raise _Unusable(f"document {id}: is no text")
        yield TrustedDocument(id=id, text=text, source=source)


def _operations(manifest: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if manifest["format"] != APOLLO or manifest.get("version") != 1:
        raise _Unusable(f"is of an unknown format; known is {APOLLO}, version 1")
    operations = manifest.get("operations")
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise _Unusable("operations: must be a list of objects with id and body")
    return ((one.get("id"), one.get("body")) for one in operations)


def _check_ids(documents: list[TrustedDocument], place: Place, notes: Notes) -> None:
    """An id means one text, whichever manifest says so."""
    first: dict[str, TrustedDocument] = {}
    for document in documents:
        other = first.setdefault(document.id, document)
        if other.text != document.text:
            notes.error(place, f"{document.source}: document {document.id}: is another text in {other.source}")
