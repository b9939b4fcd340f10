"""The description of the API: for programs as OpenAPI, for people as a page to read.

Knows nothing about what the API does; web.openapi collects the description, web.manual lays it out.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask_openapi3.openapi import OpenAPI

from web.context import current_config, current_engine
from web.manual import entries
from web.openapi import PREFIX

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
