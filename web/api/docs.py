"""The description of the API, laid out for a page: an entry for every address.

Knows nothing about Flask or photos; it reads OpenAPI.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from threading import Lock
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask_openapi3.openapi import OpenAPI

from web.api.openapi import PREFIX
from web.context import current_config, current_engine

Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A parameter or a field of an answer: its name, its kind and limits, what it means."""

    name: str
    kind: str
    meaning: str
    needed: bool = False


@dataclass(frozen=True)
class Entry:
    """One address with one method, as the page shows it."""

    anchor: str
    tag: str
    method: str
    path: str
    summary: str
    curl: str
    takes: tuple[Field, ...]
    body: str
    sends: tuple[Field, ...]
    gives: str
    fields: tuple[Field, ...]
    example: str
    failures: tuple[tuple[str, str], ...]


def entries(described: Schema, server: str, photo_id: int, *, token: bool) -> list[Entry]:
    """All addresses in the description's order; lines to copy ask `server` about one photo."""
    schemas = described["components"]["schemas"]
    shell = ["curl", "-s", *(("-H", '"Authorization: Bearer $TOKEN"') if token else ())]
    return [
        _entry(
            method.upper(),
            path,
            operation,
            schemas,
            [*shell, *_sent(method, operation, schemas)],
            server.rstrip("/") + path.replace("{photo_id}", str(photo_id)) + _asked(operation),
        )
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def _entry(
    method: str, path: str, operation: Schema, schemas: Schema, shell: list[str], address: str
) -> Entry:
    responses, sent = operation["responses"], operation.get("requestBody", {})
    given = responses[min(responses)]
    answer = _resolved(_json_schema(given), schemas)
    body = _resolved(_json_schema(sent), schemas)
    return Entry(
        anchor=operation["operationId"],
        tag=operation["tags"][0],
        method=method,
        path=path,
        summary=operation["summary"],
        curl=" ".join([*shell, quote(address)]),
        takes=tuple(_taken(each) for each in operation.get("parameters", [])),
        body=sent.get("description", body.get("description", "")),
        sends=tuple(_fields(body, schemas)),
        gives=f"{given['description']} ({', '.join(given['content'])})",
        fields=tuple(_fields(answer, schemas)),
        example=json.dumps(answer["example"], indent=2) if "example" in answer else "",
        failures=tuple(
            (status, said["description"]) for status, said in sorted(responses.items())[1:]
        ),
    )


def _json_schema(part: Schema) -> Schema:
    return cast(Schema, part.get("content", {}).get("application/json", {}).get("schema", {}))


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    """The schema itself, or the one it refers to."""
    return cast(Schema, schemas[schema["$ref"].rpartition("/")[2]]) if "$ref" in schema else schema


def _taken(parameter: Schema) -> Field:
    schema = parameter["schema"]
    usual = schema.get("default")
    meaning = parameter["description"]
    if usual not in (None, []):
        meaning += f"; {str(usual).lower()} if not given"
    return Field(parameter["name"], _kind(schema), meaning, parameter["required"])


def _fields(schema: Schema, schemas: Schema, before: str = "") -> Iterator[Field]:
    """All fields of an object, those inside others under a path such as results[].words[]."""
    needed = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        kind = _kind(field)
        yield Field(before + name, kind, field.get("description", ""), name in needed)
        inner = _resolved(_inner(field), schemas)
        end = "[]." if "list of " in kind else "."
        yield from _fields(inner, schemas, f"{before}{name}{end}")


def _inner(schema: Schema) -> Schema:
    """What a list is a list of; of several possibilities the first, which says most."""
    if "anyOf" in schema:
        return _inner(schema["anyOf"][0])
    return _inner(schema["items"]) if "items" in schema else schema


_KINDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true | false",
    "null": "null",
    "object": "object",
}
_FORMATS = {"date": "date", "date-time": "date with time", "binary": "bytes"}


def _kind(schema: Schema) -> str:
    """A type and its limits in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_kind, schema["anyOf"])))
    if "$ref" in schema:
        return "object"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "format" in schema:
        return _FORMATS[schema["format"]]
    if schema["type"] == "array":
        most = f"at most {schema['maxItems']}: " if "maxItems" in schema else ""
        return f"list of {most}{_kind(schema['items'])}"
    return _KINDS[schema["type"]] + _limits(schema)


def _limits(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f", {schema['minimum']:g} to {schema['maximum']:g}"
    return f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""


def _sent(method: str, operation: Schema, schemas: Schema) -> list[str]:
    """What curl is told to send, and where to put what is no text."""
    body = _resolved(_json_schema(operation.get("requestBody", {})), schemas)
    if body:
        return ["--json", quote(json.dumps(body["example"]))]
    if method == "delete":
        return ["-X", "DELETE"]
    if method == "post":
        return ["-H", "'Content-Type: image/jpeg'", "--data-binary", "@photo.jpg"]
    answers = operation["responses"]["200"]["content"]
    if "text/event-stream" in answers:
        return ["-N"]
    return [] if "application/json" in answers else ["-O", "-J"]


def _asked(operation: Schema) -> str:
    """The query string with an example of the text that is asked for."""
    asked = [each for each in operation.get("parameters", []) if each["name"] == "q"]
    return f"?{urlencode({each['name']: each['example'] for each in asked})}" if asked else ""


# The description of the API: for programs as OpenAPI, for people as a page to read

# It is made when it is first asked for.
_MAKING = Lock()

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
@blueprint.get(f"{PREFIX}/openapi.json")
def description() -> Response:
    """The OpenAPI 3.1 description of everything under /api/v1."""
    return jsonify(_described())


@blueprint.get(f"{PREFIX}/docs")
def page() -> str:
    """The same to read, with a line to copy for every address."""
    described, config = _described(), current_config()
    return render_template(
        "reference.html",
        about=described["info"]["description"],
        version=described["info"]["version"],
        tags=described["tags"],
        entries=entries(described, request.host_url, _any_photo(), token=bool(config.token)),
        limit=config.rate_limit,
    )


def _described() -> dict[str, Any]:
    with _MAKING:
        return cast(OpenAPI, current_app).api_doc


def _any_photo() -> int:
    """The number of a photo that is there, so that the lines to copy give an answer."""
    return (current_engine().sample(1) or [1])[0]
