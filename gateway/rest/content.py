"""/v1/videos/{id}/content: the finished file, pictures of it, or an extra output, whole or in parts."""

from litestar import get

from gateway.rest.answers import Answer
from gateway.rest.files import file_answer
from gateway.rest.requests import Call, watcher
from gateway.rest.videos import PATH
from gateway.wiring import Gateway
from schema.errors import InvalidRequest, NotFound
from schema.ids import names_attempt
from schema.link import Variant
from schema.tenant import Scope
from schema.video import Asset


@get(PATH + "/{video_id:str}/content")
async def content(request: Call) -> Answer:
    gateway, principal, id = await watcher(request, Scope.VIDEOS_READ, linked=True)
    variant = _variant(request.query_params.get("variant", Variant.VIDEO.value))
    tenant, output = principal.tenant.id, request.query_params.get("output")
    asset = await gateway.videos.asset(tenant, id) if output is None else await _output(gateway, tenant, id, output)
    asset = await gateway.posters.of(tenant, asset, variant)
    return await file_answer(request, gateway, asset, output or id)


def _variant(said: str) -> Variant:
    try:
        return Variant(said)
    except ValueError:
        detail = f"must be one of {', '.join(Variant)}"
        raise InvalidRequest.field("variant", "unsupported", detail) from None


async def _output(gateway: Gateway, tenant: str, id: str, attempt: str) -> Asset:
    """An extra output. Raises NotFound, without asking the database for what can not be an attempt."""
    if not names_attempt(attempt):
        raise NotFound
    return await gateway.videos.output(tenant, id, attempt)
