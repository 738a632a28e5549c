"""An account's webhook secrets as they lie sealed: those that are listed, and former ones with their ends."""

import msgspec

from schema.account import Account, FormerSecret, Secret
from schema.clock import Millis


class _Sealed(msgspec.Struct, frozen=True):
    """Listed ones and former ones; without former ones the list alone is sealed, as it always was."""

    listed: tuple[str, ...]
    former: tuple[tuple[str, Millis], ...]


_read = msgspec.json.Decoder(_Sealed | tuple[str, ...]).decode


def write_hook_secrets(account: Account) -> str:
    """What is sealed for an account."""
    listed = tuple([secret.reveal() for secret in account.webhook_secrets])
    former = tuple([(one.secret.reveal(), one.until) for one in account.former_secrets])
    return msgspec.json.encode(_Sealed(listed, former) if former else listed).decode()


def read_hook_secrets(sealed: Secret) -> tuple[tuple[Secret, ...], tuple[FormerSecret, ...]]:
    """The secrets that are listed, and the former ones."""
    found = _read(sealed.reveal())
    listed, former = (found.listed, found.former) if isinstance(found, _Sealed) else (found, ())
    return tuple(map(Secret, listed)), tuple([FormerSecret(Secret(text), until) for text, until in former])
