"""A first file: what is in it follows from the environment; what can not be known is explained where it is missing."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from providers.base import ProviderKind


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a first file is made from.

    Attributes:
        tenant: the id of the one tenant.
        master_key, api_key: the files that hold them.
    """

    tenant: str
    master_key: Path
    api_key: Path
    public_url: str | None = None


def credential_variable(kind: ProviderKind) -> str:
    """The variable that holds our credential at a provider, unless the file names another."""
    return f"{kind.name.upper()}_API_KEY"


def hook_variable(kind: ProviderKind) -> str:
    """The variable that holds what signs its calls to us."""
    return f"{kind.name.upper()}_WEBHOOK_SECRET"


def first_file(start: Start, kinds: Iterable[ProviderKind], environ: Mapping[str, str]) -> str:
    """The text of the file."""
    accounts = [_account(kind, environ, public=start.public_url is not None) for kind in kinds]
    return "\n".join((_HEAD, _server(start), _secrets(start), *accounts, _tenant(start)))


_HEAD = """\
# filmgate.toml, as `filmgate init` wrote it. What is not here has a default: docs/configuration.md has every key,
# filmgate.example.toml shows them, and `filmgate config show --origin` says what counts.
"""


def _server(start: Start) -> str:
    if start.public_url is None:
        public = """\
# public_url = "https://video.example.com"  # how providers reach this gateway; without it, results are learned by
#                                           # asking, which takes longer, and `config check` says so where it matters"""
    else:
        public = f"public_url = {_quoted(start.public_url)}"
    return f"""\
[server]
listen = "127.0.0.1:8080"
{public}

[database]
url = "sqlite:///filmgate.db"  # one file; "postgresql://user@host/name" for several replicas
"""


def _secrets(start: Start) -> str:
    return f"""\
[secrets]
key = {{ file = {_quoted(str(start.master_key))} }}  # keep a copy in a safe place: what it encrypts is lost without it
"""


def _account(kind: ProviderKind, environ: Mapping[str, str], *, public: bool) -> str:
    """An account where its credential is known; what one looks like, where it is not."""
    variable = credential_variable(kind)
    lines = ["[[accounts]]", f'id = "{kind.name}-main"', f'provider = "{kind.name}"']
    lines += [f'credential = {{ env = "{variable}" }}', *_plan(kind), *_hooks(kind, environ, public=public), _PRICE]
    if not _set(environ, variable):
        lines = [line if line.startswith("#") else f"# {line}" for line in lines]
        lines.insert(0, f"# An account at {kind.title}: export {variable}=… and take the first marks away.")
    return "\n".join((*lines, ""))


_PRICE = '# price_per_credit = "…"  # what a credit costs you; without it, nothing is held to a cost there'


def _plan(kind: ProviderKind) -> list[str]:
    return [f'plan = "{kind.default_plan}"  # {" | ".join(kind.plans)}'] if len(kind.plans) > 1 else []


def _hooks(kind: ProviderKind, environ: Mapping[str, str], *, public: bool) -> list[str]:
    """What signs its calls to us, where it makes any; they need a public address too."""
    if kind.build(kind.options()).webhooks is None:
        return []
    variable = hook_variable(kind)
    line = f'webhook_secrets = [{{ env = "{variable}" }}]'
    if public and _set(environ, variable):
        return [line]
    return [f"# {line}  # signs its calls to public_url; without both, results are learned by asking"]


def _set(environ: Mapping[str, str], variable: str) -> bool:
    return bool(environ.get(variable, "").strip())


def _tenant(start: Start) -> str:
    return f"""\
[[tenants]]
id = "{start.tenant}"
keys = [{{ file = {_quoted(str(start.api_key))} }}]  # for callers: Authorization: Bearer …
# origins = ["https://app.example.com"]  # web pages that may call for it from a browser
# funding = {{ per_day = "25.00" }}  # needs a price at its accounts
"""


def _quoted(text: str) -> str:
    """The text as TOML writes it."""
    return msgspec.json.encode(text).decode()
