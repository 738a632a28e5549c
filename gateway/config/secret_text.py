"""Secrets as the file spells them: ``{ env = "NAME" }``, ``{ file = "path" }``, or, for trying things out, a text."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from gateway.config.places import Place, around
from gateway.config.reading import WRONG, Notes, suggestion
from schema.account import Secret

OUTSIDE = _ENV, _FILE = "env", "file"
_HOW = '{ env = "NAME" } or { file = "path" }'
MISSING = Secret("")
"""Stands for a secret that was asked for properly and is not there: its mistake is noted."""


class SecretTexts:
    """Finds secrets in the environment and in files.

    Args:
        environ: the environment's variables.
        production: a secret that stands in the file itself is then an error, not a warning.
        elsewhere: places whose values do not stand in the file, so that a text there is as good as any.
    """

    def __init__(
        self, environ: Mapping[str, str], *, production: bool = False, elsewhere: Container[Place] = ()
    ) -> None:
        self._environ = environ
        self._production = production
        self._elsewhere = elsewhere

    def secret(self, raw: Any, place: Place, notes: Notes) -> Any:
        """A Secret, or WRONG when the file says it in no way we know."""
        if isinstance(raw, str):
            return self._literal(raw, place, notes)
        text = self.outside(raw, place, notes)
        return text if text is WRONG else Secret(text)

    def text_or_outside(self, raw: Any, place: Place, notes: Notes) -> Any:
        """A plain text that may also be kept outside the file, such as a database's address."""
        return raw if isinstance(raw, str) else self.outside(raw, place, notes)

    def outside(self, raw: Any, place: Place, notes: Notes) -> Any:
        """The text a table points to; ``""`` when it points to nothing, which is noted."""
        if not isinstance(raw, dict):
            notes.error(place, f"expected {_HOW}")
            return WRONG
        for name in raw.keys() - {*OUTSIDE}:
            notes.error((*place, name), f"unknown key {name!r}", suggestion(name, OUTSIDE))
        named = [name for name in OUTSIDE if name in raw]
        if len(named) != 1 or not isinstance(raw[named[0]], str) or not raw[named[0]]:
            notes.error(place, "must name exactly one place to look in", f"write {_HOW}")
            return WRONG
        found = self._variable if named == [_ENV] else _content
        return found(raw[named[0]], place, notes)

    def _literal(self, text: str, place: Place, notes: Notes) -> Secret:
        if not text.strip():
            notes.error(place, "is empty", f"write {_HOW}")
            return MISSING
        if around(place, self._elsewhere) is not None:
            return Secret(text.strip())
        if self._production:
            notes.error(place, "a secret stands in the file, in production", f"move it out: {_HOW}")
        else:
            notes.warning(place, "a literal secret stands in the file", f"move it out: {_HOW}")
        return Secret(text)

    def _variable(self, name: str, place: Place, notes: Notes) -> str:
        if not (name.isidentifier() and name.isascii()):
            notes.error(place, "env is not the name of a variable; the secret itself does not belong here")
            return ""
        text = self._environ.get(name, "").strip()
        if not text:
            state = "is empty" if name in self._environ else "is not set"
            notes.error(place, f"the environment variable {name} {state}", f"export {name}=…")
        return text


def _content(name: str, place: Place, notes: Notes) -> str:
    """The file's text without the line end editors leave."""
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        notes.error(place, f"the file {name} does not exist", "relative paths start in the working directory")
        return ""
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no readable text"
        notes.error(place, f"the file {name!r} can not be read: {reason}")
        return ""
    if not text:
        notes.error(place, f"the file {name} is empty")
    return text
