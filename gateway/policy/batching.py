"""How many of a batch's wishes there is money and room for. Pure."""

from collections.abc import Sequence

from schema.money import Micros


def covered(least: Sequence[Micros], left: Micros, places: int) -> int:
    """How many of the first wishes are covered when each is made where it costs least.

    Args:
        least: what each wish costs at its cheapest account, in order.
        left: what may be spent, micros.
        places: how many more may wait.
    """
    for count, cost in enumerate(least[:places]):
        if cost > left:
            return count
        left -= cost
    return min(len(least), places)
