"""What a file declares against what there is: every difference is a change, and nothing else is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy.planning import Change, Declared, NotChangeable, Verb, planned
from schema.account import Account, Limits, Secret
from schema.api_key import ApiKey
from schema.directory import AccountRecord, Directory, StoredKey, TenantRecord
from schema.ownership import ManagedBy, Ownership
from schema.tenant import Funding, RoutingPolicy, Scope, Tenant, TenantLimits
from schema.video import Strategy

NOW = 1_700_000_000_000
FILE = "filmgate.toml"
CREDENTIAL, HOOK = "PLANTED-credential", "PLANTED-hook-secret"
ACME = TenantRecord(tenant=Tenant(id="acme", name="Acme"))
VEO = Account(
    id="veo",
    provider="veo3o1",
    base_url="https://veo3o1.com/api",
    credential=Secret(CREDENTIAL),
    webhook_secrets=(Secret(HOOK),),
)
KEY = StoredKey(
    key=ApiKey(id="key_1", tenant="acme", hint="abcd", scopes=frozenset({Scope.VIDEOS_READ}), created_at=NOW),
    hash="00ff",
)
EVERYTHING = Declared(source=FILE, tenants=(ACME,), keys=(KEY,), accounts=(VEO,))


def made(changes: list[Change], before: Directory | None = None) -> Directory:
    """The directory after changes."""
    before = before or Directory()
    tenants = {record.tenant.id: record for record in before.tenants}
    keys = {one.hash: one for one in before.keys}
    accounts = {record.account.id: record for record in before.accounts}
    for change in changes:
        if isinstance(change.record, TenantRecord):
            tenants[change.id] = change.record
        elif isinstance(change.record, AccountRecord):
            accounts[change.id] = change.record
        elif isinstance(change.record, StoredKey):
            keys[change.record.hash] = change.record
    return Directory(tenants=tuple(tenants.values()), keys=tuple(keys.values()), accounts=tuple(accounts.values()))


def told(declared: Declared, known: Directory) -> list[tuple[str, str]]:
    return [(change.action, change.id) for change in planned(declared, known, NOW)]


THERE = made(planned(EVERYTHING, Directory(), NOW))


def test_what_is_new_is_created_accounts_before_tenants_before_keys():
    assert told(EVERYTHING, Directory()) == [
        ("account.created", "veo"),
        ("tenant.created", "acme"),
        ("api_key.created", "key_1"),
    ]


def test_what_is_as_declared_is_left_alone_whatever_id_a_key_would_have_got():
    again = replace(EVERYTHING, keys=(replace(KEY, key=replace(KEY.key, id="key_2", created_at=NOW + 1)),))

    assert told(again, THERE) == []


@pytest.mark.parametrize(
    ("field", "tenant"),
    [
        ("name", Tenant(id="acme", name="Other")),
        ("origins", Tenant(id="acme", name="Acme", origins=("https://a.example",))),
        ("funding", Tenant(id="acme", name="Acme", funding=Funding(per_day=1))),
        ("limits", Tenant(id="acme", name="Acme", limits=TenantLimits(queued=1))),
    ],
)
def test_a_tenant_that_differs_is_updated_and_only_what_differs_is_told(field, tenant):
    (change,) = planned(replace(EVERYTHING, tenants=(TenantRecord(tenant=tenant),)), THERE, NOW)

    assert change.action == "tenant.updated"
    assert list(change.before or {}) == list(change.after or {}) == [field]
    assert isinstance(change.record, TenantRecord)
    assert change.record.ownership.version == 2


def test_a_routing_policy_counts_only_while_the_file_manages_it():
    policy = RoutingPolicy(strategy=Strategy.FASTEST)
    wanted = TenantRecord(tenant=Tenant(id="acme", name="Acme", routing=policy))

    assert told(replace(EVERYTHING, tenants=(wanted,)), THERE) == []
    assert told(replace(EVERYTHING, tenants=(replace(wanted, routed_by_file=True),)), THERE) == [
        ("tenant.updated", "acme")
    ]


@pytest.mark.parametrize(
    ("changed", "field", "version"),
    [
        (replace(VEO, credential=Secret("PLANTED-other")), "credential", 2),
        (replace(VEO, webhook_secrets=()), "webhook_secrets", 1),
        (replace(VEO, price_per_credit=5), "price_per_credit", 1),
        (replace(VEO, limits=Limits(per_minute=3)), "limits", 1),
        (replace(VEO, owner="acme"), "owner", 1),
    ],
    ids=["credential", "webhook secrets", "price", "limits", "owner"],
)
def test_an_account_that_differs_is_updated_and_its_secrets_are_never_told(changed, field, version):
    (change,) = planned(replace(EVERYTHING, accounts=(changed,)), THERE, NOW)

    assert (change.action, list(change.after or {})) == ("account.updated", [field])
    assert isinstance(change.record, AccountRecord)
    assert change.record.account.credential_version == version
    assert (change.credential, change.webhook_secrets) == (field == "credential", field == "webhook_secrets")
    assert b"PLANTED" not in msgspec.json.encode((change.before, change.after))


def test_whether_a_tenant_is_a_test_tenant_is_for_good_also_when_it_was_removed_meanwhile():
    other = replace(EVERYTHING, tenants=(TenantRecord(tenant=Tenant(id="acme", name="Acme", test=True)),))
    gone = made(planned(Declared(source=FILE), THERE, NOW), THERE)

    for known in (THERE, gone):
        with pytest.raises(NotChangeable, match="acme is a test tenant is for good"):
            planned(other, known, NOW)


def test_whose_an_account_is_at_is_for_good_also_when_it_was_removed_meanwhile():
    other = replace(EVERYTHING, accounts=(replace(VEO, provider="doitong"),))
    gone = made(planned(Declared(source=FILE), THERE, NOW), THERE)

    for known in (THERE, gone):
        with pytest.raises(NotChangeable, match="veo is an account at veo3o1 for good"):
            planned(other, known, NOW)


def test_a_file_that_names_no_tenant_says_nothing_about_tenants_and_the_same_of_accounts():
    assert told(Declared(source=FILE, tenants=None, accounts=(VEO,)), THERE) == []
    assert told(Declared(source=FILE, tenants=(ACME,), keys=(KEY,), accounts=None), THERE) == []


def test_with_a_tenant_goes_what_the_api_manages_for_it():
    by_api = Ownership(managed_by=ManagedBy.API)
    own = AccountRecord(account=replace(VEO, id="acme~own", owner="acme"), ownership=by_api)
    key = replace(KEY, key=replace(KEY.key, id="key_9"), hash="99ff")
    known = replace(THERE, accounts=(*THERE.accounts, own), keys=(*THERE.keys, key))
    others = replace(EVERYTHING, tenants=(TenantRecord(tenant=Tenant(id="other", name="Other")),), keys=())

    changes = planned(others, known, NOW)

    assert {(change.action, change.id) for change in changes} == {
        ("tenant.created", "other"),
        ("tenant.removed", "acme"),
        ("account.removed", "acme~own"),
        ("api_key.revoked", "key_1"),
        ("api_key.revoked", "key_9"),
    }


def test_what_the_file_no_longer_names_goes_and_its_key_is_revoked():
    changes = planned(Declared(source=FILE), THERE, NOW)

    assert [(change.action, change.id) for change in changes] == [
        ("account.removed", "veo"),
        ("tenant.removed", "acme"),
        ("api_key.revoked", "key_1"),
    ]
    assert told(Declared(source=FILE), made(changes, THERE)) == []
    assert b"PLANTED" not in msgspec.json.encode([(change.before, change.after) for change in changes])


def test_what_was_removed_is_created_again_when_the_file_names_it_again():
    gone = made(planned(Declared(source=FILE), THERE, NOW), THERE)

    assert told(EVERYTHING, gone) == [
        ("account.created", "veo"),
        ("tenant.created", "acme"),
        ("api_key.updated", "key_1"),
    ]
    assert told(EVERYTHING, made(planned(EVERYTHING, gone, NOW), gone)) == []


def test_what_the_api_manages_is_no_business_of_the_file_unless_it_names_it():
    by_api = Ownership(managed_by=ManagedBy.API)
    other = TenantRecord(tenant=Tenant(id="other", name="Other"), ownership=by_api)
    known = replace(THERE, tenants=(*THERE.tenants, other))

    assert told(EVERYTHING, known) == []
    adopting = replace(EVERYTHING, tenants=(ACME, replace(other, ownership=Ownership())))
    (change,) = planned(adopting, known, NOW)
    assert (change.verb, change.id) == (Verb.ADOPTED, "other")


names = st.sampled_from(["a", "b", "c", "d"])
tenants = st.builds(
    lambda id, name, queued: TenantRecord(tenant=Tenant(id=id, name=name, limits=TenantLimits(queued=queued))),
    names,
    names,
    st.integers(1, 3),
)
accounts = st.builds(
    lambda id, secret, price: replace(VEO, id=id, credential=Secret(secret), price_per_credit=price),
    names,
    names,
    st.none() | st.integers(0, 2),
)
keys = st.builds(
    lambda hashed, tenant, name: StoredKey(
        key=replace(KEY.key, id=f"key_{hashed}", tenant=tenant, name=name), hash=hashed
    ),
    names,
    names,
    names,
)
declarations = st.builds(
    lambda tenants, accounts, keys: Declared(source=FILE, tenants=tenants, accounts=accounts, keys=keys),
    st.lists(tenants, unique_by=lambda one: one.tenant.id, max_size=4).map(tuple),
    st.lists(accounts, unique_by=lambda one: one.id, max_size=4).map(tuple),
    st.lists(keys, unique_by=lambda one: one.hash, max_size=4).map(tuple),
)


@given(st.lists(declarations, min_size=1, max_size=5))
def test_whatever_was_declared_before_what_is_declared_now_is_reached_in_one_step(history):
    known = Directory()
    for declared in history:
        known = made(planned(declared, known, NOW), known)

        assert planned(declared, known, NOW) == []
        there = {record.tenant.id for record in known.tenants if record.ownership.removed_at is None}
        working = {one.hash for one in known.keys if one.key.works(NOW)}
        assert there == {record.tenant.id for record in declared.tenants}
        assert working == {one.hash for one in declared.keys}
