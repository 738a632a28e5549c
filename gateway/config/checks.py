"""What the types can not say: names that name nobody, secrets anybody could guess, clocks that contradict."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from gateway.config.accounts import AccountSetup
from gateway.config.addresses import is_private, origin_of, proxy_address, web_address
from gateway.config.master_key import MAKE_A_KEY
from gateway.config.places import Place
from gateway.config.reading import Notes, suggestion
from gateway.config.rules import check_order
from gateway.config.secret_text import MISSING
from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    EgressSettings,
    GraphQLSettings,
    KeySetup,
    OnlyDocuments,
    ServerSettings,
    Timing,
    parse_listen,
)
from gateway.config.tenants import PlacedTenant
from gateway.policy.api_keys import LIVE, TEST, wrong_mode
from schema.account import Account, Secret
from schema.tenant import Tenant, Weights
from schema.video import Strategy

SHORTEST_API_KEY = 20


def check_server(server: ServerSettings, notes: Notes) -> None:
    try:
        parse_listen(server.listen)
    except ValueError as error:
        notes.error(("server", "listen"), str(error))
    for position, network in enumerate(server.trusted_proxies):
        if network in ("0.0.0.0/0", "::/0"):
            doubt = "believes everybody: whoever calls can say where the call comes from"
            notes.warning(("server", "trusted_proxies", position), doubt, "write your proxies' networks alone")
    if server.public_url is None:
        return
    problem = web_address(server.public_url)
    if problem is not None:
        notes.error(("server", "public_url"), problem)
    elif server.production and not server.public_url.startswith("https://"):
        notes.error(("server", "public_url"), "is not https://, in production")


def check_database(database: DatabaseSettings, notes: Notes) -> None:
    url = database.url
    known = url.startswith(("postgresql://", "postgres://")) or (url.startswith("sqlite:///") and url != "sqlite:///")
    if url and not known:
        notes.error(
            ("database", "url"),
            "is not an address of a database",
            'write "sqlite:///filmgate.db" or "postgresql://user@host/name"',
        )


_SECRETS = re.compile(r"secret|token|password|_key$|^key$|access_key(?!_id)|credential", re.IGNORECASE)
_OUTSIDE = "set it in the environment: AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_KEY"


def check_assets(assets: AssetsSettings, notes: Notes) -> None:
    scheme, _, rest = assets.url.partition("://")
    if scheme not in ("file", "s3", "gs", "az") or not rest:
        notes.error(
            ("assets", "url"), f"{assets.url!r} is not a place for files", 'write "file://./assets" or "s3://…"'
        )
    if scheme == "file" and assets.options:
        notes.error(("assets", "options"), "means nothing for a folder", "take it out")
    for name in assets.options or ():
        if _SECRETS.search(name):
            notes.error(("assets", "options", name), "is a secret, and this file holds none", _OUTSIDE)


def check_egress(settings: EgressSettings, notes: Notes) -> None:
    for position, origin in enumerate(settings.allow):
        place = ("egress", "allow", position)
        if problem := web_address(origin):
            notes.error(place, problem)
        elif origin_of(origin) != origin:
            notes.error(place, f"{origin!r} is not an origin as we compare them", f'write "{origin_of(origin)}"')
    if settings.proxy and (problem := proxy_address(settings.proxy)):
        notes.error(("egress", "proxy"), problem, 'write "http://host:port"')


def check_timing(timing: Timing, notes: Notes) -> None:
    pairs = (
        ("lease_beat_seconds", "lease_seconds"),
        ("poll_min_seconds", "poll_max_seconds"),
        ("submit_deadline_seconds", "video_deadline_seconds"),
        ("minute_seconds", "day_seconds"),
    )
    for small, large in pairs:
        if getattr(timing, small) > getattr(timing, large):
            notes.error(("timing", small), f"is longer than {large}")
    if timing.lease_beat_seconds == timing.lease_seconds:
        notes.error(("timing", "lease_beat_seconds"), "must be shorter than lease_seconds")


def check_graphql(graphql: GraphQLSettings, notes: Notes) -> None:
    if graphql.only_documents is not OnlyDocuments.OFF and not graphql.documents:
        problem = f"{graphql.only_documents.value} may ask for trusted documents alone, and there are none"
        notes.error(("graphql", "only_documents"), problem, "say in graphql.documents where they are")


def check_unique(ids: Iterable[tuple[Place, object]], notes: Notes) -> None:
    """``ids`` are every account's, or every tenant's, with their places."""
    seen = set()
    for place, name in ids:
        if isinstance(name, str) and name in seen:
            notes.error((*place, "id"), f"{name!r} is used twice")
        elif isinstance(name, str):
            seen.add(name)


def check_account(
    setup: AccountSetup, server: ServerSettings, egress: EgressSettings, kinds: Collection[str], notes: Notes
) -> None:
    account, place = setup.account, setup.place
    if account.id in kinds and account.id != account.provider:
        notes.error((*place, "id"), f"{account.id!r} is the name of another provider")
    if problem := web_address(account.base_url):
        notes.error((*place, "base_url"), problem)
    else:
        _check_reachable(account, server, egress, place, notes)
    _check_callbacks(setup, server, notes)


def _check_reachable(
    account: Account, server: ServerSettings, egress: EgressSettings, place: Place, notes: Notes
) -> None:
    place = (*place, "base_url")
    origin = origin_of(account.base_url)
    if is_private(account.base_url):
        if origin not in egress.allow:
            notes.warning(
                place, "is a private address, which the egress guard refuses", f'add "{origin}" to egress.allow'
            )
    elif not account.base_url.startswith("https://"):
        problem = "is not https://: the credential would travel in the clear"
        (notes.error if server.production else notes.warning)(place, problem)


def _check_callbacks(setup: AccountSetup, server: ServerSettings, notes: Notes) -> None:
    """A provider that could call back should be able to; one that can not be polled must."""
    if setup.provider is None or setup.provider.webhooks is None:
        return
    missing = []
    if server.public_url is None:
        missing.append("server.public_url")
    if not setup.account.webhook_secrets:
        missing.append("webhook_secrets")
    if missing and setup.provider.polls is None:
        notes.error(setup.place, f"can only learn a result by a webhook, and {' and '.join(missing)} is not set")
    elif missing:
        problem = f"webhooks are off, results are learned by polling alone: {' and '.join(missing)} not set"
        notes.warning(setup.place, problem)


def check_credentials(accounts: Sequence[AccountSetup], notes: Notes) -> None:
    """Limits are kept per account: one credential in two accounts would be used twice as hard as it allows."""
    users: dict[tuple[str, Secret], str] = {}
    for setup in accounts:
        account = setup.account
        if account.credential == MISSING:
            continue
        first = users.setdefault((account.base_url, account.credential), account.id)
        if first != account.id:
            notes.warning(
                (*setup.place, "credential"), f"is also that of {first}: their limits would not hold together"
            )


def check_keys(tenants: Sequence[PlacedTenant], notes: Notes) -> None:
    """A key says who is calling, so it belongs to one tenant; and nobody may guess it."""
    owners: dict[Secret, str] = {}
    for tenant in tenants:
        if not tenant.setup.keys:
            notes.warning(tenant.place, "has no keys: it can not call")
        for position, key in enumerate(tenant.setup.keys):
            place = (*tenant.place, "keys", position)
            if key.secret == MISSING:
                continue
            if key.secret in owners:
                notes.error(place, f"this API key is already that of {owners[key.secret]}")
            owners.setdefault(key.secret, tenant.setup.tenant.id)
            _check_key(key, tenant.setup.tenant, place, notes)


def _check_key(key: KeySetup, tenant: Tenant, place: Place, notes: Notes) -> None:
    """Nobody may guess it, and what it begins with says what kind of tenant it is for."""
    text = key.secret.reveal()
    if wrong_mode(text, test=tenant.test):
        kind = "a test tenant" if tenant.test else "no test tenant"
        wrong, right = (LIVE, TEST) if tenant.test else (TEST, LIVE)
        notes.error(place, f"begins with {wrong}, and {tenant.id} is {kind}", f"give it a key that begins with {right}")
    if len(text) < SHORTEST_API_KEY:
        notes.warning(place, f"is shorter than {SHORTEST_API_KEY} characters: easy to guess", MAKE_A_KEY)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's lists may name.

    Attributes:
        accounts: ids of all accounts, those that could not be read too.
        providers: those we know.
        used: those at which there is an account.
        owners: whose own an account is, by its id.
    """

    accounts: frozenset[str]
    providers: frozenset[str]
    used: frozenset[str]
    owners: Mapping[str, str]


