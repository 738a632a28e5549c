"""``filmgate models`` and ``filmgate providers``: what you can ask for, and who would make it."""

import msgspec
import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, columns, output_option, show, show_all_json, show_json, tell


class _Maker(msgspec.Struct, frozen=True):
    """An account that serves a model, as far as it is shown here."""

    account: str


class _Makers(msgspec.Struct, frozen=True):
    accounts: tuple[_Maker, ...] = ()


class _Model(msgspec.Struct, frozen=True):
    id: str
    owned_by: str
    gateway: _Makers = _Makers()


class _Circuit(msgspec.Struct, frozen=True):
    state: str


class _Provider(msgspec.Struct, frozen=True):
    """A provider account you reach, as far as it is shown here."""

    account: str
    provider: str
    circuit: _Circuit
    paused: bool = False
    credential: str = "works"
    waiting: int = 0

    @property
    def state(self) -> str:
        """The first thing that speaks against it."""
        against = (("paused", self.paused), ("credential refused", self.credential != "works"))
        first = next((what for what, holds in against if holds), None)
        return first or ("ready" if self.circuit.state == "closed" else f"circuit {self.circuit.state}")


class _Models(msgspec.Struct, frozen=True):
    data: tuple[_Model, ...]


class _Providers(msgspec.Struct, frozen=True):
    data: tuple[_Provider, ...]


@click.command()
@connection_options
@output_option
def models(url: str | None, api_key: str | None, output: Format) -> None:
    """List the models you can ask for, and the accounts that serve them."""
    answer = connect(url, api_key).ask("/v1/models", _Models)
    if output is not Format.TABLE:
        _show_raw(answer.raw, output)
        return
    rows = [
        (one.id, one.owned_by, ", ".join(maker.account for maker in one.gateway.accounts)) for one in answer.value.data
    ]
    show(columns([("MODEL", "OWNED BY", "ACCOUNTS"), *rows]))


@click.command()
@connection_options
@output_option
def providers(url: str | None, api_key: str | None, output: Format) -> None:
    """List the provider accounts you reach, and how they are."""
    answer = connect(url, api_key).ask("/v1/providers", _Providers)
    if output is not Format.TABLE:
        _show_raw(answer.raw, output)
    elif answer.value.data:
        rows = [(one.account, one.provider, one.state, str(one.waiting)) for one in answer.value.data]
        show(columns([("ACCOUNT", "PROVIDER", "STATE", "WAITING"), *rows]))
    else:
        tell("no account serves you")


def _show_raw(raw: dict[str, object], output: Format) -> None:
    if output is Format.JSON:
        show_json(raw, output)
        return
    data = raw["data"]
    show_all_json(data if isinstance(data, list) else [], output)
