"""/docs, /graphiql and their files. A page runs our scripts alone and speaks to this gateway alone."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.explorers.files import File, static_files
from gateway.rest.answers import Answer
from gateway.rest.headers import matches
from gateway.rest.requests import Call, headers
from schema.errors import NotFound

DOCS, GRAPHIQL, FILES = "/docs", "/graphiql", "/explorers"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing inline, nothing from elsewhere, nothing sent elsewhere, and no text is ever read as markup or code."""


def explorer_routes(*, explorable: bool) -> list[HTTPRouteHandler]:
    """The pages' routes; none where they are switched off, so that they are like any other path that is not there."""
    if not explorable:
        return []
    files = static_files()
    pages = {name: files.pop(name) for name in [*files] if name.endswith(".html")}

    @get(DOCS, include_in_schema=False)
    async def docs(request: Call) -> Answer:
        return _page(request, DOCS, pages["docs.html"])

    @get(GRAPHIQL, include_in_schema=False)
    async def graphiql(request: Call) -> Answer:
        return _page(request, GRAPHIQL, pages["graphiql.html"])

    @get(FILES + "/{name:str}", include_in_schema=False)
    async def file(request: Call) -> Answer:
        found = files.get(request.path_params["name"])
        if found is None:
            raise NotFound
        return _answer(request, found)

    return [docs, graphiql, file]


def _page(request: Call, path: str, page: File) -> Answer:
    """A page's links are relative, so that it works under a prefix too; a slash at its end would lead them astray."""
    if request.scope["raw_path"].endswith(b"/"):
        return Answer(status=308, headers=((b"location", f"..{path}".encode()),))
    return _answer(request, page, (b"content-security-policy", PAGE_POLICY.encode()))


def _answer(request: Call, file: File, *more: tuple[bytes, bytes]) -> Answer:
    about = ((b"etag", file.etag.encode()), (b"cache-control", b"no-cache"), *more)
    if matches(headers(request.scope, b"if-none-match"), file.etag):
        return Answer(status=304, headers=about)
    return Answer(file.body, headers=(*about, (b"content-type", file.media_type)))
