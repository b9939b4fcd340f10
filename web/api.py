"""The JSON API under /api/v1: search, photos, status and health.

Knows nothing about HTML; errors get their shape in web.errors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from catalog.paths import show_path
from catalog.photos import PhotoView
from search.query import SearchAnswer, SimilarPhoto
from web.context import current_engine
from web.images import send_original, send_thumbnail
from web.parameters import read_count, read_filters, read_search
from web.upload import find_similar

DEFAULT_K = 20
# The greatest id a database can hold; anything above it is no photo's.
PHOTO_ID = "<int(min=0, max=9223372036854775807):photo_id>"

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


@blueprint.get("/search")
def search() -> ResponseReturnValue:
    """Photos that make the sentence q most probable, best first."""
    wanted = replace(read_search(request, DEFAULT_K), filters=read_filters(request))
    return jsonify(_with_links(current_engine().search(wanted)))


@blueprint.post("/search")
def search_by_picture() -> ResponseReturnValue:
    """Photos like the picture that was sent, best first; the picture is not kept."""
    found = find_similar(request, read_count(request, DEFAULT_K))
    return jsonify({"results": _similar_json(found)})


@blueprint.get(f"/photos/{PHOTO_ID}")
def photo(photo_id: int) -> ResponseReturnValue:
    """What is known about one photo."""
    return jsonify(photo_json(current_engine().photo(photo_id)))


@blueprint.get(f"/photos/{PHOTO_ID}/thumbnail")
def thumbnail(photo_id: int) -> Response:
    """The photo as a JPEG of at most 512 pixels."""
    return send_thumbnail(photo_id)


@blueprint.get(f"/photos/{PHOTO_ID}/original")
def original(photo_id: int) -> Response:
    """The photo's own file."""
    return send_original(photo_id)


@blueprint.get(f"/photos/{PHOTO_ID}/similar")
def similar(photo_id: int) -> ResponseReturnValue:
    """Other photos like this one, best first."""
    found = current_engine().similar_to(photo_id, read_count(request, DEFAULT_K))
    return jsonify({"photo_id": photo_id, "results": _similar_json(found)})


@blueprint.get("/status")
def status() -> ResponseReturnValue:
    """What is indexed, and by which models."""
    return jsonify(current_engine().status().to_json())


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Whether the server runs with its model loaded; says nothing about the collection."""
    return jsonify({"status": "ok"})


def _with_links(answer: SearchAnswer) -> dict[str, object]:
    """The `search --json` object, each result with the addresses of its photo."""
    found = answer.to_json()
    rows = cast(Sequence[dict[str, object]], found["results"])
    for result, row in zip(answer.results, rows, strict=True):
        row.update(_links(result.photo_id))
    return found


def _similar_json(found: Sequence[SimilarPhoto]) -> list[dict[str, object]]:
    return [{**photo.to_json(), **_links(photo.photo_id)} for photo in found]


def _links(photo_id: int) -> dict[str, str]:
    return {
        "url": url_for("api.photo", photo_id=photo_id),
        "thumbnail_url": url_for("api.thumbnail", photo_id=photo_id),
    }


def photo_json(view: PhotoView) -> dict[str, object]:
    """A photo as the API describes it; times in ISO 8601, size in bytes."""
    return {
        "photo_id": view.photo_id,
        "path": show_path(os.fsencode(view.full_path)),
        "width": view.width,
        "height": view.height,
        "format": view.format,
        "size": view.size,
        "taken_at": view.taken_at and view.taken_at.isoformat(),
        "camera": view.camera,
        "latitude": view.latitude,
        "longitude": view.longitude,
        "indexed_at": view.indexed_at.isoformat(),
        "captions": [
            {"text": text, "log_likelihood": likelihood} for text, likelihood in view.captions
        ],
        "thumbnail_url": url_for("api.thumbnail", photo_id=view.photo_id),
        "original_url": url_for("api.original", photo_id=view.photo_id),
    }
