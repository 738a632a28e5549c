"""The line a finding points at, with every secret on it masked: findings are pasted into logs and issues."""

import re
from difflib import get_close_matches

from gateway.config.settings import without_password

_TOKEN = re.compile(
    r"""(?P<moment>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+)"""  # its colons make no key of it
    r"""|(?P<key>[A-Za-z0-9_-]+)[ \t]*[=:]"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*"?|'[^']*'?)"""
    r"""|(?P<bare>[^\s,{}\[\]"'#=:]+)"""
)
_VARIABLE = re.compile(r"""["'][A-Za-z_][A-Za-z0-9_]*["']""")
_SECRET_NAMES = ("credential", "credentials", "webhook_secrets", "keys", "key", "previous")
_SECRET_PARTS = ("secret", "credential", "password", "token", "key", "previous")
_BESIDE = ("env", "file", "scopes")
_BESIDE_OR_ALONE = ("name", "expires", "origins", "networks")
"""What stands beside a secret, or begins a line of its own and is then no part of one."""
_QUERY = re.compile(r"""(?<=\?)(?<!["'\s]\?)[^"'\s]+""")
"""What stands behind the ? of an address: receivers of webhooks keep tokens there."""

_LONGEST = 160


def excerpt(text: str, line: int | None) -> str | None:
    """Line ``line`` of the text, fit to be shown to anybody."""
    rows = text.split("\n")
    if line is None or not 1 <= line <= len(rows):
        return None
    shown = _QUERY.sub("…", without_password(masked(rows[line - 1].strip())))
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"


def masked(row: str) -> str:
    """The row with ``…`` for every value under a name that sounds secret, misspelt or not, and for texts under none."""
    name, beside = "", ""

    def judged(token: re.Match[str]) -> str:
        nonlocal name, beside
        if key := token["key"]:
            alone = not row[: token.start()].strip()
            within = key in _BESIDE or (key in _BESIDE_OR_ALONE and not alone)
            name, beside = (name, key) if within else (key, "")
            return token[0]
        may, beside = _may_show(token, name, beside), ""  # what stands beside a secret's place is one text long
        return token[0] if may else _hidden(token)

    return _TOKEN.sub(judged, row)


def _may_show(token: re.Match[str], name: str, beside: str) -> bool:
    if token["bare"] or token["moment"]:
        return not name or not sounds_secret(name)
    if beside == "env":
        return bool(_VARIABLE.fullmatch(token[0]))
    return beside == "file" or (bool(name) and not sounds_secret(name))


def _hidden(token: re.Match[str]) -> str:
    return '"…"' if token["text"] else "…"


def sounds_secret(name: str) -> bool:
    """The name is one of ours for secrets, or near enough to be a slip of the finger."""
    name = name.lower()
    return any(part in name for part in _SECRET_PARTS) or bool(get_close_matches(name, _SECRET_NAMES, 1, 0.7))
