"""A replica that can not learn of removed accounts sends nothing, goes on with what was sent, and resumes by itself.

One that was only held still for a while, as when a laptop was shut, looks before it refuses anybody.
"""

import asyncio

import pytest

from gateway.services import directory
from tests.flows.engine import SECONDS, Engine
from tests.graphql.asking import socket
from tests.support.running import ACME_KEY, Running, Setup, running


async def test_nothing_is_sent_while_it_can_not_be_known_whose_accounts_are_there(tmp_path, monkeypatch):
    async with running(Setup(folder=tmp_path)) as here:
        tenant = here.gateway.tenants.get("acme")
        assert tenant is not None
        engine = Engine(here.gateway, tenant)
        begun = await here.create()
        await here.begun(begun["id"])
        with monkeypatch.context() as patch:
            patch.setattr(directory, "BELIEVED_SECONDS", -1.0)
            waits = await engine.accept("a second boat")
            ended = await engine.ended(begun["id"], SECONDS)
            unsent = await engine.attempts(waits.id)
        sent = await engine.ended(waits.id, SECONDS)

    assert (ended.status, unsent, sent.status) == ("completed", [], "completed")


async def test_a_gateway_that_was_held_still_looks_before_it_refuses_anybody(tmp_path, monkeypatch):
    looking = directory.LOOK_SECONDS
    monkeypatch.setattr(directory, "LOOK_SECONDS", 3_600.0)  # it does not look by itself
    async with running(Setup(folder=tmp_path)) as here, socket(here.url, ACME_KEY) as opened:
        monkeypatch.setattr(directory, "LOOK_SECONDS", looking)
        held_still(here, monkeypatch)
        answers = await asyncio.gather(*(here.client.get("/v1/videos") for _ in range(5)))
        held_still(here, monkeypatch)
        await opened.subscribe("1", "{ __typename }")
        message = await opened.next()

    assert [answer.status_code for answer in answers] == [200] * 5
    assert message["payload"] == {"data": {"__typename": "Query"}}


def held_still(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """So long that all its looks are long ago."""
    for look in ("_looked_at", "_glanced_at"):
        monkeypatch.setattr(here.gateway.ground.keeper, look, float("-inf"))
