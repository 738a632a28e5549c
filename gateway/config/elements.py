"""Lines of a list's elements, for lists that are written over several lines."""

import re
from collections.abc import Iterable

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#.*)|(?P<text>"(?:[^"\\]|\\.)*"?|'[^']*'?)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|(?P<bare>[^\s\[\]{},"'#]+)"""
)


class Elements:
    """Reads what follows a key's ``=`` line by line, and says which elements begin where."""

    def __init__(self) -> None:
        self._depth = 0
        self._position = 0
        self._between = True
        self.open = False

    def begin(self, rest: str) -> Iterable[int]:
        """The value as far as it stands on the key's own line."""
        self._depth, self._position, self._between = 0, 0, True
        self.open = rest.lstrip().startswith("[")
        return self.read(rest) if self.open else ()

    def read(self, line: str) -> list[int]:
        """The positions of the elements that begin on a line; ``open`` is false once the list has ended."""
        begun = []
        for token in _TOKEN.finditer(line):
            if token["skip"]:
                continue
            if self._depth == 1 and self._between and not (token["close"] or token["comma"]):
                begun.append(self._position)
                self._between = False
            if not self._count(token):
                self.open = False
                break
        return begun

    def _count(self, token: re.Match[str]) -> bool:
        """Whether the list goes on behind a token."""
        if token["open"]:
            self._depth += 1
        elif token["close"]:
            self._depth -= 1
        elif token["comma"] and self._depth == 1:
            self._position += 1
            self._between = True
        return self._depth > 0
