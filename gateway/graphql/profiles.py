"""The statuses and media types of answers, by edition: what is a choice of ours stands here, the rest in the code.

``audit`` is what graphql-http's audit suite (1.x) asks for, ``2026-09`` what GraphQL over HTTP says since its edition
of September 2026 (sections 5.2 and 6).
"""

import msgspec

from gateway.config.settings import GraphQLProfile
from gateway.graphql.negotiation import Media


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One edition.

    Attributes:
        ill_formed: JSON that is no request, such as one without a query.
        invalid: a document that is not valid, an operation that is not clear, variables that do not fit.
        partial: executed, with errors in fields.
        lenient: who accepts plain JSON alone gets 200 for request errors too; otherwise what is no 2xx is always of
            GraphQL's own type, by which a client knows that the answer is GraphQL's and not some proxy's.
        usual: the type for who says nothing, or takes any.
    """

    ill_formed: int
    invalid: int
    partial: int
    lenient: bool
    usual: Media

    def type_of(self, status: int, media: Media) -> Media:
        """The type an answer has, when that of a good one would be ``media``."""
        return media if self.lenient or 200 <= status < 300 else Media.GRAPHQL


UNREADABLE = 400
"""Text that can not be parsed, of JSON or of GraphQL: in both editions."""

PROFILES = {
    GraphQLProfile.AUDIT: Profile(ill_formed=400, invalid=400, partial=200, lenient=True, usual=Media.JSON),
    GraphQLProfile.SEPTEMBER_2026: Profile(
        ill_formed=422, invalid=422, partial=294, lenient=False, usual=Media.GRAPHQL
    ),
}
