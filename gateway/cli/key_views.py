"""What people read on a terminal about API keys."""

from gateway.cli.key_wire import ApiKey, ApiKeyPage
from gateway.cli.output import columns
from gateway.cli.views import moment


def key_view(key: ApiKey) -> str:
    """One fact a line; facts that are not known are left out."""
    managed = key.managed_by if key.source is None else f"{key.managed_by} ({key.source})"
    rows = (
        ("id", key.id),
        ("key", key.key or f"…{key.hint}"),
        ("name", key.name),
        ("status", key.status),
        ("scopes", ", ".join(key.scopes)),
        ("origins", ", ".join(key.origins)),
        ("networks", ", ".join(key.networks)),
        ("managed by", managed),
        ("rotates", key.rotates),
        ("created", moment(key.created_at)),
        ("expires", moment(key.expires_at) or "never"),
        ("revoked", moment(key.revoked_at)),
        ("last used", moment(key.used_at)),
    )
    return columns((name, value) for name, value in rows if value)


def keys_view(page: ApiKeyPage) -> str:
    """One key a line."""
    head = ("ID", "KEY", "NAME", "STATUS", "SCOPES", "EXPIRES", "LAST USED", "BY")
    return columns([head, *map(_row, page.data)])


def _row(key: ApiKey) -> tuple[str, ...]:
    expires, used = moment(key.expires_at) or "never", moment(key.used_at) or "-"
    return key.id, f"…{key.hint}", key.name or "-", key.status, ",".join(key.scopes), expires, used, key.managed_by
