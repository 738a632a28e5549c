"""Pictures that a wish gives by link: judged when it is accepted, fetched through the guard when it is to be sent."""

from http import HTTPStatus

from gateway.egress import Egress
from gateway.policy.egress import EgressFailed, Kind, Rules
from gateway.spool import Spool
from schema.errors import InvalidRequest

FIELD = "input_reference.image_url"
_RULES = Rules()
_PASSING = frozenset({Kind.UNREACHABLE, Kind.TIMEOUT, Kind.BROKEN})
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class LinkFailed(Exception):
    """The picture is not to be had from its link. ``passing``: it may be, later."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(f"{FIELD}: {message}")
        self.passing = passing


class PictureLinks:
    """Args:
    deadline: seconds for one picture.
    max_bytes: of one.
    """

    def __init__(self, egress: Egress, *, deadline: float, max_bytes: int) -> None:
        self._egress = egress
        self._deadline = deadline
        self._max_bytes = max_bytes

    def check(self, url: str) -> None:
        """Judge what a link says. Raises InvalidRequest."""
        try:
            self._egress.check(url, _RULES)
        except EgressFailed as failure:
            raise InvalidRequest.field(FIELD, "refused", str(failure)) from failure

    async def fetch(self, url: str, spool: Spool) -> None:
        """Write the picture where it is received.

        Raises:
            LinkFailed: refused, unreachable, not there, too long or too late.
            InvalidRequest, PayloadTooLarge: what comes is no picture that is taken.
        """
        try:
            async with self._egress.stream(
                url, deadline=self._deadline, max_bytes=self._max_bytes, rules=_RULES
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _unanswered(answer.status)
                async for piece in answer:
                    spool.write(piece)
        except EgressFailed as failure:
            raise LinkFailed(str(failure), passing=failure.kind in _PASSING) from failure


def _unanswered(status: int) -> LinkFailed:
    passing = status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    moved = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    advice = "give the address it leads to" if moved else "give a link that answers with the picture"
    return LinkFailed(f"answered HTTP {status}; {advice}", passing=passing)
