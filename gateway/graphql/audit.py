"""The audit trail, the configuration and the master keys, as GraphQL shows them."""

from functools import partial
from typing import Annotated, Self

import strawberry

from gateway.auth import require
from gateway.graphql.admin import operator
from gateway.graphql.connections import After, Before, First, Last, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.scalars import Document, Moment
from gateway.services import reloading, vault
from gateway.services.trails import as_told
from schema import trail
from schema.errors import InvalidRequest
from schema.ids import TRAIL, could_be
from schema.tenant import Scope
from schema.trail import TrailWish


@strawberry.input(description="Which entries: all that is given must hold.")
class AuditFilter:
    tenant: strawberry.ID | None = strawberry.field(default=None, description="Whose; with `own` always yours.")
    subject: str | None = strawberry.field(default=None, description="The id of the thing it was done to.")
    action: str | None = strawberry.field(default=None, description="How the action begins, such as `account.`.")
    since: int | None = strawberry.field(default=None, description="Not earlier, in seconds since the Unix epoch.")
    until: int | None = strawberry.field(default=None, description="Earlier than this, in the same.")


@strawberry.type(description="One change; it is never changed itself.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="Opaque and unique.")
    at: Moment = strawberry.field(description="When.")
    actor: str = strawberry.field(
        description="Whose key it was, its tenant and the key's end; `file` for a configuration file, and, as tenants "
        "are told, `operator` for whoever is none of their own keys."
    )
    action: str = strawberry.field(description="The kind of thing, and what was done to it: `tenant.created`.")
    tenant: str | None = strawberry.field(description="Whose thing it is; null for what belongs to nobody.")
    subject: str = strawberry.field(description="The thing's id.")
    before: Document | None = strawberry.field(description="As it was, as far as it differs; null where it was not.")
    after: Document | None = strawberry.field(description="As it is; null where it is not any more.")
    request_id: str | None = strawberry.field(description="The request that asked for it; null for none.")

    @classmethod
    def of(cls, facts: trail.TrailEntry) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            at=Moment(facts.at),
            actor=facts.actor,
            action=facts.action,
            tenant=facts.tenant,
            subject=facts.subject,
            before=None if facts.before is None else Document(facts.before),
            after=None if facts.after is None else Document(facts.after),
            request_id=facts.request,
        )


@strawberry.type(description="An entry in a page.")
class AuditEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` or `before` to go on from here.")
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the audit trail.")
class AuditConnection:
    edges: list[AuditEdge] = strawberry.field(description="The entries, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")


@strawberry.type(description="Something wrong in a configuration file.")
class ConfigurationFinding:
    path: str = strawberry.field(description="The key; empty for the file as a whole.")
    problem: str = strawberry.field(description="What is wrong.")
    hint: str | None = strawberry.field(description="How to mend it.")
    line: int | None = strawberry.field(description="Where it stands.")


@strawberry.type(description="A configuration file that was not taken; the settings of before go on.")
class ConfigurationRefusal:
    at: Moment = strawberry.field(description="When.")
    findings: list[ConfigurationFinding] = strawberry.field(description="What is wrong in it.")


@strawberry.type(description="How the process that answers stands to its configuration file.")
class Configuration:
    source: str = strawberry.field(description="The file's name.")
    loaded_at: Moment = strawberry.field(description="When it was last taken.")
    last_refused: ConfigurationRefusal | None = strawberry.field(
        description="The latest file that could not be used; null once a later one could."
    )
    needs_restart: list[str] = strawberry.field(description="Sections that wait for the next start.")

    @classmethod
    def of(cls, facts: reloading.Loaded) -> Self:
        refused = None
        if facts.last_refused is not None:
            found = [
                ConfigurationFinding(path=one.path, problem=one.problem, hint=one.hint, line=one.line)
                for one in facts.last_refused.findings
            ]
            refused = ConfigurationRefusal(at=Moment(facts.last_refused.at), findings=found)
        return cls(
            source=facts.source,
            loaded_at=Moment(facts.loaded_at),
            last_refused=refused,
            needs_restart=list(facts.needs_restart),
        )


@strawberry.type(description="A master key, by the id that says nothing of it.")
class MasterKey:
    id: strawberry.ID = strawberry.field(description="Its id.")
    secrets: int = strawberry.field(description="How many lie under it.")
    current: bool = strawberry.field(description="New secrets are put under it.")


@strawberry.type(description="How far a change of the master key is.")
class RekeySecretsPayload:
    key_id: strawberry.ID = strawberry.field(description="The current master key's id.")
    moved: int = strawberry.field(description="Secrets that were put under it now.")
    left: int = strawberry.field(description="Those that lie under another one still.")

    @classmethod
    def of(cls, facts: vault.Rekeyed) -> Self:
        return cls(key_id=strawberry.ID(facts.key_id), moved=facts.moved, left=facts.left)


@strawberry.input(description="Why the master key is changed.")
class RekeySecretsInput:
    note: str = strawberry.field(default="", description="Kept with your key's name.")


RekeyArgument = Annotated[RekeySecretsInput, strawberry.argument(description="Why.")]
Filter = Annotated[AuditFilter | None, strawberry.argument(description="Which entries.")]
Own = Annotated[bool, strawberry.argument(description="Your tenant's own part; else all of it, for operators.")]


async def audit_log(
    info: Info,
    *,
    filter: Filter = None,  # noqa: A002  # GraphQL's name
    own: Own = False,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> AuditConnection:
    told_to = _told_to(info, own=own)
    paging = Paging(first=first, after=after, last=last, before=before)
    window = paging.window(partial(could_be, TRAIL))
    wish = _wish(filter or AuditFilter(), told_to)
    trails = info.context.gateway.trails
    if paging.backward and window.before is None:
        raise InvalidRequest.field("last", "exclusive", "needs before: the trail is read from its newest entry on")
    page = await trails.page(wish, after=window.after, before=window.before, limit=window.limit)
    shown = page.entries if told_to is None else [as_told(one, told_to) for one in page.entries]
    edges = [AuditEdge(cursor=cursor(one.id), node=AuditEntry.of(one)) for one in shown]
    return AuditConnection(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


async def configuration(info: Info) -> Configuration:
    gateway, _ = operator(info)
    return Configuration.of(gateway.reloading.loaded)


async def master_keys(info: Info) -> list[MasterKey]:
    gateway, _ = operator(info)
    kept, current = gateway.ground.vault, gateway.ground.vault.key_id
    counts = await kept.counts()
    return [MasterKey(id=strawberry.ID(id), secrets=count, current=id == current) for id, count in counts.items()]


async def rekey_secrets(info: Info, input: RekeyArgument) -> RekeySecretsPayload:  # noqa: A002  # GraphQL's name
    gateway, actor = operator(info)
    return RekeySecretsPayload.of(await gateway.rekeying.rekey(actor=actor, note=input.note))


def _told_to(info: Info, *, own: bool) -> str | None:
    """The tenant who reads its part; None for an operator, who reads all. Raises Forbidden."""
    if not own:
        operator(info)
        return None
    require(info.context.principal, Scope.TENANT_ADMIN)
    return info.context.principal.tenant.id


def _wish(asked: AuditFilter, tenant: str | None) -> TrailWish:
    return TrailWish(
        tenant=asked.tenant if tenant is None else tenant,
        subject=asked.subject,
        action=asked.action,
        since=None if asked.since is None else asked.since * 1000,
        until=None if asked.until is None else asked.until * 1000,
    )
