"""Incidents as both engines keep them: newest first, and for ever as they were written."""

import pytest

from gateway.store.database import ConstraintViolation
from schema.incident import Incident, IncidentKind
from tests.store.rows import NOW

TWICE, COLLISION = IncidentKind.DUPLICATE_CHARGE, IncidentKind.REF_COLLISION


def an_incident(id: str = "inc_1", **facts) -> Incident:
    whole = {"at": NOW, "kind": TWICE, "tenant": "acme", "video": "video_1", "attempt": "att_1", "account": "main"}
    return Incident(id=id, **{**whole, **facts})


async def keep(store, *incidents: Incident) -> None:
    async def add(tx):
        for incident in incidents:
            await tx.incidents.add(incident)

    await store.write(add)


async def page(store, after: str | None = None, limit: int = 10, kind: IncidentKind | None = None) -> list[str]:
    return [one.id for one in await store.read(lambda tx: tx.incidents.page(after, limit, kind))]


@pytest.mark.parametrize("kind", IncidentKind)
async def test_an_incident_comes_back_as_it_was_written(store, kind):
    full = an_incident("inc_1", kind=kind, data={"ref": "🦊 'r'", "credits": 2**53, "other": None})
    bare = Incident(id="inc_2", at=NOW, kind=kind)

    await keep(store, full, bare)

    assert await store.read(lambda tx: tx.incidents.page(None, 10)) == [bare, full]


async def test_incidents_are_read_newest_first_a_page_at_a_time(store):
    await keep(store, *(an_incident(f"inc_{letter}") for letter in "cadb"))

    assert await page(store, limit=3) == ["inc_d", "inc_c", "inc_b"]
    assert await page(store, "inc_b", limit=3) == ["inc_a"]
    assert await page(store, "inc_a") == []


async def test_incidents_are_read_by_kind(store):
    await keep(store, an_incident("inc_1"), an_incident("inc_2", kind=COLLISION), an_incident("inc_3"))

    assert await page(store, kind=TWICE) == ["inc_3", "inc_1"]
    assert await page(store, "inc_3", kind=COLLISION) == ["inc_2"]


async def test_an_attempt_has_its_incidents_first_to_last(store):
    await keep(store, an_incident("inc_2"), an_incident("inc_1"), an_incident("inc_3", attempt="att_2"))

    assert [one.id for one in await store.read(lambda tx: tx.incidents.of_attempt("att_1"))] == ["inc_1", "inc_2"]


@pytest.mark.parametrize("statement", ["UPDATE incidents SET kind = 'nothing'", "DELETE FROM incidents"])
async def test_whoever_has_the_database_open_an_incident_stays(store, statement):
    await keep(store, an_incident())

    with pytest.raises(ConstraintViolation):
        await store.database.write(lambda connection: connection.run(statement))

    assert await page(store) == ["inc_1"]
