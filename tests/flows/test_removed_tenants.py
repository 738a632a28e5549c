"""A tenant is removed while its video waits: it is made where the tenant's policy lets it be made, and nowhere else."""

from msgspec.structs import replace

from schema.lifecycle import Substate
from schema.tenant import RoutingPolicy
from tests.flows.engine import until
from tests.support.running import Setup, configured, running


async def test_a_removed_tenants_video_is_not_made_where_its_policy_forbade(tmp_path):
    async with running(Setup(folder=tmp_path)) as here:
        was = here.gateway.settings
        acme, *rest = was.tenants
        routed = replace(acme, tenant=replace(acme.tenant, routing=RoutingPolicy(exclude=("doitong-main",))))
        await configured(here.gateway, tenants=(replace(routed, routed_by_file=True), *rest))
        await here.gateway.operators.pause("veo-main", actor="house")
        waiting = await here.create()

        async def waits() -> bool:
            return (await here.gateway.videos.get("acme", waiting["id"])).substate is Substate.WAITING_CAPACITY

        await until(waits)
        await configured(here.gateway, tenants=tuple(rest))
        await here.gateway.store.write(lambda tx: tx.queue.call([waiting["id"]], here.gateway.clock.now()))
        await here.gateway.operators.resume("veo-main", actor="house")

        ended = await here.gateway.events.wait("acme", waiting["id"], 60)
        attempts = await here.gateway.store.read(lambda tx: tx.attempts.of_video(waiting["id"]))

    assert (ended.status, [one.account for one in attempts]) == ("completed", ["veo-main"])
