"""The OpenAPI 3.1 document: what all routes share (errors, security, tags), and its parts.

flask-openapi3 collects the document from the routes, their types and docstrings, and checks
requests against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, ValidationError

from web.api.schemas import ErrorAnswer
from web.config import WebConfig
from web.parameters import invalid_query
from web.zip_stream import ARCHIVE_TYPES

PREFIX = "/api/v1"
VERSION = "1.0"

_DESCRIPTION = (
    "Photos are named by their number, never by a path. Times are in ISO 8601, sizes in bytes, "
    "likelihoods in nats. Every error has one shape; its code is for programs. A parameter that "
    "an address does not know is refused."
)
_BEARER = "The token that the server was started with; on the machine itself usually none"
_REASONS = {
    400: "The request is wrong: invalid_query, unreadable_photo, unknown_host or bad_request",
    401: "The server asks for its token: token_needed",
    403: "A page of another site tried to send something: foreign_origin; or the folder may not "
    "be indexed from here: index_not_permitted",
    404: "No such photo, album or search, or its file cannot be reached: unknown_photo, "
    "unknown_album, image_missing, not_found",
    409: "Something is being indexed already, or nothing is that could be stopped: "
    "index_running, no_index_running; or the home can only be read: read_only_home",
    413: "The picture or the rest of the body is too large: too_large",
    415: "The body is not declared to be JSON: not_json",
    416: "The photo has no such part: http_error",
    429: "Too many requests: too_many_requests",
    431: "The request's header is too large: header_too_large",
    500: "A fault of the server: internal_error",
    503: "The database cannot be read just now: unavailable; or too many are following the "
    "events: too_many_streams; or the server is loading: loading",
}
_ANYWHERE = (400, 401, 413, 429, 431, 500, 503)
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}
}
_TAG = {
    "ETag": {"description": "Names this state of the answer", "schema": {"type": "string"}},
    "Cache-Control": {"description": "How long to keep it", "schema": {"type": "string"}},
}
SEARCHING = Tag(name="Search", description="Photos for a sentence or a picture")
BROWSING = Tag(name="Browsing", description="Photos by month, folder, tag and place")
PHOTOS = Tag(name="Photos", description="One photo, its images and its like")
WORDS = Tag(name="Words", description="Why a photo, which sentence for it, which word next")
COLLECTION = Tag(
    name="Collection", description="Index runs: as they were, as they go on, and a new one"
)
KEPT = Tag(name="Kept", description="Albums, favourites, shared links, and searches")
SERVER = Tag(name="Server", description="What is indexed, and whether the server runs")
# In the order in which they are shown.
_TAGS = (SEARCHING, BROWSING, PHOTOS, WORDS, KEPT, COLLECTION, SERVER)


class _Application(OpenAPI):
    """A Flask application whose OpenAPI document allows empty parameters."""

    def generate_spec_json(self) -> None:
        """Make the document; flask-openapi3 has no option of its own for allowEmptyValue."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for methods in self.spec_json["paths"].values():
            for operation in methods.values():
                for parameter in operation.get("parameters", []):
                    if not parameter["required"]:
                        parameter["allowEmptyValue"] = True


def new_app(import_name: str, config: WebConfig) -> OpenAPI:
    """A Flask application with an OpenAPI document."""
    app = _Application(
        import_name,
        info=Info(title=config.title, version=VERSION, description=_DESCRIPTION),
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description=_BEARER)
        },
        openapi_extensions={"security": [{"token": []}] if config.token else [{}, {"token": []}]},
        validation_error_status=400,
        validation_error_model=ErrorAnswer,
        validation_error_callback=_raise_invalid_query,
        doc_ui=False,
    )
    app.tags, app.tag_names = list(_TAGS), [tag.name for tag in _TAGS]
    return app


def api_blueprint(name: str, import_name: str) -> APIBlueprint:
    """A blueprint under /api/v1; each of its routes names its tag and its answers."""
    return APIBlueprint(
        name,
        import_name,
        url_prefix=PREFIX,
        abp_responses=_errors(_ANYWHERE),
        operation_id_callback=lambda name, path, method: name,
    )


def answers(answer: type[BaseModel], *further: int) -> dict[Any, Any]:
    """The responses of a route: a model, and errors of `further` statuses beside the usual."""
    return {"200": answer, **_errors(further)}


def accepts(answer: type[BaseModel], *further: int) -> dict[Any, Any]:
    """The responses of a route that only starts something, with 202; see `answers`."""
    return {"202": answer, **_errors(further)}


def event_stream(meaning: str) -> dict[Any, Any]:
    """The response of a route that sends server-sent events."""
    content = {"text/event-stream": {"schema": {"type": "string"}}}
    return {"200": {"description": meaning, "content": content}}


def not_modified() -> dict[Any, Any]:
    """The response 304, for routes with an ETag."""
    return {"304": {"description": "The answer is still what If-None-Match names"}}


def image(meaning: str, *types: str) -> dict[Any, Any]:
    """The responses of an image's route: bytes of one of `types`, all or a part, or 304."""
    content = {each: {"schema": {"type": "string", "format": "binary"}} for each in types}
    return {
        "200": {"description": meaning, "headers": _TAG, "content": content},
        "206": {"description": "The part that Range asks for", "content": content},
        "304": {"description": "The image is still what If-None-Match names"},
        "404": _error(404),
        "416": _error(416),
    }


def archive(*further: int) -> dict[Any, Any]:
    """The responses of a route that sends photos as a ZIP archive."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = dict.fromkeys(ARCHIVE_TYPES, binary)
    ok = {"description": "The photos' own files, and a text that names what was left out"}
    return {"200": {**ok, "content": content}, **_errors((404, *further))}


def picture_body(field: str) -> dict[str, Any]:
    """A request body that is a picture, or a form with one; for `openapi_extensions`.

    A picture may come as image/jpeg and the like too. That is only told in words, since generators
    of clients leave a body out whose type they do not know.
    """
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {field: binary}, "required": [field]}
    content = {
        "multipart/form-data": {
            "schema": form,
            "encoding": {field: {"contentType": "image/*"}},
        },
        "application/octet-stream": {"schema": binary},
    }
    meaning = f"The field {field} of a form, or the picture itself, also as image/jpeg and the like"
    return {"requestBody": {"description": meaning, "required": True, "content": content}}


def _errors(statuses: Iterable[int]) -> dict[Any, Any]:
    return {str(status): _error(status) for status in statuses}


def _error(status: int) -> dict[str, Any]:
    headers = {"headers": _RETRY} if status in {429, 503} else {}
    return {"description": _REASONS[status], "content": _ERROR, **headers}


def _raise_invalid_query(error: ValidationError) -> NoReturn:
    """Raise what pydantic found wrong as InvalidQuery, for the error handler."""
    raise invalid_query(error) from error
