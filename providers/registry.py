"""Every provider there is: an explicit list, so that reading it is knowing it."""

from collections.abc import Iterable

from providers.base import ProviderKind
from providers.doitong import DOITONG
from providers.veo3o1 import VEO3O1

KINDS: tuple[ProviderKind, ...] = (VEO3O1, DOITONG)


def by_name(kinds: Iterable[ProviderKind] = KINDS) -> dict[str, ProviderKind]:
    """The same, to look up by the name that configuration uses."""
    return {kind.name: kind for kind in kinds}
