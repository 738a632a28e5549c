"""/v1/admin/configuration and /v1/admin/secrets: how this process stands to its file, and the master keys."""

from typing import Annotated, Literal

import msgspec
from litestar import get, post

from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import operator, seconds
from gateway.rest.admin_attempts import Note
from gateway.rest.answers import Answer
from gateway.rest.bodies import read_body
from gateway.rest.requests import Call
from gateway.rest.views import Moment, Name, Text, encode
from gateway.services.reloading import Loaded
from gateway.services.vault import Rekeyed

PATH = ADMIN + "/configuration"
SECRETS = ADMIN + "/secrets"
REKEY = SECRETS + "/rekey"

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in a file.

    Attributes:
        path: the key, such as `tenants.studio.routing.order`; empty for the file as a whole.
        line: where it stands; null when nothing stands there.
    """

    path: Text
    problem: Text
    hint: Text | None
    line: _Count | None


class RefusedView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was not taken; the settings of before go on.

    Attributes:
        at: seconds since the Unix epoch.
    """

    at: Moment
    findings: Annotated[tuple[FindingView, ...], msgspec.Meta(max_length=10_000)]


class ConfigurationView(msgspec.Struct, frozen=True, kw_only=True):
    """How the process that answers stands to its configuration file.

    Attributes:
        source: the file's name.
        loaded_at: when it was last taken, seconds since the Unix epoch.
        last_refused: the latest file that could not be used; null once a later one could.
        needs_restart: sections that differ from what the process began with, and wait for its next start.
    """

    object: Literal["configuration"] = "configuration"
    source: Text
    loaded_at: Moment
    last_refused: RefusedView | None
    needs_restart: Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)]


class MasterKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A master key, by the id that says nothing of it.

    Attributes:
        secrets: how many lie under it.
        current: new secrets are put under it.
    """

    id: Name
    secrets: _Count
    current: bool


class SecretsView(msgspec.Struct, frozen=True, kw_only=True):
    """Which master keys the stored secrets lie under."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[MasterKeyView, ...], msgspec.Meta(max_length=1000)]


class RekeySecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the master key is changed; kept with your key's name."""

    note: Note = ""


class RekeyedView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change of the master key is.

    Attributes:
        key_id: the current one's id.
        moved: secrets that were put under it now.
        left: those that lie under another one still.
    """

    object: Literal["rekeyed"] = "rekeyed"
    key_id: Name
    moved: _Count
    left: _Count


@get(PATH)
async def status(request: Call) -> Answer:
    gateway, _ = operator(request)
    return Answer(encode(configuration_view(gateway.reloading.loaded)))


@get(SECRETS)
async def secrets(request: Call) -> Answer:
    gateway, _ = operator(request)
    vault = gateway.ground.vault
    counts, current = await vault.counts(), vault.key_id
    data = tuple([MasterKeyView(id=id, secrets=n, current=id == current) for id, n in counts.items()])
    return Answer(encode(SecretsView(data=data)))


@post(REKEY)
async def rekey(request: Call) -> Answer:
    gateway, actor = operator(request)
    wanted = await read_body(request, RekeySecrets)
    return Answer(encode(rekeyed_view(await gateway.rekeying.rekey(actor=actor, note=wanted.note))))


def configuration_view(loaded: Loaded) -> ConfigurationView:
    refused = loaded.last_refused
    return ConfigurationView(
        source=loaded.source,
        loaded_at=loaded.loaded_at // 1000,
        last_refused=None
        if refused is None
        else RefusedView(
            at=seconds(refused.at) or 0,
            findings=tuple(
                FindingView(path=one.path, problem=one.problem, hint=one.hint, line=one.line)
                for one in refused.findings
            ),
        ),
        needs_restart=loaded.needs_restart,
    )


def rekeyed_view(rekeyed: Rekeyed) -> RekeyedView:
    return RekeyedView(key_id=rekeyed.key_id, moved=rekeyed.moved, left=rekeyed.left)
