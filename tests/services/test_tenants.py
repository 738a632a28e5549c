"""What is still known of a tenant that was removed: how its last videos are routed, and what they may cost."""

from msgspec.structs import replace

from gateway.services.budgets import Budgets
from gateway.services.tenants import Tenants
from schema.directory import Directory, TenantRecord
from schema.ownership import Ownership
from schema.policy import PolicyVersion
from schema.tenant import Funding, FundingMode, RoutingPolicy, Tenant
from tests.store.rows import a_video

FUNDING = Funding(mode=FundingMode.PREPAID, per_video=2_000_000)
HERE = TenantRecord(tenant=Tenant(id="acme", name="Acme", test=True, funding=FUNDING))
GONE = replace(HERE, ownership=Ownership(version=2, removed_at=1))
NEWEST = PolicyVersion(tenant="acme", version=3, at=1, author="acme", policy=RoutingPolicy(exclude=("veo-main",)))


def test_a_removed_tenants_video_keeps_the_policy_that_was_seen_last_and_its_caps():
    tenants = Tenants([HERE])
    tenants.use(NEWEST)
    tenants.adopt(Directory(tenants=(GONE,)))

    wish = tenants.wish(a_video())

    assert (wish.barred, wish.policy, wish.max_cost, wish.priced) == (("veo-main",), 3, 2_000_000, True)
    assert Budgets(tenants).funding("acme") == FUNDING
    assert tenants.tests("acme")


def test_after_a_restart_the_newest_policy_of_a_removed_tenant_counts_once_it_was_looked_up():
    tenants = Tenants([GONE])
    tenants.use(NEWEST)

    assert (tenants.version("acme"), tenants.wish(a_video()).barred) == (3, ("veo-main",))


def test_a_removed_tenant_is_known_to_nobody_who_asks_for_more():
    tenants = Tenants([GONE])

    assert (tenants.get("acme"), tenants.record("acme"), tenants.all()) == (None, None, [])
    assert not tenants.tests("nobody")
