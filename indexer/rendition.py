"""Renditions: JPEGs of at most 2048 pixels, without metadata, for who shall see no original."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from captioner.colour import to_rgb
from captioner.image_file import decode_photo

LONGER_SIDE = 2048
QUALITY = 85


def make_rendition(data: bytes) -> bytes:
    """The bytes of a picture file -> a JPEG, upright, in sRGB. Raises UnreadablePhoto alone.

    To be run by a decoder process: Pillow decodes a JPEG here at the least scale that is enough.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as picture:
            picture.draft("RGB", (LONGER_SIDE, LONGER_SIDE))
            upright = ImageOps.exif_transpose(picture)
            image = to_rgb(upright, picture.info.get("icc_profile"), LONGER_SIDE)
    except Exception:  # Pillow fails in every way there is, and not every file is a JPEG
        image = decode_photo(data).image
    image.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
