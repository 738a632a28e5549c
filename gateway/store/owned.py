"""The columns that everything configured has: who manages it, its version, and its life."""

from gateway.store.database import Row, Value
from schema.ownership import ManagedBy, Ownership

OWNERSHIP = "managed_by, source, version, created_at, updated_at, removed_at"


def ownership_values(owned: Ownership) -> tuple[Value, ...]:
    """The columns' values, in their order."""
    return (owned.managed_by, owned.source, owned.version, owned.created_at, owned.updated_at, owned.removed_at)


def ownership(columns: Row) -> Ownership:
    managed_by, source, version, created_at, updated_at, removed_at = columns
    return Ownership(
        managed_by=ManagedBy(managed_by),
        source=source,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
        removed_at=removed_at,
    )
