"""A tenant and its routing policy over GraphQL: the same facts and the same refusals as over REST."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from schema.tenant import RoutingPolicy
from tests.graphql.asking import ask, codes, door, errors
from tests.support.running import ADMIN_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTING = """
fragment Routing on RoutingPolicy {
  strategy weights { price speed reliability } order only exclude maxCost maxWaitSeconds onMaxWait onUnsupported
  onUnknown rules {
    when { model aspectRatio quality image minSeconds maxSeconds } prefer only exclude strategy maxCost maxWaitSeconds
  }
}
"""
TENANT = (
    ROUTING
    + """
query Tenant($id: ID) {
  tenant(id: $id) {
    id name test managedBy limits { queued weight concurrent } funding { mode perDayMicros warnPercent }
    policy { version at author note routing { ...Routing } }
  }
}
"""
)
HISTORY = """
query History($first: Int, $after: String) {
  tenant {
    policyHistory(first: $first, after: $after) {
      edges { cursor node { version author } } pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}
"""
UPDATE = (
    ROUTING
    + """
mutation Update($input: UpdateTenantPolicyInput!) {
  updateTenantPolicy(input: $input) {
    __typename
    ... on UpdateTenantPolicySuccess { tenant { id } policy { version author note routing { ...Routing } } }
    ... on UserError { message code }
    ... on VersionConflictError { expected { version note } current { version note routing { ...Routing } } }
    ... on InvalidInputError { errors { field code } }
  }
}
"""
)
RESTORE = """
mutation Restore($input: RestoreTenantPolicyInput!) {
  restoreTenantPolicy(input: $input) {
    __typename
    ... on RestoreTenantPolicySuccess { tenant { id } policy { version note routing { maxWaitSeconds } } }
    ... on UserError { code }
    ... on VersionConflictError { current { version } }
  }
}
"""
REPLAY = """
query Replay($input: PolicyReplayInput!) {
  policyReplay(input: $input) {
    considered skippedNoFacts skippedAccountGone same changed moves { before after count } nobodyBefore nobodyAfter
    cost { counted beforeMicros afterMicros differenceMicros }
    time { counted beforeMs: before afterMs: after difference }
    replayedVideos { video before { account costMicros timeMs } after { account costMicros timeMs } }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def managed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    setup = Setup(folder=tmp_path_factory.mktemp("managed"), routing=RoutingPolicy(), routed_by_file=True)
    async with running(setup) as both:
        yield both


async def version(gw: Running) -> int:
    found: int = (await ask(gw.client, TENANT))["tenant"]["policy"]["version"]
    return found


async def update(gw: Running, routing: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What updateTenantPolicy answers acme's administrator."""
    wanted = {"expectedVersion": await version(gw), "routing": routing, **more}
    async with door(gw.gateway, ADMIN_KEY) as client:
        answer: dict[str, Any] = (await ask(client, UPDATE, input=wanted))["updateTenantPolicy"]
    return answer


async def test_a_tenant_is_the_same_at_both_doors(gw: Running) -> None:
    tenant = (await ask(gw.client, TENANT))["tenant"]
    rest = (await gw.client.get("/v1/tenant")).json()

    assert (tenant["id"], tenant["managedBy"]) == ("acme", "API")
    assert tenant["limits"] == {name: rest["limits"][name] for name in ("queued", "weight", "concurrent")}
    assert tenant["policy"]["version"] == rest["policy"]["version"]
    assert tenant["policy"]["routing"]["weights"] == rest["routing"]["weights"]
    assert tenant["policy"]["routing"]["strategy"].lower() == rest["routing"]["strategy"]
    assert (await ask(gw.client, "{ viewer { tenant { id policy { version } } } }"))["viewer"]["tenant"] == {
        "id": "acme",
        "policy": {"version": rest["policy"]["version"]},
    }


async def test_a_change_is_seen_at_the_other_door(gw: Running) -> None:
    rule = {"when": {"aspectRatio": "TALL_9_16", "image": False}, "prefer": ["doitong"], "maxCost": "0.4"}
    routing = {
        "strategy": "BALANCED",
        "weights": {"price": 0.7},
        "maxCost": "0.5",
        "maxWaitSeconds": 3,
        "rules": [rule],
    }

    done = await update(gw, routing, note="tried over GraphQL")
    rest = (await gw.client.get("/v1/tenant")).json()

    assert done["__typename"] == "UpdateTenantPolicySuccess"
    assert done["policy"]["version"] == rest["policy"]["version"]
    assert done["policy"]["author"] == rest["policy"]["author"] == f"acme …{ADMIN_KEY[-4:]}"
    assert rest["policy"]["note"] == "tried over GraphQL"
    assert rest["routing"]["weights"] == {"price": 0.7, "speed": 0.3, "reliability": 0.2}
    assert rest["routing"]["max_cost"] == "0.50"
    assert rest["routing"]["rules"][0]["when"] == {
        "model": None,
        "aspect_ratio": "9:16",
        "quality": None,
        "image": False,
        "min_seconds": None,
        "max_seconds": None,
    }

    back = await update(gw, {"strategy": None, "weights": None, "maxCost": None, "maxWaitSeconds": None, "rules": None})
    assert back["policy"]["routing"]["rules"] == []
    assert back["policy"]["routing"]["weights"] == {"price": 0.5, "speed": 0.3, "reliability": 0.2}


async def test_who_is_late_gets_both_versions(gw: Running) -> None:
    known = await version(gw)
    await update(gw, {"maxWaitSeconds": 21}, note="faster than you")

    late = await update(gw, {"maxWaitSeconds": 22}, expectedVersion=known)

    assert (late["__typename"], late["code"]) == ("VersionConflictError", "version_conflict")
    assert late["expected"]["version"] == known
    assert (late["current"]["version"], late["current"]["note"]) == (known + 1, "faster than you")
    assert late["current"]["routing"]["maxWaitSeconds"] == 21
    unheard_of = await update(gw, {}, expectedVersion=999)
    assert unheard_of["expected"] is None


async def test_every_wrong_field_is_named_as_the_input_spells_it(gw: Running) -> None:
    rule = {"when": {"minSeconds": 9, "maxSeconds": 5}, "prefer": ["nobody"], "maxWaitSeconds": -1}

    refused = await update(gw, {"only": ["veo-mian"], "maxCost": "1e3", "rules": [rule]})

    assert refused["__typename"] == "InvalidInputError"
    assert {error["field"] for error in refused["errors"]} == {
        "routing.only[0]",
        "routing.maxCost",
        "routing.rules[0].when.minSeconds",
        "routing.rules[0].prefer[0]",
        "routing.rules[0].maxWaitSeconds",
    }


async def test_an_old_version_comes_back(gw: Running) -> None:
    old = (await update(gw, {"maxWaitSeconds": 31}))["policy"]["version"]
    await update(gw, {"maxWaitSeconds": 32})
    wanted = {"expectedVersion": old + 1, "version": old}

    async with door(gw.gateway, ADMIN_KEY) as client:
        done = (await ask(client, RESTORE, input=wanted))["restoreTenantPolicy"]
        late = (await ask(client, RESTORE, input=wanted))["restoreTenantPolicy"]
        missing = await ask(client, RESTORE, input={"expectedVersion": old + 2, "version": 999})

    assert done["policy"] == {"version": old + 2, "note": f"version {old} again", "routing": {"maxWaitSeconds": 31}}
    assert late == {"__typename": "VersionConflictError", "code": "version_conflict", "current": {"version": old + 2}}
    assert missing["restoreTenantPolicy"]["__typename"] == "NotFoundError"


async def test_the_history_is_told_a_page_at_a_time(gw: Running) -> None:
    for seconds in range(41, 45):
        await update(gw, {"maxWaitSeconds": seconds})
    numbers: list[int] = []
    after, more = None, True
    while more:
        page = (await ask(gw.client, HISTORY, first=3, after=after))["tenant"]["policyHistory"]
        numbers += [edge["node"]["version"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert numbers == list(range(await version(gw), 0, -1))
    assert await codes(gw.client, HISTORY, first=101) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, HISTORY, after="nonsense") == ["BAD_USER_INPUT"]


async def test_what_the_file_manages_is_not_changed(managed: Running) -> None:
    refused = await update(managed, {"strategy": "FASTEST"})

    assert (refused["__typename"], refused["code"]) == ("ManagedByFileError", "managed_by_file")
    assert (await ask(managed.client, TENANT))["tenant"]["managedBy"] == "FILE"


async def test_only_who_may_changes_or_looks_at_others(gw: Running) -> None:
    change = {"expectedVersion": 1, "routing": {}}

    assert await codes(gw.client, UPDATE, input=change) == ["FORBIDDEN"]
    assert await codes(gw.client, RESTORE, input={"expectedVersion": 1, "version": 1}) == ["FORBIDDEN"]
    assert await codes(gw.client, TENANT, id="other") == ["FORBIDDEN"]
    assert await codes(gw.client, REPLAY, input={"routing": {}, "tenant": "other"}) == ["FORBIDDEN"]
    assert await codes(gw.client, UPDATE, input={**change, "tenant": "acme"}) == ["FORBIDDEN"]


async def test_operators_do_the_same_for_any_tenant(gw: Running) -> None:
    before = (await ask(gw.operator, TENANT, id="other"))["tenant"]["policy"]["version"]
    change = {"tenant": "other", "expectedVersion": before, "routing": {"exclude": ["veo3o1"]}}

    done = (await ask(gw.operator, UPDATE, input=change))["updateTenantPolicy"]
    nobody = (await ask(gw.operator, UPDATE, input={**change, "tenant": "nobody"}))["updateTenantPolicy"]

    assert done["policy"]["routing"]["exclude"] == ["veo3o1"]
    assert done["policy"]["author"].startswith("house …")
    assert nobody["__typename"] == "NotFoundError"
    assert await codes(gw.operator, TENANT, id="nobody") == ["NOT_FOUND"]


async def test_what_another_policy_had_changed_is_the_same_at_both_doors(gw: Running) -> None:
    for number in range(2):
        await gw.finished((await gw.create(f"[sim:instant] boat {number}", seconds=5))["id"])
    routing = {"strategy": "ORDERED", "order": ["veo-main"], "onUnsupported": "ADJUST"}
    same = {"strategy": "ordered", "order": ["veo-main"], "on_unsupported": "adjust"}

    told = (await ask(gw.client, REPLAY, input={"routing": routing, "last": 2}))["policyReplay"]
    rest = (await gw.client.post("/v1/tenant/policy/replay", json={"routing": same, "last": 2})).json()

    assert (told["considered"], told["same"], told["changed"]) == (2, 0, 2)
    assert told["moves"] == rest["moves"]
    assert told["cost"]["differenceMicros"] == rest["cost_micros"]["difference"]
    assert told["time"]["afterMs"] == rest["time_ms"]["after"]
    assert [one["video"] for one in told["replayedVideos"]] == [one["video_id"] for one in rest["differences"]]
    (wrong,) = await errors(gw.client, REPLAY, input={"routing": {"order": ["nobody"]}, "last": 2})
    assert wrong["extensions"]["errors"][0]["field"] == "routing.order[0]"
