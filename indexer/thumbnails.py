"""Thumbnails: JPEGs of at most 512 pixels that the web page shows instead of originals."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from PIL import Image

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

    Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=temporary, suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(thumbnail)
        _move(Path(name), target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
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
        return target.stat().st_size > 0
    except FileNotFoundError:
        return False


def remove_unfinished(temporary: Path) -> None:
    """Remove the temporary files of a process that was killed; needs the writer's lock."""
    for path in temporary.glob(f"*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def remove_orphans(thumbnails: Path, hashes: Collection[str]) -> None:
    """Remove the thumbnails of bytes that no photo has; needs the writer's lock."""
    for path in thumbnails.glob("*/*.jpg"):
        if path.stem not in hashes:
            path.unlink(missing_ok=True)


def _shrink(image: Image.Image) -> Image.Image:
    scale = LONGER_SIDE / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
