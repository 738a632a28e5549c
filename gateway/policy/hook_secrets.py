"""What becomes of an account's webhook secrets when others take their place."""

from msgspec.structs import replace

from schema.account import Account, FormerSecret, Secret
from schema.clock import Millis

MOST_FORMER = 8


def renewed(account: Account, listed: tuple[Secret, ...], overlap: Millis, now: Millis) -> Account:
    """The account with other secrets: those it had are believed until the overlap ends, none longer than it was to be.

    Without an overlap every former one ends at once, for one may have leaked; and so do all when none is listed, for
    then webhooks are off.
    """
    mine = [FormerSecret(secret, now + overlap) for secret in account.webhook_secrets]
    ending = [FormerSecret(one.secret, min(one.until, now + overlap)) for one in account.former_secrets]
    former = [one for one in (*mine, *ending) if now < one.until and one.secret not in listed]
    return replace(account, webhook_secrets=listed, former_secrets=tuple(former[:MOST_FORMER]) if listed else ())
