"""What the routes of money promise."""

from gateway.rest import ledger, quotes
from gateway.rest.ledger import BalanceView, LedgerPageView
from gateway.rest.operations.words import CANCEL_AFTER, ENTRY_ID, LIMIT, ORDER, Body, Key, Operation, Parameter, Reply
from gateway.rest.quotes import QuoteView
from gateway.rest.wishes import BODY_TYPES, CreateVideo
from schema.tenant import Scope

MONEY: dict[Key, Operation] = {
    ("post", quotes.PATH): Operation(
        id="createQuote",
        tag="money",
        summary="Ask what a video would cost",
        says="Takes what `POST /v1/videos` takes. Nothing is sent, counted or kept, so it may be asked as often as you "
        "like, by any key that may read. The answer is a promise: give its `id` as `gateway.quote_id` with the same "
        "wish before it expires, and you are charged `high_micros` at most, whatever happens to prices meanwhile. It "
        "sets no money aside: `missing_micros` tells what you would lack now.",
        scope=Scope.VIDEOS_READ,
        parameters=(CANCEL_AFTER,),
        body=Body(types=BODY_TYPES, shape=CreateVideo),
        replies={200: Reply(says="The quote.", shape=QuoteView)},
        refusals=(400, 409, 410, 413, 415, 422, 501),
    ),
    ("get", ledger.BALANCE): Operation(
        id="getBalance",
        tag="money",
        summary="See how you stand",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="Your balance.", shape=BalanceView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", ledger.PATH): Operation(
        id="listLedger",
        tag="money",
        summary="See what your money did",
        says="Every entry is a transfer between your accounts `available` (or `owed`, when you pay afterwards), `held` "
        "and `spent`, and sums to zero. As CSV (`Accept: text/csv`, or `format=csv`) it is all of it at once, oldest "
        "first, a line a posting; a text that a spreadsheet would take for a formula has an apostrophe before it.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(
                name="after", where="query", says="Those behind this entry, in the order asked.", schema=ENTRY_ID
            ),
            Parameter(name="before", where="query", says="Those before this entry; not with `after`.", schema=ENTRY_ID),
            LIMIT,
            ORDER,
            Parameter(
                name="format",
                where="query",
                says="What the answer is; it counts more than `Accept`. CSV goes with no other parameter.",
                schema={"type": "string", "enum": ["json", "csv"], "default": "json"},
            ),
        ),
        replies={
            200: Reply(
                says="A page of entries, or all of them as CSV.",
                shape=LedgerPageView,
                also=ledger.CSV_TYPE,
                headers=("Link", "Content-Disposition", "Cache-Control", "Vary"),
            )
        },
        refusals=(400, 422),
    ),
}
