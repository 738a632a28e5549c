"""Refusals of what never became a request: the same problem+json as everywhere, as the bytes of a whole answer."""

from http import HTTPStatus

from gateway.rest.answers import Header
from gateway.rest.edge import HARDENING
from gateway.rest.problems import PROBLEM_TYPE, alone
from schema.errors import GatewayError


def bare(error: GatewayError, request_id: str, headers: list[Header]) -> bytes:
    """The answer, after which the connection ends; ``headers`` are the server's own."""
    body, more = alone(error, request_id)
    lines = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *[(name.encode(), value.encode()) for name, value in more.items()],
        *HARDENING,
        *headers,
    ]
    status = b"HTTP/1.1 %d %s\r\n" % (error.status, HTTPStatus(error.status).phrase.encode())
    return status + b"".join(b"%s: %s\r\n" % line for line in lines) + b"\r\n" + body