def check_routing(tenant: PlacedTenant, names: Names, notes: Notes) -> None:
    policy, place = tenant.setup.tenant.routing, (*tenant.place, "routing")
    _check_strangers(tenant, names, notes)
    for field, listed in (("order", policy.order), ("only", policy.only), ("exclude", policy.exclude)):
        _check_list(listed, names, (*place, field), notes)
    strategies = {policy.strategy, *(rule.strategy for rule in policy.rules)}
    if policy.strategy is Strategy.ORDERED and not policy.order:
        notes.warning((*place, "strategy"), "ordered, and no order is given: the cheapest goes first")
    if policy.weights != Weights() and Strategy.BALANCED not in strategies:
        notes.warning((*place, "weights"), "count for the strategy balanced alone", 'write strategy = "balanced"')
    if policy.only and set(policy.only) <= set(policy.exclude):
        notes.warning((*place, "only"), "everything in it is also excluded: no account may serve this tenant")
    for position, rule in enumerate(policy.rules):
        here = (*place, "rules", position)
        for field, listed in (("prefer", rule.prefer), ("only", rule.only), ("exclude", rule.exclude)):
            _check_list(listed, names, (*here, field), notes)
    check_order(policy.rules, (*place, "rules"), notes)


def _check_strangers(tenant: PlacedTenant, names: Names, notes: Notes) -> None:
    """What its lists prefer should not be somebody else's own."""
    policy, place = tenant.setup.tenant.routing, (*tenant.place, "routing")
    rules = [((*place, "rules", at), rule) for at, rule in enumerate(policy.rules)]
    wanted = [((*place, "order"), policy.order), ((*place, "only"), policy.only)]
    wanted += [((*where, "prefer"), rule.prefer) for where, rule in rules]
    wanted += [((*where, "only"), rule.only) for where, rule in rules]
    for where, listed in wanted:
        for name in dict.fromkeys(listed):
            owner = names.owners.get(name, tenant.setup.tenant.id)
            if owner != tenant.setup.tenant.id:
                notes.warning(where, f"{name!r} is {owner}'s own: it does not serve this tenant")


