"""Where a page begins: rows beyond an id, in the order asked, without counting those before it."""

import msgspec


class Keyset(msgspec.Struct, frozen=True, kw_only=True):
    """Up to ``limit`` rows after or before an id; ``before`` walks backwards, and its rows come in reverse."""

    after: str | None
    before: str | None
    limit: int
    newest_first: bool

    @property
    def descending(self) -> bool:
        return self.newest_first == (self.before is None)

    @property
    def beyond(self) -> tuple[str, tuple[str, ...]]:
        """A condition on ``id``, and its value."""
        cursor = self.after if self.before is None else self.before
        return ("", ()) if cursor is None else (f" AND id {'<' if self.descending else '>'} ?", (cursor,))

    @property
    def order(self) -> str:
        return f" ORDER BY id {'DESC' if self.descending else 'ASC'} LIMIT ?"
