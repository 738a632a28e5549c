"""Webhook endpoints of a file against those there are: what is made, changed, adopted, rotated and removed."""

from msgspec.structs import replace

from gateway.policy.endpoint_planning import endpoint_removal, planned_endpoints, rotation, switch
from gateway.policy.planning import Change, Declared, Verb
from schema.account import Secret
from schema.directory import Directory, TenantRecord
from schema.endpoint import Endpoint, EndpointRecord
from schema.event import EventType
from schema.ownership import ManagedBy, Ownership
from schema.tenant import Tenant

FILE = Ownership(managed_by=ManagedBy.FILE, source="filmgate.toml", created_at=1, updated_at=1)
URL = "https://acme.example/hooks"
DAY = 86_400_000


def record(
    url: str = URL, *, id: str = "whe_new", signs: str = "whsec_b25l", tenant: str = "acme", **facts
) -> EndpointRecord:
    owned = facts.pop("owned", Ownership())
    endpoint = Endpoint(id=id, tenant=tenant, url=url, **facts)
    return EndpointRecord(endpoint=endpoint, secrets={endpoint.secret_version: Secret(signs)}, ownership=owned)


def there(url: str = URL, **facts) -> EndpointRecord:
    return record(url, **{"id": "whe_old", "owned": FILE, **facts})


def plan(
    declared: list[EndpointRecord], known: list[EndpointRecord], *, tenants: tuple[str, ...] = ("acme",)
) -> list[Change]:
    named = tuple(TenantRecord(tenant=Tenant(id=id, name=id), ownership=FILE) for id in tenants)
    acme = TenantRecord(tenant=Tenant(id="acme", name="Acme"), ownership=FILE)
    return planned_endpoints(
        Declared(source="filmgate.toml", tenants=named, endpoints=tuple(declared)),
        Directory(tenants=(acme,), endpoints=tuple(known)),
        now=1000,
        overlap=DAY,
    )


def made(change: Change) -> EndpointRecord:
    """The endpoint as a change leaves it."""
    assert isinstance(change.record, EndpointRecord)
    return change.record


def test_one_that_is_as_declared_stays_whatever_id_it_would_get():
    assert plan([record(signs="whsec_dHdv")], [there()]) == []


def test_a_new_one_is_made_with_its_secret_and_tells_none():
    (change,) = plan([record(signs="whsec_dHdv")], [])

    assert change.verb is Verb.CREATED
    assert made(change).current == Secret("whsec_dHdv")
    assert "whsec_dHdv" not in repr((change.before, change.after))


def test_what_is_told_of_it_changes_and_its_id_and_secret_stay():
    (change,) = plan([record(events=(EventType.COMPLETED,))], [there()])

    assert (change.verb, change.id) == (Verb.UPDATED, "whe_old")
    assert change.after == {"events": ["video.completed"]}
    assert made(change).current == Secret("whsec_b25l")


def test_another_secret_in_the_file_rotates_with_the_overlap():
    (change,) = plan([record(signs="whsec_dHdv", secret_by_file=True)], [there(secret_by_file=True)])

    assert change.after == {"secret": "new"}
    signing = [secret.reveal() for secret in made(change).signing(1000 + DAY - 1)]
    assert signing == ["whsec_dHdv", "whsec_b25l"]
    assert [secret.reveal() for secret in made(change).signing(1000 + DAY)] == ["whsec_dHdv"]


def test_one_that_the_api_made_at_that_address_becomes_the_file_s():
    (change,) = plan([record()], [there(owned=Ownership())])

    assert (change.verb, change.id) == (Verb.ADOPTED, "whe_old")


def test_one_that_is_disabled_stays_so_when_the_file_changes_it():
    (change,) = plan([record(name="new")], [there(disabled_at=7, disabled_reason="it answered 410 Gone")])

    assert (made(change).endpoint.disabled_at, made(change).endpoint.name) == (7, "new")


def test_one_that_the_file_names_no_more_goes_and_the_api_s_stay():
    of_api = there(f"{URL}/mine", id="whe_api", owned=Ownership())

    (change,) = plan([], [there(), of_api])

    assert (change.verb, change.id) == (Verb.REMOVED, "whe_old")


def test_a_tenant_that_the_file_removes_takes_all_of_its_own_along():
    of_api = there(f"{URL}/mine", id="whe_api", owned=Ownership())

    changes = plan([], [there(), of_api], tenants=("other",))

    assert {change.id for change in changes} == {"whe_old", "whe_api"}


def test_another_tenant_s_at_the_same_address_is_another():
    (change,) = plan([record(tenant="other")], [there(tenant="acme", owned=Ownership())], tenants=("acme", "other"))

    assert (change.verb, change.tenant) == (Verb.CREATED, "other")


def test_what_stands_behind_the_question_mark_is_told_to_nobody():
    (change,) = plan([record(f"{URL}?token=abc")], [])

    assert change.after is not None
    assert change.after["url"] == f"{URL}?…"


def test_a_rotation_a_switch_and_a_removal_are_each_one_version_further():
    known = there(id="whe_old")

    rotated = rotation(known, Secret("whsec_dHdv"), None, 2000)
    off = switch(known, 2000, "it failed for days", 2000)
    gone = endpoint_removal(known, 2000)

    assert [made(change).ownership.version for change in (rotated, off, gone)] == [known.ownership.version + 1] * 3
    assert made(rotated).signing(2000) == (Secret("whsec_dHdv"),)
    assert off.after == {"disabled_at": 2000, "disabled_reason": "it failed for days"}
    assert made(gone).ownership.removed_at == 2000
    assert replace(made(gone), ownership=known.ownership) == known
