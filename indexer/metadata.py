"""When, with what and where a photo was taken, as far as its EXIF can be believed.

EXIF is written by anything and checked by nothing: whatever does not make sense is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import ExifTags, Image

from captioner.image_file import Photo
from catalog.records import Metadata

FIRST_PHOTOGRAPH = 1826
LONGEST_CAMERA = 100  # characters

_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime),
)


def read_metadata(photo: Photo) -> Metadata:
    """Size, format, date, camera and position of a photo.

    A date without a time zone, as most cameras write it, is taken as UTC, so that it keeps the
    day and hour the photographer knew.
    """
    tags = {**_part(photo.exif, None), **_part(photo.exif, ExifTags.IFD.Exif)}
    latitude, longitude = _position(_part(photo.exif, ExifTags.IFD.GPSInfo))
    return Metadata(
        width=photo.width,
        height=photo.height,
        format=photo.format,
        taken_at=_taken_at(tags),
        camera=_camera(tags),
        latitude=latitude,
        longitude=longitude,
    )


def _part(exif: Image.Exif, part: ExifTags.IFD | None) -> dict[int, Any]:
    try:
        return dict(exif if part is None else exif.get_ifd(part))
    except Exception:  # Pillow reads damaged EXIF late, and fails in every way there is
        return {}


def _taken_at(tags: Mapping[int, Any]) -> datetime | None:
    for date, offset in _DATES:
        taken_at = _date(_text(tags.get(date)), _text(tags.get(offset)))
        if taken_at is not None:
            return taken_at
    return None


def _date(text: str, offset: str) -> datetime | None:
    try:
        date = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if not FIRST_PHOTOGRAPH <= date.year < 9999:
        return None
    return date.replace(tzinfo=_zone(offset))


def _zone(offset: str) -> timezone:
    """ "+02:00" -> two hours ahead of UTC; UTC where it says nothing or nonsense."""
    try:
        shift = datetime.strptime(offset, "%z").utcoffset()
    except ValueError:
        return UTC
    return timezone(shift) if shift is not None and abs(shift) <= timedelta(hours=14) else UTC


def _camera(tags: Mapping[int, Any]) -> str | None:
    make, model = _text(tags.get(ExifTags.Base.Make)), _text(tags.get(ExifTags.Base.Model))
    known = model.lower().startswith(make.lower())  # "Canon" and "Canon EOS 40D"
    name = model if known else f"{make} {model}".strip()
    return name[:LONGEST_CAMERA] or None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    printable = (mark if mark.isprintable() else " " for mark in value.split("\0")[0])
    return " ".join("".join(printable).split())


def _position(gps: Mapping[int, Any]) -> tuple[float, float] | tuple[None, None]:
    """Latitude and longitude in degrees; both or neither."""
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, 90)
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, 180)
    if latitude is None or longitude is None:
        return None, None
    if latitude == longitude == 0:  # what a receiver without a fix writes
        return None, None
    return latitude, longitude


def _degrees(gps: Mapping[int, Any], tag: int, reference: int, limit: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in gps[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if _text(gps.get(reference)).upper() in ("S", "W"):
        value = -value
    return value if math.isfinite(value) and abs(value) <= limit else None
