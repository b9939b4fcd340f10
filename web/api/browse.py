"""The JSON API of looking through photos: by month, folder, tag, keyword and place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict

from flask import Response, jsonify, url_for
from sqlalchemy.orm import Session

from catalog.folders import FolderView, open_folder, top_folders
from catalog.gazetteer import place_of
from catalog.label_counts import (
    LabelCount,
    count_keywords,
    count_tags,
    frequent_keywords,
    frequent_tags,
)
from catalog.paths import show_path
from catalog.places import WORLD, Cluster, clusters, count_placed
from catalog.timeline import count_by_month, photos_of_month
from catalog.views import PhotoView
from web.api import browse_schemas as schemas
from web.api.openapi import BROWSING, answers, api_blueprint
from web.browsing import (
    FolderParameters,
    LabelParameters,
    MonthParameters,
    PlacesParameters,
    SelectionParameters,
    area_text,
    cell_of,
    photos_json,
    read_area,
    thumbnail_url,
    with_query,
)
from web.context import current_engine
from web.middleware.route_marks import unqueued
from web.parameters import page_links

blueprint = api_blueprint("browse_api", __name__)


@blueprint.get("/timeline", tags=[BROWSING], responses=answers(schemas.Timeline))
@unqueued
def timeline(query: SelectionParameters) -> Response:
    """The months in which photos were taken, and how many each has."""
    with current_engine().database.read() as session:
        months = count_by_month(session, query.selection())
    address = url_for(".timeline_photos")
    listed = [
        {
            "month": each.month,
            "photos": each.photos,
            "url": with_query(address, {"month": each.month, **query.fields()}),
        }
        for each in months
    ]
    return jsonify({"photos": sum(each.photos for each in months), "months": listed})


@blueprint.get("/timeline/photos", tags=[BROWSING], responses=answers(schemas.MonthAnswer))
@unqueued
def timeline_photos(query: MonthParameters) -> Response:
    """The photos of a month, the newest first."""
    engine, chosen = current_engine(), query.selection()
    with engine.database.read() as session:
        months = [] if query.month else count_by_month(session, chosen)
        month = query.month or (months[0].month if months else "")
        # One more than is shown, to know whether there are more.
        found = photos_of_month(session, month, query.k + 1, query.offset, chosen) if month else []
    links = page_links(query.offset, query.k, len(found) > query.k)
    shown = photos_json(engine, found[: query.k])
    return jsonify({"month": month, "results": shown, **links})


@blueprint.get("/folders", tags=[BROWSING], responses=answers(schemas.FoldersAnswer))
@unqueued
def folders(query: FolderParameters) -> Response:
    """A folder and those in it, or the indexed folders."""
    folder = query.folder()
    with current_engine().database.read() as session:
        if folder is None:
            views = top_folders(session)
            photos, own, listed = sum(view.photos for view in views), 0, map(_top_json, views)
        else:
            opened = open_folder(session, folder)
            photos, own = opened.photos, opened.own_photos
            listed = map(_folder_json, opened.subfolders)
    path = None if folder is None else show_path(folder)
    return jsonify({"path": path, "photos": photos, "own_photos": own, "folders": list(listed)})


@blueprint.get("/tags", tags=[BROWSING], responses=answers(schemas.LabelsAnswer))
@unqueued
def tags(query: LabelParameters) -> Response:
    """The tags that the model's classifier gave, the most frequent first."""
    return _labels("tag", count_tags, frequent_tags, query)


@blueprint.get("/keywords", tags=[BROWSING], responses=answers(schemas.LabelsAnswer))
@unqueued
def keywords(query: LabelParameters) -> Response:
    """The keywords that people gave, the most frequent first."""
    return _labels("keyword", count_keywords, frequent_keywords, query)


@blueprint.get("/places", tags=[BROWSING], responses=answers(schemas.PlacesAnswer))
@unqueued
def places(query: PlacesParameters) -> Response:
    """Photos by where they were taken, in cells of a grid."""
    engine, area = current_engine(), read_area(query.area) if query.area else WORLD
    with engine.database.read() as session:
        found = clusters(session, cell_of(query.zoom), area)
        placed = count_placed(session)
    samples = engine.photos([cluster.sample for cluster in found])
    listed = [_cluster_json(cluster, samples.get(cluster.sample)) for cluster in found]
    return jsonify({"photos": placed, "clusters": listed})


def _cluster_json(cluster: Cluster, sample: PhotoView | None) -> dict[str, object]:
    area = area_text(cluster.area)
    place = place_of(sample.latitude, sample.longitude) if sample else None
    return {
        "photos": cluster.photos,
        "latitude": cluster.latitude,
        "longitude": cluster.longitude,
        "area": area,
        "place": place and asdict(place),
        "url": with_query(url_for(".timeline"), {"area": area}),
        "thumbnail_url": sample and thumbnail_url(sample),
    }


def _labels(
    kind: str,
    count_all: Callable[[Session], int],
    most_frequent: Callable[[Session, int, int], list[LabelCount]],
    query: LabelParameters,
) -> Response:
    with current_engine().database.read() as session:
        total, found = count_all(session), most_frequent(session, query.k, query.offset)
    samples = current_engine().photos([label.sample for label in found])
    listed = [
        {
            "name": label.name,
            "photos": label.photos,
            "url": with_query(url_for(".timeline"), {kind: label.name}),
            "thumbnail_url": thumbnail_url(samples[label.sample])
            if label.sample in samples
            else None,
        }
        for label in found
    ]
    more = query.offset + query.k < total
    links = page_links(query.offset, query.k, more)
    return jsonify({"total": total, "results": listed, **links})


def _top_json(view: FolderView) -> dict[str, object]:
    return {**_folder_json(view), "name": show_path(view.path)}


def _folder_json(view: FolderView) -> dict[str, object]:
    return {
        "path": show_path(view.path),
        "name": show_path(os.path.basename(view.path)),
        "photos": view.photos,
        "has_subfolders": view.has_subfolders,
    }
