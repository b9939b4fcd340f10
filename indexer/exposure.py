"""The exposure of a photo, read from its EXIF when somebody looks at it.

It is shown and searched by nobody, so no index run keeps it. Tags that make no sense are left
out, as in indexer.metadata. Source of the tags: Exif 2.32, CIPA DC-008, table 8.
"""

from __future__ import annotations

import math
from typing import Any

from PIL import ExifTags

from captioner.image_file import read_header


def read_exposure(data: bytes) -> str | None:
    """The exposure by the bytes of a picture file, or its beginning: what JPEGs need of it.

    It reads as 35 mm, f/2.8, 1/250 s, ISO 400. Raises UnreadablePhoto, and nothing else.
    """
    exif, _, _ = read_header(data)
    try:
        tags: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.Exif))
    except Exception:  # Pillow reads damaged EXIF late, and fails in every way there is
        return None
    return ", ".join(filter(None, _parts(tags))) or None


def _parts(tags: dict[int, Any]) -> list[str]:
    length = _number(tags.get(ExifTags.Base.FocalLength))
    aperture = _number(tags.get(ExifTags.Base.FNumber))
    seconds = _number(tags.get(ExifTags.Base.ExposureTime))
    speed = _number(tags.get(ExifTags.Base.ISOSpeedRatings))
    return [
        f"{length:.3g} mm" if length else "",
        f"f/{aperture:.2g}" if aperture else "",
        _time(seconds) if seconds else "",
        f"ISO {speed:.0f}" if speed else "",
    ]


def _time(seconds: float) -> str:
    """As photographers write it: 1/250 s, 0.5 s, 30 s."""
    return f"1/{1 / seconds:.0f} s" if seconds < 0.3 else f"{seconds:.3g} s"


def _number(value: object) -> float | None:
    """A tag's number, the first of several; None for none, for 0 and for what is no measure."""
    first = value[0] if isinstance(value, tuple) and value else value
    try:
        number = float(first)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and 1e-6 < number < 1e7 else None
