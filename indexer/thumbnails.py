"""Thumbnails: JPEGs of at most 512 pixels that the web page shows instead of originals."""

from __future__ import annotations

import io

from PIL import Image

LONGER_SIDE = 512
QUALITY = 85


def make_thumbnail(image: Image.Image) -> bytes:
    """Return an upright RGB picture as a JPEG, longer side at most 512 pixels, without any EXIF."""
    file = io.BytesIO()
    _shrink(image).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _shrink(image: Image.Image) -> Image.Image:
    scale = LONGER_SIDE / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
