"""Every REST route there is: an explicit list, so that reading it is knowing it."""

from litestar.handlers import HTTPRouteHandler

from gateway.rest import (
    admin,
    admin_accounts,
    admin_attempts,
    admin_tenants,
    content,
    health,
    hooks,
    ledger,
    models,
    openapi,
    providers,
    quotes,
    receipts,
    reconciliation,
    videos,
)


def rest_routes() -> list[HTTPRouteHandler]:
    """What the application mounts. Each is described in operations.py; a test compares."""
    return [
        videos.create,
        videos.list_,
        videos.retrieve,
        videos.cancel,
        videos.route,
        content.content,
        receipts.receipt,
        receipts.keys,
        quotes.create,
        ledger.balance,
        ledger.list_,
        models.list_,
        models.retrieve,
        providers.list_,
        admin_accounts.list_,
        admin_accounts.pause,
        admin_accounts.resume,
        admin_accounts.reset,
        admin_accounts.credits_,
        admin_accounts.events,
        admin_attempts.list_,
        admin_attempts.bind,
        admin_attempts.void,
        admin_attempts.resolutions,
        admin_attempts.suspense,
        admin_tenants.top_up,
        admin_tenants.adjust,
        admin_tenants.balance,
        admin.incidents,
        admin.quarantine,
        admin.release,
        reconciliation.reconcile,
        hooks.hear,
        health.live,
        health.ready,
        openapi.serve,
    ]
