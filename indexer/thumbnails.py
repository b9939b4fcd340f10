"""Thumbnails: small JPEGs that the web page shows instead of originals.

Knows nothing of where they are kept; the caller says.
"""

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


def write_thumbnail(thumbnail: bytes, target: Path, workshop: Path) -> None:
    """Put a thumbnail where it belongs: it is there whole or not at all. Raises OSError.

    It is written in the folder `workshop`, of the same file system, before.
    """
    handle, name = tempfile.mkstemp(dir=workshop, suffix=UNFINISHED)
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
    except FileNotFoundError:  # the first one there; asking each time would cost more
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def is_there(target: Path) -> bool:
    """Whether a thumbnail was written; one that is empty was lost when the power was."""
    try:
        return target.stat().st_size > 0
    except FileNotFoundError:
        return False


def sweep(workshop: Path) -> None:
    """Remove what a process that was killed left unfinished; for whoever writes alone."""
    for path in workshop.glob(f"*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def remove_orphans(thumbnails: Path, hashes: Collection[str]) -> None:
    """Remove the thumbnails of bytes that no photo has; for whoever writes alone."""
    for path in thumbnails.glob("*/*.jpg"):
        if path.stem not in hashes:
            path.unlink(missing_ok=True)


def _shrink(image: Image.Image) -> Image.Image:
    scale = LONGER_SIDE / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
