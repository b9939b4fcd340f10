"""When, with what and where a photo was taken, and what people wrote, by its file and sidecars.

Tags are written by anything and checked by nothing: whatever does not make sense is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from captioner.image_file import Photo
from catalog.records import NO_ANNOTATIONS, Annotations, Metadata, Origin
from indexer.annotations import embedded_annotations, merge_annotations, xmp_annotations
from indexer.capture_date import (
    CaptureDate,
    date_in_name,
    date_in_xmp,
    date_of_file,
    parse_date,
)
from indexer.xmp import Xmp, read_sidecars, read_xmp

LONGEST_NAME = 100  # characters of a camera's or a lens's

_TAKEN = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)
_EDITED = (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime)


@dataclass(frozen=True)
class Tags:
    """What the tags inside of a file say about its origin, and what people wrote there.

    `taken`: by EXIF. `edited`: EXIF's date of the last change, None where EXIF has a date of
    taking, be it unreadable. `xmp`: by the embedded XMP packet. Position in degrees.
    """

    taken: CaptureDate | None = None
    edited: CaptureDate | None = None
    xmp: CaptureDate | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    annotations: Annotations = NO_ANNOTATIONS
    lens: str | None = None


def read_tags(exif: Image.Exif, packet: bytes, iptc: bytes = b"") -> Tags:
    """Read EXIF, the embedded XMP packet, and IPTC-IIM data (empty for none)."""
    tags = {**_part(exif, None), **_part(exif, ExifTags.IFD.Exif)}
    latitude, longitude = _position(_part(exif, ExifTags.IFD.GPSInfo))
    taken, edited = _exif_dates(tags)
    xmp = read_xmp(packet)
    written = embedded_annotations(xmp, iptc, tags, exif.endian)
    camera, lens = _camera(tags), _lens(tags)
    return Tags(taken, edited, date_in_xmp(xmp), camera, latitude, longitude, written, lens)


def read_metadata(photo: Photo) -> Metadata:
    """Size, format and origin of a photo, as far as its own bytes say."""
    return make_metadata(photo, read_tags(photo.exif, photo.xmp, photo.iptc))


def make_metadata(photo: Photo, tags: Tags) -> Metadata:
    """The same of a photo whose tags are read."""
    return Metadata(photo.width, photo.height, photo.format, **vars(find_origin(tags)))


def find_origin(tags: Tags, path: bytes = b"", mtime_ns: int = 0) -> Origin:
    """The origin of the file at an absolute path, by its tags and all that is around it.

    The date is the first there is: EXIF's date of taking, the one in the file's name, in the
    sidecar, in the embedded XMP packet, EXIF's date of the last change, the file's own time.
    Of what people wrote, the sidecars come before the tags. Without a path only the tags count.
    """
    sidecars = read_sidecars(path) if path else []
    date, source = _first_date(tags, sidecars, path, mtime_ns)
    return Origin(
        taken_at=date.clock if date else None,
        taken_offset=date.offset if date else None,
        taken_from=source,
        camera=tags.camera,
        latitude=tags.latitude,
        longitude=tags.longitude,
        annotations=merge_annotations(*map(xmp_annotations, sidecars), tags.annotations),
        lens=tags.lens,
    )


def _first_date(
    tags: Tags, sidecars: Sequence[Xmp], path: bytes, mtime_ns: int
) -> tuple[CaptureDate, str] | tuple[None, None]:
    if tags.taken is not None:
        return tags.taken, "exif"
    named = date_in_name(path)
    if named is not None:
        return named, "name"
    beside = filter(None, map(date_in_xmp, sidecars))
    noted = next(beside, None) or tags.xmp
    if noted is not None:
        return noted, "xmp"
    if tags.edited is not None:
        return tags.edited, "exif"
    written = date_of_file(mtime_ns)
    return (None, None) if written is None else (written, "file")


def _part(exif: Image.Exif, part: ExifTags.IFD | None) -> dict[int, Any]:
    try:
        return dict(exif if part is None else exif.get_ifd(part))
    except Exception:  # Pillow reads damaged EXIF late, and fails in every way there is
        return {}


def _exif_dates(tags: Mapping[int, Any]) -> tuple[CaptureDate | None, CaptureDate | None]:
    """When a photo was taken, and when it was changed if nothing says that it was taken at all."""
    texts = [(_text(tags.get(date)), _text(tags.get(offset))) for date, offset in _TAKEN]
    dates = [parse_date(text, offset) for text, offset in texts]
    taken = next((date for date in dates if date is not None), None)
    if any(text.strip("0: ") for text, _ in texts):
        return taken, None
    date, offset = _EDITED
    return taken, parse_date(_text(tags.get(date)), _text(tags.get(offset)))


def _camera(tags: Mapping[int, Any]) -> str | None:
    return _name(tags, ExifTags.Base.Make, ExifTags.Base.Model)


def _lens(tags: Mapping[int, Any]) -> str | None:
    """By its name, else by its specification: "24-70 mm f/2.8-4", "50 mm f/1.8"."""
    named = _name(tags, ExifTags.Base.LensMake, ExifTags.Base.LensModel)
    return named or _specified(tags.get(ExifTags.Base.LensSpecification))


def _name(tags: Mapping[int, Any], maker: int, model_tag: int) -> str | None:
    make, model = _text(tags.get(maker)), _text(tags.get(model_tag))
    known = model.lower().startswith(make.lower())  # "Canon" and "Canon EOS 40D"
    name = model if known else f"{make} {model}".strip()
    return name[:LONGEST_NAME] or None


def _specified(value: object) -> str | None:
    """A lens by its shortest and longest focal length, and its f-number at each.

    Source: Exif 2.32, CIPA DC-008, tag A432H, in which 0/0 stands for what is not known.
    """
    if not isinstance(value, tuple) or len(value) != 4:
        return None
    shortest, longest, *apertures = map(_measure, value)
    if not shortest:
        return None
    length = _range(shortest, longest or shortest)
    brightest, last = apertures
    return f"{length} mm f/{_range(brightest, last or brightest)}" if brightest else f"{length} mm"


def _range(first: float, last: float) -> str:
    return f"{first:.4g}" if first == last else f"{first:.4g}-{last:.4g}"


def _measure(value: Any) -> float:
    """A number above 0, or 0 for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0
    return number if math.isfinite(number) and 1e-3 < number < 1e5 else 0


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
