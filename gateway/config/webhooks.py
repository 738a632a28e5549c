"""Webhook endpoints of tenants: addresses that may be called, and secrets that receivers can use."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.config.addresses import is_private, origin_of, port_of, web_address
from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.config.secret_text import MISSING
from gateway.config.settings import EgressSettings, ServerSettings, WebhookSettings
from gateway.config.tenants import PlacedTenant
from schema.account import Secret

_PREFIX = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_HOW_TO_MAKE_ONE = (
    "python3 -c \"import base64, secrets; print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
    " makes a good one"
)


class Reachable:
    """Judges an address by what the operator allows."""

    def __init__(self, server: ServerSettings, webhooks: WebhookSettings, egress: EgressSettings) -> None:
        self._production = server.production
        self._webhooks = webhooks
        self._allowed = egress.allow

    def check(self, url: str, place: Place, notes: Notes) -> None:
        base, _, _ = url.partition("?")  # receivers may keep a token there
        if problem := web_address(base):
            notes.error(place, problem)
        elif "#" in url:
            notes.error(place, "must end before any #")
        elif origin_of(base) not in self._allowed:
            self._check_public(base, place, notes)

    def _check_public(self, url: str, place: Place, notes: Notes) -> None:
        doubt = notes.error if self._production else notes.warning
        if is_private(url):
            hint = f'add "{origin_of(url)}" to egress.allow'
            doubt(place, "is a private address, which the egress guard refuses", hint)
        elif urlsplit(url).scheme == "http" and (self._production or not self._webhooks.allow_http):
            doubt(place, "is not https://: what it is told would travel in the clear", "write https://")
        elif port_of(url) not in self._webhooks.ports and not notes.spoke_of(("webhooks",)):
            notes.error(place, f"port {port_of(url)} is not among webhooks.ports", f"add {port_of(url)} to them")


def check_webhooks(tenants: Sequence[PlacedTenant], reachable: Reachable, notes: Notes) -> None:
    for tenant in tenants:
        seen: set[str] = set()
        for position, webhook in enumerate(tenant.setup.webhooks):
            place = (*tenant.place, "webhooks", position)
            reachable.check(webhook.url, (*place, "url"), notes)
            if webhook.url in seen:
                notes.warning((*place, "url"), "stands there twice: it would be told everything twice")
            seen.add(webhook.url)
            if webhook.secret not in (None, MISSING):
                _check_secret(webhook.secret, (*place, "secret"), notes)


def _check_secret(secret: Secret, place: Place, notes: Notes) -> None:
    """Receivers' libraries decode what follows the prefix, so it must be base64."""
    text = secret.reveal()
    try:
        size = len(b64decode(text.removeprefix(_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith(_PREFIX) or not _FEWEST_BYTES <= size <= _MOST_BYTES:
        problem = f"is not {_PREFIX} and {_FEWEST_BYTES} to {_MOST_BYTES} bytes in base64"
        notes.error(place, problem, _HOW_TO_MAKE_ONE)
