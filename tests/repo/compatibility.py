"""What would break clients of the last release: two OpenAPI documents, or two schemas, compared. Pure.

Within a version of the API, answers may gain and requests may take more: never the other way round.
"""

from collections.abc import Iterator
from typing import Any

from graphql import build_schema, find_breaking_changes

Document = dict[str, Any]
_METHODS = ("get", "post", "patch", "put", "delete")


def breaks_of_schema(old: str, new: str) -> list[str]:
    """The breaking changes from one SDL to another, in GraphQL's own words."""
    return [change.description for change in find_breaking_changes(build_schema(old), build_schema(new))]


def breaks_of_document(old: Document, new: Document) -> list[str]:
    """The breaking changes from one OpenAPI document to another."""
    return [*_paths(old, new), *_schemas(old, new)]


def _paths(old: Document, new: Document) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method in (name for name in _METHODS if name in item):
            place = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{place} is gone"
            else:
                yield from _operation(item[method], now, place)


def _operation(old: Document, new: Document, place: str) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"{place} is called {new['operationId']}, no longer {old['operationId']}"
    before = {(one["in"], one["name"]): one for one in old["parameters"]}
    now = {(one["in"], one["name"]): one for one in new["parameters"]}
    yield from (f"{place} takes no {name} in {where} any more" for where, name in before if (where, name) not in now)
    for (where, name), one in now.items():
        if one["required"] and not before.get((where, name), {"required": False})["required"]:
            yield f"{place} wants {name} in {where}"
    good = [status for status in old["responses"] if status < "400"]
    yield from (f"{place} no longer answers {status}" for status in good if status not in new["responses"])
    taken, takes = (one.get("requestBody", {"content": {}}) for one in (old, new))
    yield from (f"{place} no longer takes {kind}" for kind in taken["content"] if kind not in takes["content"])
    if takes.get("required") and not taken.get("required"):
        yield f"{place} wants a body"


def _schemas(old: Document, new: Document) -> Iterator[str]:
    """Of a schema that is open to more fields, an answer's; a closed one is a request's."""
    for name, schema in old["components"]["schemas"].items():
        now = new["components"]["schemas"].get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        fields, given = schema.get("properties", {}), now.get("properties", {})
        yield from (f"{name}.{field} is gone" for field in fields if field not in given)
        yield from (f"{name} wants {field}" for field in _required(now) - _required(schema) if _is_asked(now))
        yield from (f"{name} may lack {field}" for field in _required(schema) - _required(now) if not _is_asked(now))
        for field in fields.keys() & given.keys():
            if _kind(fields[field]) != _kind(given[field]):
                yield f"{name}.{field} is {_kind(given[field])}, no longer {_kind(fields[field])}"
        if set(schema.get("enum", ())) - set(now.get("enum", ())):
            yield f"{name} lost a word"


def _required(schema: Document) -> set[str]:
    return set(schema.get("required", ()))


def _is_asked(schema: Document) -> bool:
    return schema.get("additionalProperties") is False


def _kind(schema: Document) -> str:
    """A field's type, as far as a client's types depend on it."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(sorted(map(_kind, schema["anyOf"])))
    kinds = schema.get("type", "anything")
    return kinds if isinstance(kinds, str) else " or ".join(sorted(kinds))
