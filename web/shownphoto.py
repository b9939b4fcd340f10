"""A photo's own facts as its page shows them, with searches for photos that share them.

Knows nothing about scores or similar photos.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from flask import url_for

from catalog.paths import show_path
from catalog.views import PhotoView
from web.cards import shape_class, version_of
from web.images import browser_shows


@dataclass(frozen=True)
class ShownPhoto:
    """A photo, its path as text, and which picture stands large: see `full_view`.

    `by_camera`, `by_day` and `by_folder` are searches; None where the file does not say.
    """

    view: PhotoView
    title: str
    path: str
    shape: str
    version: str
    full: str
    by_camera: str | None
    by_day: str | None
    by_folder: str | None


def shown_photo(view: PhotoView, query: str) -> ShownPhoto:
    """A photo with its links; they look for `query`, or else for what it shows."""
    title = view.captions[0][0] if view.captions else f"Photo {view.photo_id}"
    sought = query or title
    return ShownPhoto(
        view=view,
        title=title,
        path=show_path(os.fsencode(view.full_path)),
        shape=shape_class(view.width, view.height),
        version=version_of(view),
        full=full_view(view),
        by_camera=_search(sought, camera=view.camera) if view.camera else None,
        by_day=_by_day(view, sought),
        by_folder=_by_folder(view, sought),
    )


def full_view(view: PhotoView) -> str:
    """Which picture stands large on the page: the original, or why only its thumbnail."""
    if not view.full_path.is_file():
        return "offline"
    return "original" if browser_shows(view) else "undrawable"


def _search(query: str, **filters: str) -> str:
    return f"{url_for('pages.search')}?{urlencode({'q': query, **filters})}"


def _by_day(view: PhotoView, query: str) -> str | None:
    """Photos of the same day; none for the last day there is, which has no day after."""
    if view.taken_at is None:
        return None
    day = view.taken_at.date()
    try:
        return _search(query, after=str(day), before=str(day + timedelta(days=1)))
    except OverflowError:
        return None


def _by_folder(view: PhotoView, query: str) -> str | None:
    """Photos of the same folder; none where its name is no text, which no address can carry."""
    try:
        return _search(query, folder=os.fsencode(view.full_path.parent).decode("utf-8"))
    except UnicodeDecodeError:
        return None
