"""Money and credits, always integers: micros of one configured currency, and credits of one account.

Credits of different accounts do not compare; money does. 1 USD = 1,000,000 micros (DESIGN, section 3).
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

import msgspec

CURRENCY: Final = "USD"
"""ISO 4217 code of every amount of money."""

MICROS = 1_000_000
MAX_MICROS = 10**15
"""One billion units of currency: beyond it an amount is a typing mistake, and SQL integers stay safe."""

_ONE_MICRO = Decimal("0.000001")

Micros = int
Credits = int
_Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CreditRange(msgspec.Struct, frozen=True):
    """What a video may cost at one account, in that account's credits; ``low <= high``."""

    low: _Whole
    high: _Whole

    def at(self, price_per_credit: Micros) -> "MicrosRange":
        """The same range as money."""
        return MicrosRange(low=self.low * price_per_credit, high=self.high * price_per_credit)


class MicrosRange(msgspec.Struct, frozen=True):
    """What a video may cost in money; ``low <= high``."""

    low: _Whole
    high: _Whole


def parse_micros(text: str) -> Micros:
    """``"0.20"`` as 200,000 micros.

    Raises:
        ValueError: not a decimal number, negative, finer than a micro, or larger than MAX_MICROS.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f'{text!r} is not an amount; write it as a decimal number, such as "0.20"') from None
    if not amount.is_finite() or not 0 <= amount <= MAX_MICROS // MICROS:
        raise ValueError(f"{text!r} is not an amount between 0 and {MAX_MICROS // MICROS}")
    if amount != amount.quantize(_ONE_MICRO):  # compared before any arithmetic, which rounds to 28 digits
        raise ValueError(f"{text!r} is finer than a millionth, the smallest amount")
    return int(amount * MICROS)


def parse_signed_micros(text: str) -> Micros:
    """The same for a correction, which may begin with a minus. Raises ValueError."""
    return -parse_micros(text[1:]) if text.startswith("-") else parse_micros(text)


def format_micros(amount: Micros) -> str:
    """200,000 micros as ``"0.20"``: two decimals at least, no more than needed."""
    whole, rest = divmod(abs(amount), MICROS)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{digits}"


def format_money(amount: Micros) -> str:
    """The same with the currency: ``"0.20 USD"``."""
    return f"{format_micros(amount)} {CURRENCY}"
