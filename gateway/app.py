"""The ASGI application: both doors, their pages, hooks and health mounted on one Litestar."""

from litestar import Litestar
from litestar.types import ASGIApp

from gateway.arriving import Arriving
from gateway.explorers.routes import explorer_routes
from gateway.graphql.controller import graphql_routes
from gateway.rest.edge import wrap
from gateway.rest.openapi import openapi_config
from gateway.rest.problems import exception_handlers
from gateway.rest.routes import rest_routes
from gateway.wiring import Gateway


def build_app(gateway: Gateway) -> ASGIApp:
    """The application for a built gateway; its lifespan is the server's, not the gateway's."""
    app = Litestar(
        route_handlers=[*rest_routes(), *graphql_routes(gateway), *explorer_routes(gateway.settings.server)],
        openapi_config=openapi_config(gateway.settings),
        exception_handlers=exception_handlers(),
        request_class=Arriving,
        request_max_body_size=gateway.settings.server.max_body_bytes,
        logging_config=None,
        debug=False,
    )
    app.state.gateway = gateway
    return wrap(app, gateway)
