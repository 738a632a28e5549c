"""Tenants' routing policies as versions: which one is in force, who changes it, and how it was before."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import structlog

from gateway.policy.patching import checked_names, patched
from gateway.services.accounts import Accounts
from gateway.services.pages import check_limit, cut
from gateway.services.tenants import Tenants
from gateway.services.trailing import write_down
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction, Work
from schema.clock import Clock, Millis
from schema.errors import InvalidRequest, ManagedByFile, NotFound, Overloaded, VersionConflict
from schema.ids import Ids
from schema.ownership import ManagedBy
from schema.policy import BY_DEFAULT, BY_FILE, MAX_NOTE, PolicyVersion, WrittenRouting
from schema.tenant import RoutingPolicy, Tenant

log = structlog.get_logger()

SEEN_LASTS = 500
"""Milliseconds for which the version last seen serves further decisions; then it is looked up again."""

_LARGEST = 2**53 - 1


class PolicyPage(msgspec.Struct, frozen=True):
    """Some versions, newest first; ``more`` when there are older ones."""

    versions: list[PolicyVersion]
    more: bool


class Policies:
    """What was seen last stands in ``tenants``, for all who decide; whoever decides has it looked up in time.

    Args:
        providers: names a policy may use beside accounts'.
    """

    def __init__(
        self,
        *,
        store: Store,
        tenants: Tenants,
        accounts: Accounts,
        providers: frozenset[str],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._ids = ids
        self._store = store
        self._tenants = tenants
        self._accounts = accounts
        self._providers = providers
        self._clock = clock
        self._looked_at: dict[str, Millis] = {}

    async def open(self, tenants: Iterable[Tenant]) -> None:
        """Every one of those tenants has a version, and one that the file manages has what the file says."""
        for tenant in tenants:
            await self._open(tenant)

    async def _open(self, tenant: Tenant) -> None:
        """Another replica that starts too may be faster; then its version counts."""
        managed = self.managed_by(tenant.id) is ManagedBy.FILE
        latest = await self._store.read(lambda tx: tx.policies.latest(tenant.id))
        if latest is None or (managed and latest.policy != tenant.routing):
            opened = PolicyVersion(
                tenant=tenant.id,
                version=1 if latest is None else latest.version + 1,
                at=self._clock.now(),
                author=BY_FILE if managed else BY_DEFAULT,
                policy=tenant.routing,
            )
            await self._store.write(lambda tx: tx.policies.add(opened))
            latest = await self._store.read(lambda tx: tx.policies.latest(tenant.id))
        if latest is not None:
            self._tenants.use(latest)

    # which one is in force

    async def fresh(self, tenant: Tenant) -> Tenant:
        """A tenant with its policy of half a second ago, or younger: what whoever decides for it should use."""
        await self.look(tenant.id)
        latest = self._tenants.get(tenant.id)
        return tenant if latest is None or self._tenants.version(tenant.id) <= (tenant.policy_version or 0) else latest

    async def look(self, tenant: str) -> None:
        """See a newer version, if half a second has passed since that was last done."""
        now, before = self._clock.now(), self._looked_at.get(tenant)
        if before is not None and 0 <= now - before <= SEEN_LASTS:
            return
        self._looked_at[tenant] = now  # others go on with what there is, instead of asking the same
        try:
            await self._look(tenant)
        except BaseException:
            self._looked_at.pop(tenant, None)
            raise

    async def _look(self, tenant: str) -> None:
        than = self._tenants.version(tenant)
        newer = await self._store.read(lambda tx: tx.policies.latest(tenant, than=than), tenant=tenant)
        if newer is not None:
            self._tenants.use(newer)

    def managed_by(self, tenant: str) -> ManagedBy:
        return ManagedBy.FILE if self._tenants.routed_by_file(tenant) else ManagedBy.API

    async def current(self, tenant: str) -> PolicyVersion:
        """The version in force. Raises NotFound when there is no such tenant."""
        return await self._store.read(partial(_latest, tenant=tenant), tenant=tenant)

    async def history(self, tenant: str, *, before: int | None, limit: int) -> PolicyPage:
        """Versions, newest first, older than one. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        versions = await self._store.read(
            lambda tx: tx.policies.page(tenant, before=before, limit=limit + 1), tenant=tenant
        )
        return PolicyPage(*cut(versions, limit))

    # who changes it

    def proposed(self, tenant: Tenant, changes: Any) -> RoutingPolicy:
        """A tenant's policy with changes, a JSON merge patch, that nobody has made yet. Raises InvalidRequest."""
        return patched(tenant.routing, changes, self._names(tenant))

    async def change(self, tenant: Tenant, expected: int, changes: Any, *, author: str, note: str) -> PolicyVersion:
        """Change a tenant's policy by a JSON merge patch. What changes nothing makes no version.

        Raises:
            ManagedByFile: the configuration file manages it.
            VersionConflict: another version is in force than the one expected.
            InvalidRequest: a field is wrong, or names nobody; or the note is too long.
        """
        self._check(tenant.id, note)
        known = self._names(tenant)

        async def work(tx: Transaction) -> PolicyVersion:
            latest = await _unmoved(tx, tenant.id, expected)
            return await self._next(tx, latest, patched(latest.policy, changes, known), author=author, note=note)

        return await self._kept(tenant.id, work)

    async def restore(self, tenant: Tenant, expected: int, to: int, *, author: str, note: str) -> PolicyVersion:
        """Make a new version of what an old one said.

        Raises:
            NotFound: there is no such version.
            ManagedByFile, VersionConflict: as for a change.
            InvalidRequest: it names an account that is no longer configured; or the note is too long.
        """
        self._check(tenant.id, note)
        known = self._names(tenant)

        async def work(tx: Transaction) -> PolicyVersion:
            latest = await _unmoved(tx, tenant.id, expected)
            old = await tx.policies.get(tenant.id, to) if 0 < to <= _LARGEST else None
            if old is None:
                raise NotFound(f"There is no version {to} of this policy")
            checked_names(old.policy, latest.policy, known)
            again = note or f"version {to} again"
            return await self._next(tx, latest, old.policy, author=author, note=again, action="policy.restored")

        return await self._kept(tenant.id, work)

    async def _next(
        self,
        tx: Transaction,
        latest: PolicyVersion,
        policy: RoutingPolicy,
        *,
        author: str,
        note: str,
        action: str = "policy.changed",
    ) -> PolicyVersion:
        if policy == latest.policy:
            return latest
        version = PolicyVersion(
            tenant=latest.tenant,
            version=latest.version + 1,
            at=self._clock.now(),
            author=author,
            note=note,
            policy=policy,
        )
        if not await tx.policies.add(version):  # a replica was faster, after we had read
            raise await _conflict(tx, latest.tenant, latest.version)
        await self._write_down(tx, latest, version, action)
        return version

    async def _write_down(self, tx: Transaction, before: PolicyVersion, made: PolicyVersion, action: str) -> None:
        was, became = (msgspec.to_builtins(WrittenRouting.of(one.policy)) for one in (before, made))
        differing = [name for name in became if was.get(name) != became[name]]
        await write_down(
            tx,
            self._ids,
            made.at,
            actor=made.author,
            action=action,
            tenant=made.tenant,
            subject=made.tenant,
            before={"version": before.version, **{name: was.get(name) for name in differing}},
            after={"version": made.version, "note": made.note, **{name: became[name] for name in differing}},
        )

    async def _kept(self, tenant: str, work: Work[PolicyVersion]) -> PolicyVersion:
        try:
            made = await self._store.write(work, tenant=tenant)
        except CommitUnknown as error:  # to be repeated: if it was kept after all, that is told as a conflict
            raise Overloaded("Whether the database kept this is not known; try again", retry_after_seconds=1) from error
        if made.version > self._tenants.version(made.tenant):
            log.info("policy.changed", tenant=made.tenant, version=made.version, actor=made.author)
        self._tenants.use(made)
        return made

    def _check(self, tenant: str, note: str) -> None:
        if self.managed_by(tenant) is ManagedBy.FILE:
            raise ManagedByFile(
                f"The file {self._tenants.source(tenant)} manages how {tenant} is routed: change `routing` of the "
                f"tenant {tenant!r} there and apply it, or take it out to manage it here"
            )
        if len(note) > MAX_NOTE:
            raise InvalidRequest.field("note", "too_long", f"takes {MAX_NOTE} characters")

    def _names(self, tenant: Tenant) -> frozenset[str]:
        """What a tenant's policy may name: the accounts it can reach, and every provider."""
        accounts = {account.id for account, _ in self._accounts.reachable(tenant)}
        return frozenset(accounts | self._providers)


async def _latest(tx: Transaction, tenant: str) -> PolicyVersion:
    latest = await tx.policies.latest(tenant)
    if latest is None:
        raise NotFound("There is no such tenant")
    return latest


async def _unmoved(tx: Transaction, tenant: str, expected: int) -> PolicyVersion:
    """The version in force, which must be the one expected. Raises VersionConflict."""
    latest = await _latest(tx, tenant)
    if latest.version != expected:
        raise await _conflict(tx, tenant, expected)
    return latest


async def _conflict(tx: Transaction, tenant: str, expected: int) -> VersionConflict:
    current = await _latest(tx, tenant)
    known = await tx.policies.get(tenant, expected) if 0 < expected <= _LARGEST else None
    detail = f"Version {expected} was to be changed, and version {current.version} of {current.author} is in force"
    return VersionConflict(detail, expected=expected, known=known, current=current)
