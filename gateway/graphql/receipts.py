"""A receipt as GraphQL shows it: the signed document, and a few of its facts for those who will not parse it."""

from typing import Self

import strawberry

from gateway.graphql.scalars import Amount, amount
from gateway.services.receipts import Signed


@strawberry.type(description="What became of a video, and at what price, signed; it can be verified without us.")
class Receipt:
    document: str = strawberry.field(
        description="The receipt as JSON, its signature included: the same text that REST gives. Keep it as it is."
    )
    key_id: str = strawberry.field(
        description="Names the key that signed it, among those at `/.well-known/filmgate-receipts.json`."
    )
    revision: int = strawberry.field(
        description="The video's version: of two receipts of one video, the higher knows more."
    )
    held_micros: Amount | None = strawberry.field(
        description="What was set aside for the video over its whole life; null without a price."
    )
    charged_micros: Amount | None = strawberry.field(description="What was taken; null when nothing was.")
    released_micros: Amount | None = strawberry.field(
        description="What was given back of what was held; null when nothing was."
    )
    file_sha256: str | None = strawberry.field(
        name="fileSha256", description="SHA-256 of the finished file, hex; null unless it completed."
    )

    @classmethod
    def of(cls, signed: Signed) -> Self:
        receipt = signed.receipt
        return cls(
            document=signed.document.decode(),
            key_id=signed.kid,
            revision=receipt.revision,
            held_micros=amount(receipt.money.held_micros),
            charged_micros=amount(receipt.money.charged_micros),
            released_micros=amount(receipt.money.released_micros),
            file_sha256=None if receipt.file is None else receipt.file.sha256,
        )
