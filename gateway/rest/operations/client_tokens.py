"""What the routes of client tokens promise."""

from gateway.rest import client_tokens
from gateway.rest.client_tokens import (
    ClientTokenPageView,
    ClientTokenView,
    CreateClientToken,
    NewClientTokenView,
    RotateSigningKey,
    SigningKeyListView,
    SigningKeyView,
)
from gateway.rest.operations.words import JSON_BODY, LIMIT, Body, Key, Operation, Parameter, Reply, behind, text
from schema.ids import GRANT, pattern
from schema.tenant import Scope

CLIENT_TOKENS: dict[Key, Operation] = {
    ("post", client_tokens.PATH): Operation(
        id="createClientToken",
        tag="tenant",
        summary="Make a token for somebody's browser",
        says="A JWT that works for minutes and for one purpose. Keep your API key on your server, and give pages this. "
        "It ends with the key that made it.",
        scope=Scope.VIDEOS_READ,
        body=Body(types=JSON_BODY, shape=CreateClientToken),
        replies={201: Reply(says="The token; its text is shown this once.", shape=NewClientTokenView)},
        refusals=(400, 415, 422),
    ),
    ("get", client_tokens.PATH): Operation(
        id="listClientTokens",
        tag="tenant",
        summary="List your client tokens",
        says="Those that have ended too, and what each has used.",
        scope=Scope.VIDEOS_READ,
        parameters=(behind(GRANT, "this token"), LIMIT),
        replies={
            200: Reply(says="A page, newest first.", shape=ClientTokenPageView, headers=("Cache-Control", "Vary"))
        },
        refusals=(400, 422),
    ),
    ("delete", client_tokens.PATH + "/{token_id}"): Operation(
        id="revokeClientToken",
        tag="tenant",
        summary="End a client token before its time",
        says="It creates nothing from now on, and does nothing at all within seconds. Its videos go on.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(
            Parameter(name="token_id", where="path", says="The token.", schema=text(30, pattern=pattern(GRANT))),
        ),
        replies={200: Reply(says="How it ended.", shape=ClientTokenView)},
        refusals=(404,),
    ),
    ("get", client_tokens.KEYS): Operation(
        id="listSigningKeys",
        tag="operator",
        summary="List the keys that sign client tokens",
        scope=Scope.OPERATOR,
        replies={200: Reply(says="Every key that is kept, oldest first; the last signs.", shape=SigningKeyListView)},
    ),
    ("post", client_tokens.KEYS): Operation(
        id="rotateSigningKey",
        tag="operator",
        summary="Sign client tokens with a new key",
        says="What the old one has signed works until it expires, unless you say that it ends now.",
        scope=Scope.OPERATOR,
        body=Body(types=JSON_BODY, shape=RotateSigningKey),
        replies={201: Reply(says="The new key.", shape=SigningKeyView)},
        refusals=(400, 415, 422),
    ),
}
