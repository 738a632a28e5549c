"""The ASGI application: both doors, their pages, hooks and health mounted on one Litestar."""

from functools import cache

from litestar import Litestar
from litestar.types import ASGIApp

from gateway.arriving import Arriving
from gateway.explorers.routes import explorer_routes
from gateway.graphql.controller import graphql_routes
from gateway.rest.edge import wrap
from gateway.rest.problems import exception_handlers
from gateway.rest.routes import rest_routes
from gateway.wiring import Gateway


def build_app(gateway: Gateway) -> ASGIApp:
    """The application for a built gateway; its lifespan is the server's, not the gateway's."""
    server = gateway.settings.server
    return wrap(doors(explorable=server.explorable, max_body_bytes=server.max_body_bytes), gateway)


@cache
def doors(*, explorable: bool, max_body_bytes: int) -> Litestar:
    """Every route, built once: to which gateway a request leads is said with it (arriving.py)."""
    return Litestar(
        route_handlers=[
            *rest_routes(),
            *graphql_routes(explorable=explorable),
            *explorer_routes(explorable=explorable),
        ],
        openapi_config=None,  # the document is ours, and a route of ours serves it
        exception_handlers=exception_handlers(),
        request_class=Arriving,
        request_max_body_size=max_body_bytes,
        logging_config=None,
        debug=False,
    )
