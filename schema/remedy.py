"""A remedy: the smallest change after which somebody could make a video that nobody can make as it is asked."""

from enum import StrEnum
from typing import Annotated

import msgspec


class Party(StrEnum):
    """Who can make a change."""

    CALLER = "caller"
    TENANT = "tenant"
    OPERATOR = "operator"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change: a field, as REST spells it, and what to make of it.

    Attributes:
        field: of the wish (`seconds`, `gateway.max_cost`), of its tenant (`tenant.routing.max_cost`) or of an account.
        to: null is to leave it out, or, for `accounts.price_per_credit`, to set one.
        by: who can change it.
    """

    field: Annotated[str, msgspec.Meta(max_length=64)]
    to: Annotated[str, msgspec.Meta(max_length=64)] | Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] | None
    by: Party


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest change after which somebody could make the video.

    Attributes:
        account: who could.
        changes: all of them are needed.
    """

    account: Annotated[str, msgspec.Meta(max_length=64)]
    changes: Annotated[tuple[Change, ...], msgspec.Meta(max_length=16)]
