"""Limits as headers: RateLimit and its policy (draft-ietf-httpapi-ratelimit-headers), and the older ones. Pure."""

from collections.abc import Sequence

from schema.allowance import Allowance

Header = tuple[bytes, bytes]


def allowance_headers(allowances: Sequence[Allowance]) -> list[Header]:
    """What an answer says of the limits that applied to it; the other headers, which know one only, say the first."""
    if not allowances:
        return []
    first = allowances[0]
    written = {
        "ratelimit-policy": ", ".join(map(_policy, allowances)),
        "ratelimit": ", ".join(map(_left, allowances)),
        "x-ratelimit-limit": str(first.limit),
        "x-ratelimit-remaining": str(first.left),
        "x-ratelimit-reset": str(first.reset),
        "x-ratelimit-limit-requests": str(first.limit),
        "x-ratelimit-remaining-requests": str(first.left),
        "x-ratelimit-reset-requests": f"{first.reset}s",
    }
    return [(name.encode(), value.encode()) for name, value in written.items()]


def _policy(one: Allowance) -> str:
    """``"creates";q=10;w=60``; what has no minute is a number of things at once."""
    span = 'qu="concurrent-requests"' if one.window is None else f"w={one.window}"
    return f'"{one.name}";q={one.limit};{span}'


def _left(one: Allowance) -> str:
    """``"creates";r=9;t=60``; without ``t`` when nothing of it is used."""
    return f'"{one.name}";r={one.left}' + (f";t={one.reset}" if one.reset else "")
