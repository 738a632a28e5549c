"""Every REST route there is: an explicit list, so that reading it is knowing it."""

from litestar.handlers import HTTPRouteHandler

from gateway.rest import content, health, hooks, models, openapi, videos


def rest_routes() -> list[HTTPRouteHandler]:
    """What the application mounts. Each is described in operations.py; a test compares."""
    return [
        videos.create,
        videos.list_,
        videos.retrieve,
        videos.cancel,
        videos.route,
        content.content,
        models.list_,
        models.retrieve,
        hooks.hear,
        health.live,
        health.ready,
        openapi.serve,
    ]
