"""The JSON API of search, photos, status and health."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from flask import Response, jsonify, request, url_for

from captioner.tags import Tag
from catalog.gazetteer import place_of
from catalog.paths import show_path
from catalog.views import PhotoView
from indexer.thumbnails import LONGER_SIDE
from search.calibration import caption_probability
from search.limits import MAX_CANDIDATES
from search.results import SearchAnswer, SimilarPhoto
from web.api import schemas
from web.api.openapi import (
    PHOTOS,
    SEARCHING,
    SERVER,
    answers,
    api_blueprint,
    image,
    not_modified,
    picture_body,
)
from web.context import current_engine
from web.images import CONTENT_TYPES, THUMBNAIL_TYPES, send_original, send_thumbnail
from web.middleware.route_marks import (
    open_to_all,
    serves_image,
    takes_upload,
    unlimited,
    unqueued,
)
from web.parameters import (
    PHOTO_ID,
    ImageParameters,
    PhotoPath,
    PictureParameters,
    SearchParameters,
    SimilarParameters,
    page_links,
)
from web.upload import find_similar

blueprint = api_blueprint("photos_api", __name__)


@blueprint.get("/search", tags=[SEARCHING], responses=answers(schemas.SearchAnswer))
def search(query: SearchParameters) -> Response:
    """Photos that make the sentence q most probable, best first."""
    wanted = query.request()
    answer = current_engine().search(wanted)
    return jsonify({**_with_links(answer), **page_links(wanted.offset, wanted.k, answer.more)})


@blueprint.post(
    "/search",
    tags=[SEARCHING],
    responses=answers(schemas.PictureAnswer, 403),
    openapi_extensions=picture_body("image"),
)
@takes_upload
@unqueued  # it queues by itself, see web.upload
def search_by_picture(query: PictureParameters) -> Response:
    """Photos like the picture that was sent, best first; the picture is not kept."""
    return jsonify({"results": _similar_json(find_similar(request, query.k))})


@blueprint.get("/filters", tags=[SEARCHING], responses=answers(schemas.FilterChoices))
@unqueued
def filter_choices() -> Response:
    """What a search can be narrowed by, and how many photos each choice has."""
    facets = current_engine().facets()
    lists = {name: getattr(facets, name) for name in ("cameras", "lenses", "places", "years")}
    return jsonify({name: list(map(asdict, each)) for name, each in lists.items()})


@blueprint.get(
    f"/photos/{PHOTO_ID}",
    tags=[PHOTOS],
    responses={**answers(schemas.Photo, 404), **not_modified()},
)
@unqueued
def photo(path: PhotoPath) -> Response:
    """What is known about one photo."""
    engine = current_engine()
    view = engine.photo(path.photo_id)
    right = caption_probability(engine.captioner.provenance.ranking.caption_fit, view.captions)
    return _with_etag(photo_json(view, engine.tags(path.photo_id), right))


@blueprint.get(
    f"/photos/{PHOTO_ID}/thumbnail",
    tags=[PHOTOS],
    responses=image(f"A JPEG of at most {LONGER_SIDE} pixels", *THUMBNAIL_TYPES),
)
@unqueued
@serves_image
def thumbnail(path: PhotoPath, query: ImageParameters) -> Response:
    """The photo as a JPEG of at most 512 pixels."""
    return send_thumbnail(path.photo_id, query.v)


@blueprint.get(
    f"/photos/{PHOTO_ID}/original",
    tags=[PHOTOS],
    responses=image("The file, byte for byte", *CONTENT_TYPES),
)
@unqueued
@serves_image
def original(path: PhotoPath, query: ImageParameters) -> Response:
    """The photo's own file."""
    return send_original(path.photo_id)


@blueprint.get(
    f"/photos/{PHOTO_ID}/similar",
    tags=[PHOTOS],
    responses=answers(schemas.SimilarAnswer, 404),
)
def similar(path: PhotoPath, query: SimilarParameters) -> Response:
    """Other photos like this one, best first."""
    # One more than is shown, to know whether there are more.
    found = current_engine().similar_to(path.photo_id, query.k + 1, query.offset)
    more = len(found) > query.k and query.offset + query.k <= MAX_CANDIDATES
    links = page_links(query.offset, query.k, more)
    shown = _similar_json(found[: query.k])
    return jsonify({"photo_id": path.photo_id, "results": shown, **links})


@blueprint.get("/status", tags=[SERVER], responses={**answers(schemas.Status), **not_modified()})
def status() -> Response:
    """What is indexed, and by which models."""
    return _with_etag(current_engine().status().to_json())


@blueprint.get(
    "/healthz",
    tags=[SERVER],
    responses=answers(schemas.Health),
    openapi_extensions={"security": []},
)
@open_to_all
@unqueued
@unlimited
def healthz() -> Response:
    """Whether the server runs with its model loaded; says nothing about the collection."""
    return jsonify({"status": "ok"})


def _with_etag(body: dict[str, object]) -> Response:
    """A JSON answer with its ETag, or 304 where the client has it already."""
    answer = jsonify(body)
    answer.add_etag()
    return answer.make_conditional(request)  # type: ignore[return-value]


def _with_links(answer: SearchAnswer) -> dict[str, object]:
    """The `search --json` object, each result with the addresses of its photo."""
    found = answer.to_json()
    rows = cast(Sequence[dict[str, object]], found["results"])
    for result, row in zip(answer.results, rows, strict=True):
        row.update(_photo_links(result.photo_id))
    return found


def _similar_json(found: Sequence[SimilarPhoto]) -> list[dict[str, object]]:
    return [{**photo.to_json(), **_photo_links(photo.photo_id)} for photo in found]


def _photo_links(photo_id: int) -> dict[str, str]:
    return {
        "url": url_for("photos_api.photo", photo_id=photo_id),
        "thumbnail_url": url_for("photos_api.thumbnail", photo_id=photo_id),
    }


def photo_json(view: PhotoView, tags: Sequence[Tag], right: float) -> dict[str, object]:
    """A photo as the API describes it; times in ISO 8601, size in bytes.

    `right`: the probability that its first caption is.
    """
    place = place_of(view.latitude, view.longitude)
    return {
        "photo_id": view.photo_id,
        "path": show_path(os.fsencode(view.full_path)),
        "width": view.width,
        "height": view.height,
        "format": view.format,
        "size": view.size,
        "taken_at": view.taken and view.taken.isoformat(),
        "taken_from": view.taken_from,
        "camera": view.camera,
        "lens": view.lens,
        "latitude": view.latitude,
        "longitude": view.longitude,
        "place": place and asdict(place),
        "title": view.title,
        "description": view.description,
        "rating": view.rating,
        "keywords": view.keywords,
        "people": view.people,
        "indexed_at": view.indexed_at.isoformat(),
        "captions": [
            {"text": text, "log_likelihood": likelihood} for text, likelihood in view.captions
        ],
        "caption_probability": right,
        "tags": [{"name": tag.name, "probability": tag.probability} for tag in tags],
        "thumbnail_url": url_for("photos_api.thumbnail", photo_id=view.photo_id),
        "original_url": url_for("photos_api.original", photo_id=view.photo_id),
    }
