"""/v1/quotes: what a wish would cost and where it would be made."""

from typing import Annotated, Literal

import msgspec
from litestar import post

from gateway.rest.answers import Answer
from gateway.rest.requests import Call, browser
from gateway.rest.views import Moment, Money, Name, VideoId, encode
from gateway.rest.wishes import read_wish, unpictured
from schema.money import CURRENCY
from schema.quote import Decision, Quote
from schema.tenant import Scope

PATH = "/v1/quotes"

_QuoteId = Annotated[str, msgspec.Meta(pattern="^quote_[A-Za-z0-9_-]+$", max_length=512)]


class QuoteView(msgspec.Struct, frozen=True, kw_only=True):
    """What a video of this wish would cost, in millionths of the currency: a promise until it expires.

    Attributes:
        id: give it as `gateway.quote_id` with the same wish: `high_micros` is then the most that is charged, whatever
            happens; null without a price, for then there is no promise.
        created_at: seconds since the Unix epoch.
        expires_at: when the promise ends, seconds since the Unix epoch.
        account: the provider account that would make it.
        low_micros: the least it would cost; null when the account has no price.
        high_micros: the most, and what would be set aside for it.
        expected_micros: what it will probably cost.
        missing_micros: what you lack for it on your balance or of a budget; 0 when there is enough.
        decision: every account, best first, and what speaks against it; times in it are milliseconds.
        reused_from: the video whose file it would have, for nothing, as the wish allows; null when it would be made.
    """

    id: _QuoteId | None
    object: Literal["quote"] = "quote"
    created_at: Moment
    expires_at: Moment
    currency: Literal["USD"] = CURRENCY
    account: Name
    provider: Name
    low_micros: Money | None
    high_micros: Money | None
    expected_micros: Money | None
    missing_micros: Money
    decision: Decision
    reused_from: VideoId | None = None


@post(PATH)
async def create(request: Call) -> Answer:
    gateway, principal = browser(request, Scope.VIDEOS_READ)
    wish = unpictured(await read_wish(request))
    quote = await gateway.quotes.quote(principal.tenant, wish.spec, wish.routing, principal.grant)
    return Answer(encode(quote_view(quote)))


def quote_view(quote: Quote) -> QuoteView:
    price = quote.price
    return QuoteView(
        id=quote.id,
        created_at=quote.created_at // 1000,
        expires_at=quote.expires_at // 1000,
        account=quote.account,
        provider=quote.provider,
        low_micros=None if price is None else price.low,
        high_micros=None if price is None else price.high,
        expected_micros=quote.expected,
        missing_micros=quote.missing,
        decision=quote.decision,
        reused_from=quote.reused_from,
    )
