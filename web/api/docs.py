"""The API's documentation: its OpenAPI document, and the same laid out as a page to read.

`entries` reads the OpenAPI document alone, so that the page says what programs are told.
"""

from __future__ import annotations

import json
import re
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
from web.middleware.route_marks import unqueued

Schema = dict[str, Any]

_OTHER_NUMBER = re.compile(r"\{\w+\}")  # of an album, a link or a search

# flask-openapi3 makes the document when it is first asked for.
_LOCK = Lock()

blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
@blueprint.get(f"{PREFIX}/openapi.json")
@unqueued
def openapi_json() -> Response:
    """The OpenAPI 3.1 description of everything under /api/v1."""
    described = _openapi()
    # Without a host: it is that of whoever reads this, whatever proxies lie between.
    server = {"url": request.script_root or "/"}
    # Beside what comes first in every such document, for people who read it.
    return jsonify({"openapi": described["openapi"], "servers": [server], **described})


@blueprint.get(f"{PREFIX}/docs")
@unqueued
def show() -> str:
    """The documentation page, with a curl line for every operation."""
    described, config = _openapi(), current_config()
    return render_template(
        "docs.html",
        about=described["info"]["description"],
        version=described["info"]["version"],
        tags=described["tags"],
        entries=entries(described, request.root_url, _any_photo(), token=bool(config.token)),
        limit=config.rate_limit,
    )


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body or an answer; `kind` is its type and limits in words."""

    name: str
    kind: str
    meaning: str
    needed: bool = False


@dataclass(frozen=True)
class Entry:
    """One operation of the API, a method of a path, as the page shows it.

    `takes` are its parameters, `body` and `sends` describe the request's body, `gives` and
    `fields` the answer, `failures` are (status, meaning).
    """

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
    """All operations of an OpenAPI document, in its order.

    The curl lines ask `server`, and about the photo `photo_id`; with `token` they send one.
    """
    schemas = described["components"]["schemas"]
    shell = ["curl", "-s", *(("-H", '"Authorization: Bearer $TOKEN"') if token else ())]
    return [
        _entry(
            method.upper(),
            path,
            operation,
            schemas,
            [*shell, *_curl_options(method, operation, schemas)],
            server.rstrip("/")
            + _OTHER_NUMBER.sub("1", path.replace("{photo_id}", str(photo_id)))
            + _example_query(operation),
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
        takes=tuple(_parameter_field(each) for each in operation.get("parameters", [])),
        body=sent.get("description", body.get("description", "")),
        sends=tuple(_fields(body, schemas)),
        gives=f"{given['description']} ({', '.join(given['content'])})",
        fields=tuple(_fields(answer, schemas)),
        example=json.dumps(answer["example"], indent=2) if "example" in answer else "",
        failures=tuple(
            (status, response["description"]) for status, response in sorted(responses.items())[1:]
        ),
    )


def _json_schema(part: Schema) -> Schema:
    return cast(Schema, part.get("content", {}).get("application/json", {}).get("schema", {}))


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    """The schema itself, or the one that its $ref names."""
    return cast(Schema, schemas[schema["$ref"].rpartition("/")[2]]) if "$ref" in schema else schema


def _parameter_field(parameter: Schema) -> Field:
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


def _curl_options(method: str, operation: Schema, schemas: Schema) -> list[str]:
    """curl's options: what to send, and where to put an answer that is no text."""
    body = _resolved(_json_schema(operation.get("requestBody", {})), schemas)
    if body:
        other = ["-X", method.upper()] if method != "post" else []
        return [*other, "--json", quote(json.dumps(body["example"]))]
    if method == "delete":
        return ["-X", "DELETE"]
    if method == "post":
        return ["-H", "'Content-Type: image/jpeg'", "--data-binary", "@photo.jpg"]
    answers = operation["responses"]["200"]["content"]
    if "text/event-stream" in answers:
        return ["-N"]
    return [] if "application/json" in answers else ["-O", "-J"]


def _example_query(operation: Schema) -> str:
    """The query string with the example of the parameter q, if there is one."""
    asked = [each for each in operation.get("parameters", []) if each["name"] == "q"]
    return f"?{urlencode({each['name']: each['example'] for each in asked})}" if asked else ""


def _openapi() -> dict[str, Any]:
    with _LOCK:
        return cast(OpenAPI, current_app).api_doc


def _any_photo() -> int:
    """The number of a photo that is there, so that the curl lines give an answer."""
    return (current_engine().sample(1) or [1])[0]
