"""Thumbnails and originals as cacheable responses, by photo id and never by path."""

from __future__ import annotations

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from flask import Response, request, send_file
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable

from catalog.object_store import StoreUnavailable
from catalog.paths import show_path
from catalog.remote_folders import is_remote, look_at, modified_ns, open_object
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

# What a thumbnail may be sent as. Generators of clients know what to make of bytes, and leave
# images out.
THUMBNAIL_TYPES = ("image/jpeg", _UNKNOWN_FORMAT)


class ImageMissing(NotFound):
    """The photo is known but its picture file cannot be read just now."""

    def __init__(self, message: str, hint: str) -> None:
        """`message` says what is missing, `hint` what to do about it."""
        super().__init__(message)
        self.hint = hint


_UNREACHABLE = ImageMissing(
    "The original of this photo cannot be reached.",
    "Connect the disk or share it lies on, or index its folder again.",
)
_CHANGED = ImageMissing(
    "The file of this photo has changed since it was indexed.", "Index its folder again."
)


def browser_shows(photo: PhotoView) -> bool:
    """Whether the original is of a format that browsers draw."""
    return photo.format in _DRAWN_BY_BROWSERS


def send_thumbnail(photo_id: int, version: str) -> Response:
    """A photo's thumbnail, a JPEG; cached for a year where `version` is the photo's.

    It is declared to be plain bytes where the request accepts those and no image.

    Raises:
        UnknownPhoto: no such photo.
        ImageMissing: its thumbnail file is gone, or damaged.
        StoreUnavailable: the store of thumbnails does not answer.
    """
    engine = current_engine()
    photo = engine.photo(photo_id)
    found = engine.thumbnails.find(photo.content_hash)
    if found is None:
        raise ImageMissing("The thumbnail of this photo is missing.", "Index its folder again.")
    if found.jpeg is None:
        raise ImageMissing(
            "The thumbnail of this photo is damaged.",
            "Run tellshow doctor, then index its folder again.",
        )
    response = send_file(
        BytesIO(found.jpeg),
        request.accept_mimetypes.best_match(THUMBNAIL_TYPES, THUMBNAIL_TYPES[0]),
        conditional=True,
        download_name=f"{photo.content_hash}.jpg",
        etag=f"{version_of(photo)}-t",
        last_modified=found.modified,
    )
    response.vary.add("Accept")
    return _cached(response, version == version_of(photo))


def send_original(photo_id: int) -> Response:
    """The photo's own file, under its own name; an attachment where browsers cannot draw it.

    Raises:
        UnknownPhoto: no such photo.
        ImageMissing: its file cannot be reached.
    """
    photo = current_engine().photo(photo_id)
    file = open_original(photo)
    if is_remote(photo.full_path):
        # The server would read what it wraps itself in the thread that serves every connection.
        request.environ.pop("wsgi.file_wrapper", None)
    response = send_file(
        file,
        _content_type(photo),
        as_attachment=not browser_shows(photo),
        download_name=download_name(photo.full_path),
        # Flask's own tag fails on names that are no text.
        etag=f"{photo.mtime_ns:x}-{photo.size:x}",
        last_modified=photo.mtime_ns // 10**9,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.content_length = photo.size
    response.call_on_close(file.close)
    try:
        return response.make_conditional(  # type: ignore[return-value]
            request, accept_ranges=True, complete_length=photo.size
        )
    except RequestedRangeNotSatisfiable:
        file.close()
        raise


def open_original(photo: PhotoView) -> BinaryIO:
    """Open the file that was indexed, and no other that came to its place; raises ImageMissing.

    What is served is what was looked at, since the open file itself is: of a link that was put
    there since, not what it leads to.
    """
    if is_remote(photo.full_path):
        return _open_remote(photo)
    try:
        handle = os.open(photo.full_path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise _UNREACHABLE from error
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and _is_indexed_file(found, photo):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise _CHANGED if stat.S_ISREG(found.st_mode) else _UNREACHABLE


def is_reachable(photo: PhotoView) -> bool:
    """Whether the photo's own file is there."""
    if not is_remote(photo.full_path):
        return photo.full_path.is_file()
    try:
        return look_at(photo.full_path) is not None
    except StoreUnavailable:
        return False


def _open_remote(photo: PhotoView) -> BinaryIO:
    try:
        found = look_at(photo.full_path)
    except StoreUnavailable as error:
        raise _UNREACHABLE from error
    if found is None:
        raise _UNREACHABLE
    if (found.size, modified_ns(found)) != (photo.size, photo.mtime_ns):
        raise _CHANGED
    return open_object(photo.full_path, found)


def _is_indexed_file(found: os.stat_result, photo: PhotoView) -> bool:
    return (found.st_size, found.st_mtime_ns) == (photo.size, photo.mtime_ns)


def _content_type(photo: PhotoView) -> str:
    """From the decoded format, never from the file's name, which may lie."""
    return _DRAWN_BY_BROWSERS.get(photo.format) or _OTHER_FORMATS.get(photo.format, _UNKNOWN_FORMAT)


def download_name(path: Path) -> str:
    """The file's name, without what no header may hold."""
    name = show_path(os.fsencode(path.name))
    return "".join(each if each.isprintable() else "_" for each in name)


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
