"""The description of the API: for programs as OpenAPI, for people as a page to read.

Knows nothing about what the API does; it only lays out what web.openapi has collected.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, jsonify
from flask_openapi3.openapi import OpenAPI

from web.openapi import PREFIX

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
@blueprint.get(f"{PREFIX}/openapi.json")
def description() -> Response:
    """The OpenAPI 3.1 description of everything under /api/v1."""
    return jsonify(cast(OpenAPI, current_app).api_doc)
