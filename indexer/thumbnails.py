"""Thumbnails: JPEGs of at most 512 pixels that the web page shows instead of originals."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from catalog.own_files import list_files, remove_own
from catalog.sealed_thumbnails import seal

LONGER_SIDE = 512
QUALITY = 85
UNFINISHED = ".tmp"


def make_thumbnail(image: Image.Image) -> bytes:
    """Return an upright RGB picture as a JPEG, longer side at most 512 pixels, without any EXIF."""
    file = io.BytesIO()
    _shrink(image).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def write_thumbnail(thumbnail: bytes, target: Path, temporary: Path) -> None:
    """Write a thumbnail atomically: by a temporary file in `temporary`, of the same file system.

    `target` is named by the hash of the photo's bytes, and what is written carries a checksum of
    both. It is left out where a folder lies in its place, which the doctor names. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=temporary, suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(seal(thumbnail, target.stem))
        _move(Path(name), target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        if not isinstance(error, (IsADirectoryError, NotADirectoryError)):
            raise


def _move(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except FileNotFoundError:  # the folder's first; asking each time would cost more
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def has_thumbnail(target: Path) -> bool:
    """Whether a thumbnail was written; one that is empty was lost in a power cut."""
    try:
        found = target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def remove_unfinished(home: Path) -> None:
    """Remove the temporary files of a process that was killed; needs the writer's lock."""
    files = list_files(home, "thumbnails", deep=False).own
    remove_own(home, [path for path in files if path.suffix == UNFINISHED])


def remove_orphans(home: Path, hashes: Collection[str]) -> None:
    """Remove the thumbnails of bytes that no photo has; needs the writer's lock.

    None is removed where there is no photo at all: the catalog may be another's.
    """
    files = list_files(home, "thumbnails").own if hashes else []
    remove_own(home, [path for path in files if path.stem not in hashes])


def _shrink(image: Image.Image) -> Image.Image:
    scale = LONGER_SIDE / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
