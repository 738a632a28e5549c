"""What an idempotency key may be, and how a header spells it."""

import re

KEY_HINT = "1 to 255 visible ASCII characters"

_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(text: str, *, header: bool) -> str | None:
    """The key in a text; None when it is no key.

    A header may put it in quotes, as a structured field's string has them: they do not count.
    """
    if header:
        text = text.strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
    return text if _VISIBLE.fullmatch(text) else None
