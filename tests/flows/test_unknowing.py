"""A replica that can not learn of removed accounts sends nothing, goes on with what was sent, and resumes by itself."""

from gateway.services import directory
from tests.flows.engine import SECONDS, Engine
from tests.support.running import Setup, running


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
