"""Photos as a ZIP archive that is made while it is sent: stored, since photos do not shrink.

A piece of one photo is in memory at a time. A photo that cannot be read is left out, and a text at
the end of the archive names it. Format: PKWARE's APPNOTE 6.3.10, with data descriptors (4.3.9), as
what goes out cannot be changed afterwards, and ZIP64 where it is needed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from catalog.sql import chunks
from catalog.views import PhotoView
from search.engine import SearchEngine
from web.images import ImageMissing, download_name, open_original

# What an archive may be sent as; see web.images.THUMBNAIL_TYPES.
ARCHIVE_TYPES = ("application/zip", "application/octet-stream")
_PIECE = 1 << 18
_ZIP64_FROM = 1 << 31
_LEFT_OUT = "Photos left out.txt"
_EARLIEST, _LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)  # that a ZIP can say


def send_zip(engine: SearchEngine, ids: Sequence[int], name: str) -> Response:
    """The originals of photos as an attachment, in their order."""
    kind = request.accept_mimetypes.best_match(ARCHIVE_TYPES, ARCHIVE_TYPES[0])
    response = Response(zip_of(engine, ids), mimetype=kind)
    response.vary.add("Accept")
    safe = "".join(each if each.isalnum() or each in " -_" else "_" for each in name).strip()
    response.headers.set("Content-Disposition", "attachment", filename=f"{safe or 'photos'}.zip")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def zip_of(engine: SearchEngine, ids: Sequence[int]) -> Iterator[bytes]:
    """The pieces of the archive. Photos that are gone from the catalog are left out silently."""
    out = _Outgoing()
    names, problems = _Names(), list[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for photo in _photos(engine, ids):
            problem = yield from _add(archive, out, photo, names)
            problems += [problem] if problem else []
        if problems:
            archive.writestr(names.fresh(_LEFT_OUT), "\r\n".join(problems) + "\r\n")
    yield out.take()


@dataclass
class _Outgoing:
    """A file that can only be written; what was is taken to be sent."""

    pieces: list[bytes] = field(default_factory=list)

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


@dataclass
class _Names:
    """Names in the archive, each given once; on some systems capitals are no difference."""

    given: set[str] = field(default_factory=set)

    def fresh(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        number, wanted = 1, name
        while wanted.lower() in self.given:
            number += 1
            wanted = f"{stem} ({number}){dot}{ending}" if stem else f"{name} ({number})"
        self.given.add(wanted.lower())
        return wanted


def _photos(engine: SearchEngine, ids: Sequence[int]) -> Iterator[PhotoView]:
    for some in chunks(ids):
        views = engine.photos(some)
        yield from (views[key] for key in some if key in views)


def _add(
    archive: zipfile.ZipFile, out: _Outgoing, photo: PhotoView, names: _Names
) -> Generator[bytes, None, str]:
    """Add a photo piece by piece; returns what is wrong with it, empty for nothing."""
    name = download_name(photo.full_path).replace("/", "_").replace("\\", "_")
    try:
        file = open_original(photo)
    except ImageMissing as error:
        return f"{name}: {error.description} It is left out."
    entry = zipfile.ZipInfo(names.fresh(name), _time(photo))
    entry.external_attr = 0o644 << 16
    with file, archive.open(entry, "w", force_zip64=photo.size >= _ZIP64_FROM) as member:
        try:
            while piece := file.read(_PIECE):
                member.write(piece)
                yield out.take()
        except OSError as error:
            return f"{entry.filename}: it could not be read to its end ({error.strerror or error})."
    return ""


def _time(photo: PhotoView) -> tuple[int, int, int, int, int, int]:
    """When it was taken, else when its file was written; ZIP has no zones."""
    moment = photo.taken_at or datetime.fromtimestamp(photo.mtime_ns / 1e9, UTC)
    found = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return min(max(found, _EARLIEST), _LATEST)
