"""One of a tenant's ``keys``: a secret in any spelling, and beside it what it may do, until when and from where."""

from typing import Any

import msgspec

from gateway.config.places import Place
from gateway.config.reading import WRONG, Notes, Tables, suggestion
from gateway.config.secret_text import OUTSIDE, SecretTexts
from gateway.config.settings import KeySetup
from gateway.config.tables import BesideTable

BESIDE = tuple(field.encode_name for field in msgspec.structs.fields(BesideTable))


class KeyReader:
    """Reads keys; ``tables`` read what stands beside the secret."""

    def __init__(self, secrets: SecretTexts, tables: Tables) -> None:
        self._secrets = secrets
        self._tables = tables

    def __call__(self, raw: Any, place: Place, notes: Notes) -> Any:
        if not isinstance(raw, dict):
            return self._setup(raw, {}, place, notes)
        for name in raw.keys() - {*OUTSIDE, *BESIDE}:
            notes.error((*place, name), f"unknown key {name!r}", suggestion(name, (*OUTSIDE, *BESIDE)))
        where = {name: value for name, value in raw.items() if name in OUTSIDE}
        beside = {name: value for name, value in raw.items() if name in BESIDE}
        return self._setup(where, beside, place, notes)

    def _setup(self, where: Any, beside: dict[str, Any], place: Place, notes: Notes) -> Any:
        table = self._tables.read(beside, BesideTable, place, notes) or BesideTable()
        secret = self._secrets.secret(where, place, notes)
        if secret is WRONG:
            return WRONG
        return KeySetup(
            secret=secret,
            scopes=table.scopes,
            name=table.name,
            expires_at=table.expires,
            origins=table.origins,
            networks=table.networks,
        )