def _check_list(listed: Sequence[str], names: Names, place: Place, notes: Notes) -> None:
    for name, times in Counter(listed).items():
        _check_name(name, names, place, notes)
        if times > 1:
            notes.warning(place, f"{name!r} stands there {times} times")


def _check_name(name: str, names: Names, place: Place, notes: Notes) -> None:
    if name not in names.accounts | names.providers:
        hint = suggestion(name, names.accounts | names.providers)
        notes.error(place, f"{name!r} is not a known account or provider", hint)
    elif name not in names.accounts | names.used:
        notes.warning(place, f"there is no account at {name!r}")


def check_somebody(accounts: Sequence[object], tenants: Sequence[object], notes: Notes) -> None:
    """A gateway without accounts makes no video, and without tenants has no caller."""
    if not accounts:
        notes.warning((), "there is no account: no video can be made", "add one under [[accounts]]")
    if not tenants:
        notes.warning((), "there is no tenant: nobody can call", "add one under [[tenants]]")


def check_owners(
    accounts: Sequence[AccountSetup], ids: Collection[str], tenants: Sequence[PlacedTenant], notes: Notes
) -> None:
    """An account of a tenant's own names a tenant there is, one that reaches it.

    Args:
        ids: of all tenants, those that can not be read too.
    """
    test = {tenant.setup.tenant.id: tenant.setup.tenant.test for tenant in tenants}
    for setup in accounts:
        owner, place = setup.account.owner, (*setup.place, "owner")
        if owner is not None and owner not in ids:
            notes.error(place, f"{owner!r} is no tenant of this file", suggestion(owner, ids))
        elif owner in test and test[owner] != setup.account.sandbox:
            kind = "a test tenant, which reaches" if test[owner] else "no test tenant, so it reaches no"
            notes.warning(place, f"{owner} is {kind} sandbox accounts {'alone' if test[owner] else ''}".rstrip())
