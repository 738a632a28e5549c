"""/problems: what each code means, for people; every refusal links to its page. No script, nothing from elsewhere."""

from html import escape

from litestar import get

from gateway.rest.answers import Answer, Header
from gateway.rest.kinds import PAGES, all_kinds
from gateway.rest.requests import Call
from schema.errors import NotFound

PATH = PAGES
_HTML: Header = (b"content-type", b"text/html; charset=utf-8")
_HOUR: Header = (b"cache-control", b"public, max-age=3600")


@get(PATH)
async def list_(request: Call) -> Answer:  # noqa: ARG001  # it is the same for everybody
    rows = (
        f'<tr><td><a href="{PATH}/{kind.code}">{kind.code}</a><td>{kind.status}<td>{escape(kind.title)}'
        for kind in all_kinds().values()
    )
    return _page("Problems", f"<table><tr><th>Code<th>Status<th>Means{''.join(rows)}</table>")


@get(PATH + "/{code:str}")
async def retrieve(request: Call) -> Answer:
    code: str = request.path_params["code"]
    kind = all_kinds().get(code)
    if kind is None:
        raise NotFound(f"There is no such problem; {PATH} has them all")
    again = "can not help" if kind.permanent else "may help: wait as long as Retry-After says, if it says so"
    facts = {
        "Status": str(kind.status),
        "Sending the same again": again,
        "To OpenAI's SDKs": f"error.type {kind.family}, error.code {kind.code}",
        "In GraphQL": kind.code.upper(),
    }
    told = "".join(f"<dt>{escape(name)}<dd>{escape(fact)}" for name, fact in facts.items())
    return _page(kind.code, f'<p>{escape(kind.title)}.<dl>{told}</dl><p><a href="{PATH}">All problems</a>')


def _page(title: str, body: str) -> Answer:
    whole = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>\n'
    )
    return Answer(whole.encode(), headers=(_HTML, _HOUR))
