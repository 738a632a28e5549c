"""Doitong's GraphQL: a real schema and a real executor, with documents parsed and validated once."""

from functools import cache, lru_cache
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSyntaxError,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from gateway.sandbox.accounts import Account
from gateway.sandbox.doitong import (
    PARTLY,
    SERVICE,
    Options,
    cost_of,
    created,
    error,
    order_of,
    problem,
    shown,
    success,
)
from gateway.sandbox.hooks import Sender
from gateway.sandbox.jobs import Order
from gateway.sandbox.refusals import Refusal, Refused
from gateway.sandbox.settings import Variant
from gateway.sandbox.veo3o1 import bearer
from gateway.sandbox.wire import Answer, reply, spoil
from gateway.sandbox.world import Call, Made, World

_SDL = """
scalar JSON

enum GenerationType { VIDEO IMAGE AVATAR AUDIO }

input ContentInput { text: String image: String }

input GenerateInput {
  type: GenerationType!
  provider: String
  input: ContentInput!
  options: JSON
  %(webhook)s
}

type Generation {
  id: ID
  status: String
  type: GenerationType
  provider: String
  url: String
  metadata: JSON
  creditCost: Int
  createdAt: String
  webhookUrl: String
  duration: Int
  error: JSON
}

type Query {
  version: String
  %(polling)s
}

type Mutation { generate(input: GenerateInput!): Generation }
"""


class Ask(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class Root:
    """The root value: its methods are the fields, and it remembers what they did."""

    def __init__(self, world: World, call: Call, account: Account) -> None:
        self._world, self._call, self._account = world, call, account
        self.made: list[Made] = []
        self.creates = 0

    def generate(self, _info: GraphQLResolveInfo[Any], **given: Any) -> dict[str, Any]:
        self.creates += 1
        self._world.books.calls["doitong.graphql.generate"] += 1
        try:
            order = _order(given["input"], self._call)
            made = self._world.create(self._call, self._account, order, cost_of(order))
        except Refused as refused:
            self._world.refuse(self._call, refused)
            raise
        self.made.append(made)
        return created(made)

    def generation(self, _info: GraphQLResolveInfo[Any], **given: Any) -> dict[str, Any]:
        self._world.books.calls["doitong.graphql.generation"] += 1
        job = self._world.job_for(self._account, given["id"])
        return shown(job, given["id"], self._world, self._call.at)


@post("/graphql", status_code=200)
async def graphql(
    request: Request[Any, Any, Any],
    world: NamedDependency[SkipValidation[World]],
    sender: NamedDependency[SkipValidation[Sender]],
) -> Response[bytes]:
    now = world.clock.now()
    body = await request.body()
    call = Call.of("doitong", now, body, request.headers.get("idempotency-key"))
    try:
        call.account = account = world.holder("doitong", bearer(request))
        account.enter(now)
        ask, document = _understand(body, account.variant)
    except Refused as refused:
        if b"mutation" in body:
            world.refuse(call, refused)
        return reply(error(refused, call.account, world, now))
    root = Root(world, call, account)
    result = execute_sync(
        _schema_of(account.variant), document, root, None, ask.variables, operation_name=ask.operation_name
    )
    if result.errors:
        if not root.creates and "mutation" in ask.query:
            world.refuse(call, _refused(result.errors[0]))
        return reply(_failure(result, root, call, account, world))
    for made in root.made:
        await sender.early(made)
    return reply(_answer(result, root, account, now))


def _understand(body: bytes, variant: Variant) -> tuple[Ask, DocumentNode]:
    try:
        ask = msgspec.json.decode(body, type=Ask)
    except msgspec.DecodeError as wrong:
        raise Refused(Refusal.INVALID, f"Malformed request: {wrong}") from wrong
    document = _document(ask.query, variant.doitong_webhook_in_input, variant.doitong_polling)
    if isinstance(document, str):
        raise Refused(Refusal.MALFORMED, document)
    return ask, document


@lru_cache(maxsize=256)
def _document(query: str, webhook_in_input: bool, polling: bool) -> DocumentNode | str:
    """The valid document, or what is wrong with it."""
    try:
        document = parse(query)
    except GraphQLSyntaxError as wrong:
        return wrong.message
    errors = validate(_schema(webhook_in_input, polling), document)
    return errors[0].message if errors else document


def _schema_of(variant: Variant) -> GraphQLSchema:
    return _schema(variant.doitong_webhook_in_input, variant.doitong_polling)


@cache
def _schema(webhook_in_input: bool, polling: bool) -> GraphQLSchema:
    webhook = "webhookUrl: String" if webhook_in_input else ""
    return build_schema(_SDL % {"webhook": webhook, "polling": "generation(id: ID!): Generation" if polling else ""})


def _order(given: dict[str, Any], call: Call) -> Order:
    prompt = call.prompt = given["input"].get("text") or ""
    if given["type"] != "VIDEO" or (given.get("provider") or SERVICE) != SERVICE:
        raise Refused(Refusal.INVALID, f"Only VIDEO by {SERVICE} is simulated")
    try:
        options = Options() if given.get("options") is None else msgspec.convert(given["options"], Options)
    except msgspec.ValidationError as wrong:
        raise Refused(Refusal.INVALID, f"Invalid options: {wrong}") from wrong
    if (url := given.get("webhookUrl")) is not None:
        options = msgspec.structs.replace(options, webhook_url=url)
    return order_of(prompt, options)


def _answer(result: ExecutionResult, root: Root, account: Account, now: int) -> Answer:
    data = result.data or {}
    if account.variant.doitong_answer == "generatevideo":
        data = {"generatevideo" if name == "generate" else name: value for name, value in data.items()}
    spoils = root.made[0].spoils if root.made else ()
    errors = {"errors": [PARTLY]} if "partial" in spoils else {}
    return spoil(success({"data": data, **errors}, account, now), spoils)


def _failure(result: ExecutionResult, root: Root, call: Call, account: Account, world: World) -> Answer:
    refusals = [_refused(wrong) for wrong in result.errors or []]
    if not root.made:
        return error(refusals[0], account, world, call.at)
    return success({"data": result.data, "errors": [problem(refused) for refused in refusals]}, account, call.at)


def _refused(wrong: GraphQLError) -> Refused:
    if isinstance(wrong.original_error, Refused):
        return wrong.original_error
    return Refused(Refusal.INVALID, wrong.message)
