"""A gateway on its sandbox for judges that are not ours, until it is stopped: `python -m tests.conformance.stand PORT`.

KEY does all that a tenant may, OPERATOR_KEY whatever there is, and OTHER_KEY is a neighbour's.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from gateway.config.manifests import read_manifests
from gateway.config.reading import Notes
from gateway.config.settings import GraphQLProfile, GraphQLSettings, KeySetup, TenantSetup
from gateway.loop import in_loop
from gateway.names import system
from gateway.ports import listen
from gateway.sandbox.server import serve
from gateway.sandbox.settings import SandboxSettings
from gateway.serving import serving, stop_signals
from gateway.telemetry import configure_logging
from gateway.wiring import Seams, gateway
from schema.account import Secret
from schema.tenant import RoutingPolicy, Scope, Tenant, TenantLimits
from schema.video import OnUnsupported
from tests.support.certificates import certificates
from tests.support.databases import migrated
from tests.support.running import Setup, sandbox_accounts, settings_for

KEY = "fg_test_judge_0123456789abcdefghijk"
OTHER_KEY = "fg_test_beside_0123456789abcdefghij"
OPERATOR_KEY = "fg_test_runner_0123456789abcdefghij"
_SCOPES = frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.TENANT_ADMIN})
_PUBLIC = "93.184.215.14"
"""Where example.com leads to, without asking anybody."""


def tenant(id: str, key: str, scopes: frozenset[Scope] = _SCOPES) -> TenantSetup:
    """With limits wide enough for any judge, so that answers say what is left of them."""
    limits = TenantLimits(per_minute=100_000, reads_per_minute=1_000_000, queued=1_000_000)
    routing = RoutingPolicy(on_unsupported=OnUnsupported.ADJUST)  # of two makers one takes pictures, one takes seconds
    plain = Tenant(id=id, name=id, routing=routing, limits=limits, test=True)
    return TenantSetup(tenant=plain, keys=(KeySetup(secret=Secret(key), scopes=scopes),))


def lookup(host: str, port: int) -> Iterable[str]:
    return [_PUBLIC] if host == "example.com" or host.endswith(".example.com") else system(host, port)


async def stand(port: int, graphql: GraphQLSettings, speed: float, *, worker: bool) -> None:
    stopping = asyncio.Event()
    with stop_signals(stopping.set), tempfile.TemporaryDirectory() as folder:
        setup = Setup(folder=Path(folder), per_minute=100_000, concurrent=50)
        await migrated(setup.folder / "filmgate.db")
        async with serve(SandboxSettings(speed=speed)) as sandbox:
            url = f"http://127.0.0.1:{port}"
            settings = settings_for(setup, sandbox_accounts(sandbox, setup), sandbox_url=sandbox.url, public_url=url)
            house = tenant("house", OPERATOR_KEY, frozenset(Scope))
            tenants = (tenant("judge", KEY), tenant("beside", OTHER_KEY), house)
            trusted = read_manifests(graphql.documents, ("graphql", "documents"), Notes())
            settings = replace(settings, graphql=graphql, trusted=trusted, tenants=tenants)
            seams = Seams(verify=certificates(), lookup=lookup)
            async with (
                gateway(settings, seams) as built,
                serving(built, listener=listen("127.0.0.1", port), worker=worker),
            ):
                print("ready", url, flush=True)
                await stopping.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--profile", type=GraphQLProfile, default=GraphQLProfile.AUDIT)
    parser.add_argument("--documents", default="", help="manifests of trusted documents")
    parser.add_argument("--speed", type=float, default=50, help="of the simulated providers")
    parser.add_argument("--no-worker", action="store_true", help="videos stay queued: for judges that want stillness")
    told = parser.parse_args()
    configure_logging(quiet=True)
    graphql = GraphQLSettings(profile=told.profile, documents=told.documents)
    in_loop(stand(told.port, graphql, told.speed, worker=not told.no_worker))


if __name__ == "__main__":
    main()
