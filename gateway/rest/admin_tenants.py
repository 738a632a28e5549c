"""/v1/admin/tenants: a prepaid tenant's money, as its operator gives, corrects and reads it."""

from typing import Annotated, Literal

import msgspec
from litestar import get, post

from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator
from gateway.rest.admin_attempts import Note
from gateway.rest.answers import JSON, Answer
from gateway.rest.bodies import read_body
from gateway.rest.headers import idempotency_key
from gateway.rest.ledger import balance_view
from gateway.rest.requests import Call, headers
from gateway.rest.views import Moment, Name, Text, encode
from gateway.services.ledger import Own, gained
from gateway.wiring import Gateway
from schema.errors import InvalidRequest, NotFound
from schema.ids import ENTRY, pattern
from schema.ledger import Entry, EntryKind
from schema.money import CURRENCY, MAX_MICROS, Micros, parse_signed_micros
from schema.tenant import Tenant

PATH = ADMIN + "/tenants/{tenant_id:str}"

_EntryId = Annotated[str, msgspec.Meta(pattern=pattern(ENTRY), max_length=30)]
_Amount = Annotated[int, msgspec.Meta(ge=-MAX_MICROS, le=MAX_MICROS)]


class TopUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money for a prepaid tenant.

    Attributes:
        amount: as decimal text in the gateway's currency.
        note: why; the tenant sees it.
    """

    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", max_length=16, examples=["20.00"])]
    note: Note = ""


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction of a prepaid tenant's balance.

    Attributes:
        amount: as decimal text in the gateway's currency; with a minus it takes, never more than is available.
        note: why; the tenant sees it.
    """

    amount: Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$", max_length=17, examples=["-1.50"])]
    note: Note = ""


class OperatorEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator booked for a tenant; it is never changed.

    Attributes:
        amount_micros: what the tenant has more, in millionths of the currency.
        created_at: seconds since the Unix epoch.
        actor: whose key it was: its tenant and the key's end.
    """

    id: _EntryId
    object: Literal["ledger_entry"] = "ledger_entry"
    kind: EntryKind
    tenant: Name
    currency: Literal["USD"] = CURRENCY
    amount_micros: _Amount
    created_at: Moment
    actor: Text | None
    note: Text | None


@post(PATH + "/top-ups")
async def top_up(request: Call) -> Answer:
    gateway, actor = operator(request)
    tenant = tenant_of(gateway, request)
    key = idempotency_key(headers(request.scope, b"idempotency-key"))
    wanted = await read_body(request, TopUp)
    done = await gateway.ledger.top_up(tenant.id, _micros(wanted.amount), actor=actor, note=wanted.note, key=key)
    return _booked(done, tenant)


@post(PATH + "/adjustments")
async def adjust(request: Call) -> Answer:
    gateway, actor = operator(request)
    tenant = tenant_of(gateway, request)
    key = idempotency_key(headers(request.scope, b"idempotency-key"))
    wanted = await read_body(request, Correction)
    done = await gateway.ledger.adjust(tenant.id, _micros(wanted.amount), actor=actor, note=wanted.note, key=key)
    return _booked(done, tenant)


@get(PATH + "/balance")
async def balance(request: Call) -> Answer:
    gateway, _ = operator(request)
    tenant = tenant_of(gateway, request)
    return Answer(encode(balance_view(await gateway.ledger.balance(tenant), tenant.funding.mode)))


def _booked(done: Own, tenant: Tenant) -> Answer:
    replayed = ((b"idempotent-replayed", b"true"),) if done.replayed else ()
    return Answer(encode(entry_view(done.entry, tenant)), status=201, headers=(JSON, *replayed))


def entry_view(entry: Entry, tenant: Tenant) -> OperatorEntryView:
    return OperatorEntryView(
        id=entry.id,
        kind=entry.kind,
        tenant=tenant.id,
        amount_micros=gained(entry),
        created_at=entry.at // 1000,
        actor=entry.actor,
        note=entry.note,
    )


def tenant_of(gateway: Gateway, call: Call) -> Tenant:
    """The tenant in the path. Raises NotFound."""
    id: str = call.path_params["tenant_id"]
    found = gateway.tenants.get(id)
    if found is None:
        raise NotFound("There is no such tenant")
    return found


def _micros(text: str) -> Micros:
    """An amount, which may be negative. Raises InvalidRequest."""
    try:
        return parse_signed_micros(text)
    except ValueError as error:
        raise InvalidRequest.field("amount", "invalid_value", str(error)) from error
