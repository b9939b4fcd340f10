"""Thumbnails and originals as cacheable responses, by photo id and never by path."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Response, send_file
from werkzeug.exceptions import NotFound

from catalog.paths import show_path
from catalog.views import PhotoView
from web.context import current_engine

_ONE_YEAR = 365 * 24 * 3600
# Pillow's names of the formats every browser can show.
_DRAWN_BY_BROWSERS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}
_OTHER_FORMATS = {"HEIF": "image/heic", "HEIC": "image/heic", "TIFF": "image/tiff"}
_UNKNOWN_FORMAT = "application/octet-stream"
# What an original may be sent as.
CONTENT_TYPES = (
    *dict.fromkeys((*_DRAWN_BY_BROWSERS.values(), *_OTHER_FORMATS.values())),
    _UNKNOWN_FORMAT,
)


class ImageMissing(NotFound):
    """The photo is known but its picture file cannot be read just now."""

    def __init__(self, message: str, hint: str) -> None:
        """`message` says what is missing, `hint` what to do about it."""
        super().__init__(message)
        self.hint = hint


def browser_shows(photo: PhotoView) -> bool:
    """Whether the original is of a format that browsers draw."""
    return photo.format in _DRAWN_BY_BROWSERS


def send_thumbnail(photo_id: int, version: str) -> Response:
    """A photo's thumbnail, a JPEG; cached for a year where `version` is the photo's.

    Raises:
        UnknownPhoto: no such photo.
        ImageMissing: its thumbnail file is gone.
    """
    engine = current_engine()
    photo = engine.photo(photo_id)
    path = engine.thumbnail(photo)
    if not path.is_file():
        raise ImageMissing("The thumbnail of this photo is missing.", "Index its folder again.")
    response = send_file(path, "image/jpeg", conditional=True, etag=f"{version_of(photo)}-t")
    return _cached(response, version == version_of(photo))


def send_original(photo_id: int) -> Response:
    """The photo's own file, under its own name; an attachment where browsers cannot draw it.

    Raises:
        UnknownPhoto: no such photo.
        ImageMissing: its file cannot be reached.
    """
    photo = current_engine().photo(photo_id)
    path = photo.full_path
    if not path.is_file():
        raise ImageMissing(
            "The original of this photo cannot be reached.",
            "Connect the disk or share it lies on, or index its folder again.",
        )
    response = send_file(
        path,
        _content_type(photo),
        as_attachment=not browser_shows(photo),
        download_name=_download_name(path),
        conditional=True,
        etag=_file_tag(path),
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _content_type(photo: PhotoView) -> str:
    """From the decoded format, never from the file's name, which may lie."""
    return _DRAWN_BY_BROWSERS.get(photo.format) or _OTHER_FORMATS.get(photo.format, _UNKNOWN_FORMAT)


def _file_tag(path: Path) -> str:
    """Changes with the file; Flask's own tag fails on names that are no text."""
    found = path.stat()
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def _download_name(path: Path) -> str:
    return show_path(os.fsencode(path.name))


def _cached(response: Response, versioned: bool) -> Response:
    """Cached for a year under a URL that names the content; else revalidated each time.

    An id alone is not enough: a photo may be replaced by another under the same path.
    """
    if versioned:
        response.headers["Cache-Control"] = f"private, max-age={_ONE_YEAR}, immutable"
    else:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def version_of(photo: PhotoView) -> str:
    """A short name of the photo's content, for URLs that browsers may keep for ever."""
    return photo.content_hash[:12]
