"""/v1/admin/reconciliation: what accounts say they billed, against what the ledger says they did."""

from typing import Annotated, Literal

import msgspec
from litestar import get

from gateway.policy.reconciling import Code, Difference, Hint, OpenSuspense, Report
from gateway.rest.admin import PATH as ADMIN
from gateway.rest.admin import AttemptId, operator
from gateway.rest.answers import Answer
from gateway.rest.pages import given
from gateway.rest.requests import Call
from gateway.rest.views import Money, Name, VideoId, encode

PATH = ADMIN + "/reconciliation"

_LONGEST = 1_000_000
"""Of any list here: bounds for those who read it by machine."""

Day = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=10)]
_Credits = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=_LONGEST)]
_Id = Annotated[str, msgspec.Meta(max_length=64)]


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """Something an account says and the ledger does not, in the account's credits.

    Attributes:
        day: UTC; that of the attempt, or of the later balance.
        expected: a cost as the account has it, or a balance as booked costs leave it.
        found: the cost that is booked, or the balance the account told.
        micros: the size of the difference in millionths of the currency; null without a price.
        attempts: all that are involved.
        explained_by: lost submits whose being billed explains it.
        hint: why it may be in order; null is unexplained.
    """

    code: Code
    account: Name
    day: Day
    expected: _Credits
    found: _Credits
    micros: Money | None
    attempts: Annotated[tuple[_Id, ...], msgspec.Meta(max_length=_LONGEST)]
    explained_by: Annotated[tuple[_Id, ...], msgspec.Meta(max_length=_LONGEST)]
    hint: Hint | None


class OpenSuspenseView(msgspec.Struct, frozen=True, kw_only=True):
    """A submit whose outcome nobody knows: not reconciled, and no difference.

    Attributes:
        day: when it was sent, UTC.
        credits: the most it may have been billed, in the account's credits.
        hint: what balances before and after it say.
    """

    attempt: AttemptId
    video: VideoId
    account: Name
    day: Day
    credits: _Credits
    hint: Hint | None


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and what came of it.

    Attributes:
        first: the first day, UTC.
        last: the last day, included.
        unexplained: how many differences have no hint; 0 is a clean reconciliation.
    """

    object: Literal["reconciliation"] = "reconciliation"
    first: Day
    last: Day
    accounts: Annotated[tuple[Name, ...], msgspec.Meta(max_length=1000)]
    unexplained: _Count
    differences: Annotated[tuple[DifferenceView, ...], msgspec.Meta(max_length=_LONGEST)]
    open_suspense: Annotated[tuple[OpenSuspenseView, ...], msgspec.Meta(max_length=_LONGEST)]


@get(PATH)
async def reconcile(request: Call) -> Answer:
    gateway, _ = operator(request)
    asked = given(request.scope["query_string"], ("from", "to", "account"))
    report = await gateway.reconciliation.of_days(asked.get("from"), asked.get("to"), asked.get("account"))
    return Answer(encode(reconciliation_view(report)))


def reconciliation_view(report: Report) -> ReconciliationView:
    return ReconciliationView(
        first=report.first,
        last=report.last,
        accounts=report.accounts,
        unexplained=report.unexplained,
        differences=tuple([_difference(one) for one in report.differences]),
        open_suspense=tuple([_suspense(one) for one in report.open_suspense]),
    )


def _difference(difference: Difference) -> DifferenceView:
    return DifferenceView(**msgspec.structs.asdict(difference))


def _suspense(suspense: OpenSuspense) -> OpenSuspenseView:
    return OpenSuspenseView(**msgspec.structs.asdict(suspense))
