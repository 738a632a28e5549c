"""``filmgate receipts``: verify signed receipts without the gateway that made them, and get the keys for that."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from gateway.cli.connection import gateway_url, url_option
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import columns, plain, show
from schema.money import format_micros

if TYPE_CHECKING:  # they import cryptography: --help must answer at once
    from gateway.policy.receipts import KeySet

_STDIN = "-"
_MAX_FILE = 16 * 1024 * 1024
"""Bytes; a receipt is a few thousand."""


class Money(msgspec.Struct, frozen=True):
    """What a receipt says of money, as far as it is shown."""

    currency: str
    charged_micros: int | None


class Claims(msgspec.Struct, frozen=True):
    """What a receipt says, as far as it is shown; a later version may say more."""

    video: str
    tenant: str
    status: str
    ended_at: str
    revision: int
    money: Money


@click.group()
def receipts() -> None:
    """Verify signed receipts."""


@receipts.command()
@click.argument("file", metavar="FILE")
@click.option("--keys", "source", metavar="FILE|URL", help="The public keys; without them the gateway is asked.")
@url_option
def verify(file: str, source: str | None, url: str | None) -> None:
    """Verify the receipt in FILE (- is stdin), offline with --keys FILE. Exit code 1 when it is not genuine."""
    from gateway.policy.receipts import Unverified
    from gateway.policy.receipts import verify as verified

    document = _read(file)
    keys = _keys(source, url)
    try:
        found = verified(document, keys)
    except Unverified as error:
        raise Stop(ExitCode.FAILED, f"{_name(file)} is not verified: {plain(str(error))}") from error
    show(columns(_rows(_claims(found, file))))


@receipts.command()
@click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read them from this configuration's database instead.",
)
@url_option
def keys(config_file: Path | None, url: str | None) -> None:
    """Print the public keys a gateway signs receipts with, for `verify --keys`."""
    found = _asked(gateway_url(url)) if config_file is None else _configured(config_file)
    show(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


def _asked(url: str) -> "KeySet":
    from gateway.cli.client import public
    from gateway.policy.receipts import WELL_KNOWN

    return _known(public(url + WELL_KNOWN), url + WELL_KNOWN)


def _configured(config_file: Path) -> "KeySet":
    from gateway.cli.settings_file import loaded
    from gateway.loop import in_loop
    from gateway.policy.receipts import Signer
    from gateway.store.database import StoreError
    from gateway.upkeep import root

    try:
        return Signer(in_loop(root(loaded(config_file)))).keys
    except StoreError as error:
        raise Stop(ExitCode.FAILED, str(error)) from error


def _keys(source: str | None, url: str | None) -> "KeySet":
    """The keys to believe: a file's, an address's, or else the gateway's; never where a receipt itself points to."""
    if source is None:
        return _asked(gateway_url(url))
    if source.startswith(("https://", "http://")):
        from gateway.cli.client import public

        return _known(public(source), source)
    return _known(_read(source), source)


def _known(document: bytes, source: str) -> "KeySet":
    from gateway.policy.receipts import known_keys

    try:
        return known_keys(document)
    except ValueError as error:
        raise Stop(ExitCode.FAILED, f"{source} holds no keys: {error}") from error


def _claims(receipt: dict[str, Any], file: str) -> Claims:
    try:
        return msgspec.convert(receipt, Claims)
    except msgspec.ValidationError as error:
        message = f"{_name(file)} is signed as a receipt and does not read like one: {error}"
        raise Stop(ExitCode.FAILED, message) from error


def _rows(claims: Claims) -> list[tuple[str, str]]:
    charged = claims.money.charged_micros
    return [
        ("verified", "the signature is genuine, nothing was changed"),
        ("video", claims.video),
        ("tenant", claims.tenant),
        ("status", claims.status),
        ("ended", claims.ended_at),
        ("charged", "nothing" if not charged else f"{format_micros(charged)} {claims.money.currency}"),
        ("revision", str(claims.revision)),
    ]


def _read(file: str) -> bytes:
    try:
        if file == _STDIN:
            return sys.stdin.buffer.read(_MAX_FILE)
        with Path(file).open("rb") as opened:
            return opened.read(_MAX_FILE)
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{file} can not be read: {error.strerror}") from error


def _name(file: str) -> str:
    return "the receipt" if file == _STDIN else file
