"""The description of the API: for programs as OpenAPI, for people as a page to read.

Knows nothing about what the API does; it only lays out what web.openapi has collected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask_openapi3.openapi import OpenAPI

from web.context import current_config, current_engine
from web.openapi import PREFIX

Schema = dict[str, Any]

blueprint = Blueprint("reference", __name__)


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


@blueprint.get("/openapi.json")
@blueprint.get(f"{PREFIX}/openapi.json")
def description() -> Response:
    """The OpenAPI 3.1 description of everything under /api/v1."""
    return jsonify(_described())


@blueprint.get(f"{PREFIX}/docs")
def page() -> str:
    """The same to read, with a line to copy for every address."""
    described = _described()
    return render_template(
        "reference.html",
        about=described["info"]["description"],
        version=described["info"]["version"],
        tags=described["tags"],
        entries=list(_entries(described)),
        limit=current_config().rate_limit,
    )


def _described() -> Schema:
    return cast(OpenAPI, current_app).api_doc


def _entries(described: Schema) -> Iterator[Entry]:
    schemas = described["components"]["schemas"]
    photo_id = (current_engine().sample(1) or [1])[0]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield _entry(method.upper(), path, operation, schemas, photo_id)


def _entry(method: str, path: str, operation: Schema, schemas: Schema, photo_id: int) -> Entry:
    responses, sent = operation["responses"], operation.get("requestBody", {})
    answer = _resolved(_json_schema(responses["200"]), schemas)
    body = _resolved(_json_schema(sent), schemas)
    return Entry(
        anchor=operation["operationId"],
        tag=operation["tags"][0],
        method=method,
        path=path,
        summary=operation["summary"],
        curl=_curl(method, path, operation, body, photo_id),
        takes=tuple(_taken(each) for each in operation.get("parameters", [])),
        body=sent.get("description", body.get("description", "")),
        sends=tuple(_fields(body, schemas)),
        gives=", ".join(responses["200"]["content"]),
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
    kind = _kind(parameter["schema"])
    return Field(parameter["name"], kind, parameter["description"], parameter["required"])


def _fields(schema: Schema, schemas: Schema, before: str = "") -> Iterator[Field]:
    """All fields of an object, those inside others under a path such as results[].words[]."""
    needed = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        kind = _kind(field)
        yield Field(before + name, kind, field.get("description", ""), name in needed)
        inner = _resolved(_inner(field), schemas)
        end = "[]." if kind.startswith("list") else "."
        yield from _fields(inner, schemas, f"{before}{name}{end}")


def _inner(schema: Schema) -> Schema:
    """What a list is a list of; of several possibilities the one that says most, which is first."""
    schema = schema.get("items", schema)
    return cast(Schema, schema["anyOf"][0] if "anyOf" in schema else schema)


def _kind(schema: Schema) -> str:
    """A type and its limits in a few words."""
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return "object"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}" + _limits(schema)
    words = {"string": "text", "number": "number", "integer": "whole number", "boolean": "0 | 1"}
    return words.get(str(schema["type"]), str(schema["type"])) + _limits(schema)


def _limits(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f", {schema['minimum']:g} to {schema['maximum']:g}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']} characters"
    if "maxItems" in schema and schema["maxItems"] != schema.get("minItems"):
        return f", at most {schema['maxItems']}"
    return ""


def _curl(method: str, path: str, operation: Schema, body: Schema, photo_id: int) -> str:
    """A line that can be copied into a terminal and gives an answer."""
    words = ["curl", "-s"]
    if current_config().token:
        words += ["-H", '"Authorization: Bearer $TOKEN"']
    if body:
        words += ["--json", quote(json.dumps(body["example"]))]
    elif method == "POST":
        words += ["-H", "'Content-Type: image/jpeg'", "--data-binary", "@photo.jpg"]
    elif "application/json" not in operation["responses"]["200"]["content"]:
        words += ["-O", "-J"]
    asked = {
        each["name"]: each["example"]
        for each in operation.get("parameters", [])
        if each["name"] == "q"
    }
    address = request.host_url.rstrip("/") + path.replace("{photo_id}", str(photo_id))
    query = f"?{urlencode(asked)}" if asked else ""
    return " ".join([*words, quote(address + query)])
