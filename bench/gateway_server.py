"""A gateway without a worker, on the database given: what a create costs is the edge, the decision and the commit."""

import sys
from pathlib import Path

from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    KeySetup,
    SecretsSettings,
    ServerSettings,
    Settings,
    TenantSetup,
)
from gateway.loop import in_loop
from gateway.run import _serve as serve
from gateway.telemetry import configure_logging
from providers.registry import KINDS
from schema.account import Account, Secret
from schema.tenant import Tenant, TenantLimits

KEY = "fg_test_bench_0123456789abcdefghijklmn"


def settings(port: int, database: str, folder: Path) -> Settings:
    kind = next(kind for kind in KINDS if kind.default_plan == "free")
    accounts = tuple(
        Account(
            id=f"account-{n}",
            provider=kind.name,
            base_url="http://127.0.0.1:9",
            credential=Secret("none"),
            price_per_credit=1000 + n,
            options=kind.options(),
            sandbox=True,
        )
        for n in range(2)
    )
    tenant = Tenant(id="bench", name="bench", limits=TenantLimits(queued=1_000_000), test=True)
    return Settings(
        secrets=SecretsSettings(key=Secret("a secret key for benches, long enough")),
        server=ServerSettings(listen=f"127.0.0.1:{port}"),
        database=DatabaseSettings(url=database),
        assets=AssetsSettings(url=f"file://{folder}/assets"),
        accounts=accounts,
        tenants=(TenantSetup(tenant=tenant, keys=(KeySetup(secret=Secret(KEY)),)),),
    )


if __name__ == "__main__":
    configure_logging()  # as in production: a line for every request, into the log
    in_loop(serve(settings(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])), worker=False, seams=None))
