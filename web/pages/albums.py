"""The pages of albums, of one album, and of favourites; forms that change them need no script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from catalog import albums, shares
from catalog.albums import AlbumView
from catalog.favourites import favourites as favourite_hashes
from catalog.photos import ids_with_contents
from catalog.views import PhotoView
from search.engine import SearchEngine
from search.guess import Guess
from search.request import InvalidQuery
from web.context import current_engine
from web.images import browser_shows, version_of
from web.kept import photos_of, writing
from web.kept_parameters import ALBUM_ID, DEFAULT_DAYS, SHARE_ID, checked_days, checked_name
from web.middleware.route_marks import unqueued
from web.pages.cards import file_name, shape_class
from web.pages.forms import check_sender
from web.parameters import MAX_ID
from web.zip_stream import send_zip

_PAGE = 200
_LASTS = {"1": "a day", "7": "a week", "30": "30 days", "90": "90 days", "365": "a year"}

blueprint = Blueprint("albums", __name__)


@dataclass(frozen=True)
class KeptCard:
    """A photo of an album with what the grid shows of it; see web.pages.cards."""

    photo: PhotoView
    name: str
    guess: Guess
    shape: str
    version: str
    drawn: bool


@dataclass(frozen=True)
class AlbumTile:
    """An album with its cover: a photo's id, None where it is empty."""

    album: AlbumView
    cover: int | None


@blueprint.get("/albums")
@unqueued
def show() -> ResponseReturnValue:
    """All albums, a form to make one, and the links that share photos."""
    return _page()


@blueprint.post("/albums")
@unqueued
def create() -> ResponseReturnValue:
    """Make an empty album."""
    check_sender()
    try:
        name = checked_name(request.form.get("name", ""))
    except InvalidQuery as error:
        return _page(str(error)), 400
    with writing() as session:
        album_id = albums.create_album(session, name)
    return redirect(url_for(".show_album", album_id=album_id), 303)


@blueprint.get(f"/albums/{ALBUM_ID}")
@unqueued
def show_album(album_id: int) -> ResponseReturnValue:
    """The photos of one album."""
    return _album_page(album_id)


@blueprint.post(f"/albums/{ALBUM_ID}")
@unqueued
def change(album_id: int) -> ResponseReturnValue:
    """Rename an album, delete it, or make a link that shares it, as the form says."""
    check_sender()
    deed = request.form.get("deed", "")
    try:
        if deed == "share":
            return _album_page(album_id, link=_share(album_id, request.form))
        if deed == "delete":
            with writing() as session:
                albums.delete_album(session, album_id)
            return redirect(url_for(".show"), 303)
        name = checked_name(request.form.get("name", ""))
    except InvalidQuery as error:
        return _album_page(album_id, problem=str(error)), 400
    with writing() as session:
        albums.rename_album(session, album_id, name)
    return redirect(url_for(".show_album", album_id=album_id), 303)


@blueprint.post(f"/shares/{SHARE_ID}/revoke")
@unqueued
def revoke(share_id: int) -> ResponseReturnValue:
    """End a link that shares photos."""
    check_sender()
    with writing() as session:
        shares.revoke_share(session, share_id)
    return redirect(url_for(".show") + "#shares", 303)


@blueprint.get("/favourites")
@unqueued
def favourites() -> ResponseReturnValue:
    """The photos that were marked, the last one first."""
    with current_engine().database.read() as session:
        hashes = favourite_hashes(session)
        ids = photos_of(session, hashes)
    return render_template("favourites.html", **_grid(ids, hashes))


@blueprint.post("/download")
@unqueued
def download() -> ResponseReturnValue:
    """Selected photos as a ZIP archive."""
    check_sender()
    given = request.form.getlist("photo_id")
    ids = [int(each) for each in given if each.isascii() and each.isdigit() and len(each) < 19]
    return send_zip(current_engine(), [each for each in ids if each <= MAX_ID], "photos")


def _page(problem: str = "") -> str:
    with current_engine().database.read() as session:
        found = albums.list_albums(session)
        covers = ids_with_contents(session, [each.cover for each in found if each.cover])
        links = shares.list_shares(session)
        marked = photos_of(session, favourite_hashes(session))
    tiles = [AlbumTile(each, covers[each.cover][0] if each.cover else None) for each in found]
    return render_template(
        "albums.html", tiles=tiles, shares=links, favourites=marked, problem=problem
    )


def _album_page(album_id: int, problem: str = "", link: str = "") -> str:
    with current_engine().database.read() as session:
        album = albums.find_album(session, album_id)
        hashes = albums.album_contents(session, album_id)
        ids = photos_of(session, hashes)
        links = [each for each in shares.list_shares(session) if each.album_id == album_id]
    return render_template(
        "album.html",
        album=album,
        shares=links,
        lasts=_LASTS,
        usual=str(DEFAULT_DAYS),
        problem=problem,
        link=link,
        **_grid(ids, hashes),
    )


def _share(album_id: int, form: MultiDict[str, str]) -> str:
    """Share an album; returns the link, which is told this once."""
    days = form.get("days", "")
    lasts = timedelta(days=checked_days(int(days) if days in _LASTS else days))
    with writing() as session:
        name = albums.find_album(session, album_id).name
        _, token = shares.share_album(session, album_id, name, lasts)
    return url_for("shared.show", token=token, _external=True)


def _grid(ids: list[int], hashes: list[str]) -> dict[str, object]:
    """A page of photos for a grid, and where the pages beside it are."""
    offset = max(request.args.get("offset", 0, int), 0)
    page = ids[offset:][:_PAGE]
    return {
        "cards": _cards(current_engine(), page),
        "photos": len(ids),
        "missing": len(hashes) - len(ids),
        "preceding": ids[offset - 1] if 0 < offset <= len(ids) else None,
        "before": max(offset - _PAGE, 0) if offset else None,
        "after": offset + _PAGE if offset + _PAGE < len(ids) else None,
    }


def _cards(engine: SearchEngine, ids: list[int]) -> list[KeptCard]:
    photos = engine.photos(ids)
    guesses = engine.guesses(photos.values())
    return [
        KeptCard(
            photo=photos[key],
            name=file_name(photos[key]),
            guess=guesses[key],
            shape=shape_class(photos[key].width, photos[key].height),
            version=version_of(photos[key]),
            drawn=browser_shows(photos[key]),
        )
        for key in ids
        if key in photos
    ]
