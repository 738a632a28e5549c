"""What the other routes promise: models, providers' hooks, health, the document itself."""

from gateway.rest import health, hooks, models, problem_pages
from gateway.rest.models import ModelListView, ModelView
from gateway.rest.operations.words import Body, Key, Operation, Parameter, Reply, text
from gateway.services.hooks import MAX_HOOK
from schema.tenant import Scope

OTHERS: dict[Key, Operation] = {
    ("get", models.PATH): Operation(
        id="listModels",
        tag="models",
        summary="List what can be asked for",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="The models.", shape=ModelListView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", models.PATH + "/{model}"): Operation(
        id="getModel",
        tag="models",
        summary="Look at a model",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="model", where="path", says="Its name; a slash in it may stand as it is.", schema=text(64)),
        ),
        replies={200: Reply(says="The model.", shape=ModelView, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("post", hooks.PATH.replace(":str", "")): Operation(
        id="hearProvider",
        tag="hooks",
        summary="Where providers call back",
        says="Not for you: we give providers this address, one for each attempt, and believe what they have signed.",
        parameters=(
            Parameter(name="provider", where="path", says="Who calls.", schema=text(64)),
            Parameter(name="token", where="path", says="Names the attempt.", schema=text(128)),
        ),
        body=Body(types=("application/json",), shape=None, max_bytes=MAX_HOOK),
        replies={
            202: Reply(says="Kept: what it speaks of is not known yet.", media=None),
            204: Reply(says="Heard, now or before.", media=None),
        },
        refusals=(401, 413, 422, 429),
    ),
    ("get", health.LIVE): Operation(
        id="isLive",
        tag="health",
        summary="Is the process alive?",
        replies={200: Reply(says="It is.", shape=health.HealthView)},
    ),
    ("get", health.READY): Operation(
        id="isReady",
        tag="health",
        summary="Can it serve now?",
        replies={200: Reply(says="It can.", shape=health.HealthView)},
    ),
    ("get", problem_pages.PATH): Operation(
        id="listProblems",
        tag="health",
        summary="Read which problems there are",
        replies={200: Reply(says="A page for people.", media="text/html", headers=("Cache-Control",))},
    ),
    ("get", problem_pages.PATH + "/{code}"): Operation(
        id="getProblem",
        tag="health",
        summary="Read what a problem's code means",
        says="Every refusal links here (`Link`, `describedby`).",
        parameters=(Parameter(name="code", where="path", says="The code.", schema=text(64, pattern="^[a-z_]{1,64}$")),),
        replies={200: Reply(says="A page for people.", media="text/html", headers=("Cache-Control",))},
        refusals=(404,),
    ),
    ("get", "/openapi.json"): Operation(
        id="getOpenAPI",
        tag="health",
        summary="This document",
        replies={200: Reply(says="The document.", shape=dict, headers=("Cache-Control",))},
    ),
}
