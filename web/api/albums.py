"""The JSON API of albums and favourites, and photos as a ZIP archive."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flask import Response, jsonify, url_for
from sqlalchemy.orm import Session

from catalog import albums, favourites
from catalog.albums import AlbumView
from catalog.paths import show_path
from catalog.photos import ids_with_contents
from web.api import kept_schemas as schemas
from web.api.openapi import KEPT, answers, api_blueprint, archive
from web.context import current_engine
from web.kept import hashes_of, photos_of, writing
from web.kept_parameters import (
    ALBUM_ID,
    AlbumChange,
    AlbumPath,
    KeptPhotosParameters,
    NewAlbum,
    PhotoChanges,
    ZipBody,
)
from web.middleware.route_marks import unqueued
from web.parameters import page_links, require_json_object
from web.zip_stream import send_zip

blueprint = api_blueprint("albums_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_json_object("photo_ids")


@blueprint.get("/albums", tags=[KEPT], responses=answers(schemas.AlbumsAnswer))
@unqueued
def list_albums() -> Response:
    """All albums, the newest first."""
    with current_engine().database.read() as session:
        return jsonify({"albums": _albums_json(session, albums.list_albums(session))})


@blueprint.post("/albums", tags=[KEPT], responses=answers(schemas.AlbumAnswer, 403, 404, 409, 415))
@unqueued
def create_album(body: NewAlbum) -> Response:
    """Make an album, of photos or empty."""
    with writing() as session:
        hashes = hashes_of(session, body.photo_ids)
        album_id = albums.create_album(session, body.name, hashes)
        return jsonify(_album_answer(session, album_id, KeptPhotosParameters()))


@blueprint.get(f"/albums/{ALBUM_ID}", tags=[KEPT], responses=answers(schemas.AlbumAnswer, 404))
@unqueued
def album(path: AlbumPath, query: KeptPhotosParameters) -> Response:
    """An album, and its photos page by page."""
    with current_engine().database.read() as session:
        return jsonify(_album_answer(session, path.album_id, query))


@blueprint.patch(
    f"/albums/{ALBUM_ID}",
    tags=[KEPT],
    responses=answers(schemas.AlbumAnswer, 403, 404, 409, 415),
)
@unqueued
def change_album(path: AlbumPath, body: AlbumChange) -> Response:
    """Give an album another name, or its photos another order."""
    with writing() as session:
        if body.name is not None:
            albums.rename_album(session, path.album_id, body.name)
        if body.order is not None:
            after = hashes_of(session, [] if body.after is None else [body.after])
            moved = hashes_of(session, body.order)
            albums.order_album(session, path.album_id, moved, next(iter(after), None))
        return jsonify(_album_answer(session, path.album_id, KeptPhotosParameters()))


@blueprint.delete(
    f"/albums/{ALBUM_ID}", tags=[KEPT], responses=answers(schemas.AlbumsAnswer, 403, 404, 409)
)
@unqueued
def delete_album(path: AlbumPath) -> Response:
    """Forget an album, and the links that share it; its photos stay. The others are answered."""
    with writing() as session:
        albums.delete_album(session, path.album_id)
        return jsonify({"albums": _albums_json(session, albums.list_albums(session))})


@blueprint.post(
    f"/albums/{ALBUM_ID}/photos",
    tags=[KEPT],
    responses=answers(schemas.ChangedAnswer, 403, 404, 409, 415),
)
@unqueued
def change_photos(path: AlbumPath, body: PhotoChanges) -> Response:
    """Put photos into an album, behind its others, and take others out."""
    with writing() as session:
        removed = albums.remove_from_album(session, path.album_id, hashes_of(session, body.remove))
        added = albums.add_to_album(session, path.album_id, hashes_of(session, body.add))
    return jsonify({"added": added, "removed": removed})


@blueprint.get(f"/albums/{ALBUM_ID}/zip", tags=[KEPT], responses=archive())
@unqueued
def album_zip(path: AlbumPath) -> Response:
    """The photos of an album as a ZIP archive."""
    engine = current_engine()
    with engine.database.read() as session:
        name = albums.find_album(session, path.album_id).name
        ids = photos_of(session, albums.album_contents(session, path.album_id))
    return send_zip(engine, ids, name)


@blueprint.get("/favourites", tags=[KEPT], responses=answers(schemas.FavouritesAnswer))
@unqueued
def list_favourites(query: KeptPhotosParameters) -> Response:
    """The favourites page by page, marked last first."""
    with current_engine().database.read() as session:
        hashes = favourites.favourites(session)
        found = photos_of(session, hashes)
    return jsonify(
        {
            "photos": len(found),
            "missing": len(hashes) - len(found),
            **_page_of(found, query),
        }
    )


@blueprint.post(
    "/favourites", tags=[KEPT], responses=answers(schemas.ChangedAnswer, 403, 404, 409, 415)
)
@unqueued
def change_favourites(body: PhotoChanges) -> Response:
    """Mark photos, and take the mark from others."""
    with writing() as session:
        removed = favourites.remove_favourites(session, hashes_of(session, body.remove))
        added = favourites.add_favourites(session, hashes_of(session, body.add))
    return jsonify({"added": added, "removed": removed})


@blueprint.post("/zip", tags=[KEPT], responses=archive(403, 415))
@unqueued
def photos_zip(body: ZipBody) -> Response:
    """Photos as a ZIP archive; those that are gone are left out."""
    engine = current_engine()
    with engine.database.read() as session:
        hashes_of(session, body.photo_ids)
    return send_zip(engine, body.photo_ids, body.name)


def _album_answer(
    session: Session, album_id: int, query: KeptPhotosParameters
) -> dict[str, object]:
    [told] = _albums_json(session, [albums.find_album(session, album_id)])
    hashes = albums.album_contents(session, album_id)
    found = photos_of(session, hashes)
    return {**told, "missing": len(hashes) - len(found), **_page_of(found, query)}


def _albums_json(session: Session, found: Sequence[AlbumView]) -> list[dict[str, object]]:
    covers = ids_with_contents(session, [each.cover for each in found if each.cover])
    return [
        {
            "album_id": each.album_id,
            "name": each.name,
            "created_at": each.created_at.isoformat(),
            "photos": each.photos,
            "url": url_for("albums_api.album", album_id=each.album_id),
            "cover_url": url_for("photos_api.thumbnail", photo_id=covers[each.cover][0])
            if each.cover
            else None,
        }
        for each in found
    ]


def _page_of(ids: Sequence[int], query: KeptPhotosParameters) -> dict[str, object]:
    page = ids[query.offset : query.offset + query.k]
    views = current_engine().photos(page)
    return {
        "results": [
            {
                "photo_id": key,
                "path": show_path(os.fsencode(views[key].full_path)),
                "url": url_for("photos_api.photo", photo_id=key),
                "thumbnail_url": url_for("photos_api.thumbnail", photo_id=key),
            }
            for key in page
            if key in views
        ],
        **page_links(query.offset, query.k, query.offset + query.k < len(ids)),
    }
