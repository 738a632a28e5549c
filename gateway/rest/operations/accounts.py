"""What the operator's routes on accounts promise, and the list of accounts that everybody may see."""

from gateway.rest import admin_accounts, providers
from gateway.rest.admin_accounts import (
    AccountAct,
    AccountEventPageView,
    AccountListView,
    AccountView,
    TellCredits,
)
from gateway.rest.operations.words import JSON_BODY, LIMIT, Body, Key, Operation, Parameter, Reply, behind, text
from gateway.rest.providers import ProviderListView
from schema.ids import ACCOUNT_EVENT
from schema.tenant import Scope

_ONE = admin_accounts.PATH + "/{account_id}"
_OF_ACCOUNT = Parameter(name="account_id", where="path", says="The account.", schema=text(64))


def _act(id: str, summary: str, says: str, body: type) -> Operation:
    return Operation(
        id=id,
        tag="operator",
        summary=summary,
        says=says + " It is kept as an event, with your key's name.",
        scope=Scope.OPERATOR,
        parameters=(_OF_ACCOUNT,),
        body=Body(types=JSON_BODY, shape=body),
        replies={200: Reply(says="The account, as it is now.", shape=AccountView)},
        refusals=(400, 404, 415, 422),
    )


ACCOUNTS: dict[Key, Operation] = {
    ("get", providers.PATH): Operation(
        id="listProviders",
        tag="models",
        summary="See how the accounts are that can make your videos",
        says="Circuits, rests, credits with their age and source, limits, and how long their latest videos took.",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="The accounts.", shape=ProviderListView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", admin_accounts.PATH): Operation(
        id="listAccounts",
        tag="operator",
        summary="See every account, and who paused it",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="The accounts.", shape=AccountListView)},
    ),
    ("post", _ONE + "/pause"): _act(
        "pauseAccount",
        "Give an account no more videos",
        "Those it has are watched to their ends; others go elsewhere, or wait.",
        AccountAct,
    ),
    ("post", _ONE + "/resume"): _act(
        "resumeAccount", "Give a paused account videos again", "Nothing happens to one that is not paused.", AccountAct
    ),
    ("post", _ONE + "/reset"): _act(
        "resetAccount",
        "Forget an account's failures",
        "Its circuit closes, its rest ends, its credential is trusted again.",
        AccountAct,
    ),
    ("post", _ONE + "/credits"): _act(
        "setAccountCredits",
        "Say what balance an account has",
        "More than was thought is a top-up: warnings begin anew, and a rest for want of credits ends.",
        TellCredits,
    ),
    ("get", admin_accounts.EVENTS): Operation(
        id="listAccountEvents",
        tag="operator",
        summary="List what happened to accounts",
        says="Circuits that opened and closed, credentials refused, credits running low, and what operators did.",
        scope=Scope.OPERATOR,
        parameters=(
            Parameter(name="account", where="query", says="Only those of this account.", schema=text(64)),
            behind(ACCOUNT_EVENT, "this event"),
            LIMIT,
        ),
        replies={200: Reply(says="A page of events, newest first.", shape=AccountEventPageView)},
        refusals=(400, 422),
    ),
}
