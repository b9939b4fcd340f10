"""JPEG files: decoded at a reduced scale, and their structure (ITU-T T.81, annex B)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import simplejpeg  # type: ignore[import-untyped]
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

SHORTER_SIDE = 512  # pixels; decoding at a reduced scale stops above this

# A JPEG is decoded at a reduced scale, at less cost by so many times; a progressive one keeps all
# its coefficients in memory meanwhile.
_CHEAPER_JPEG = 8
_CHEAPER_PROGRESSIVE = 2

START = b"\xff\xd8\xff"
END = b"\xff\xd9"

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# What stands without a length: TEM, restarts, the start and the end.
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
# Ends entropy-coded data: no stuffed zero, no restart, no fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_COEFFICIENTS = 64


@dataclass(frozen=True)
class Segment:
    """A marker, and the bytes that belong to it; of a scan its header."""

    marker: int
    content: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG up to its end marker, or to where they make no sense."""
    place = 2
    while place + 1 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in _BARE:
            yield Segment(marker, b"")
            if marker == _END_OF_IMAGE:
                return
            place += 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        yield Segment(marker, data[place + 4 : place + 2 + length])
        place += 2 + max(length, 2)
        if marker == _START_OF_SCAN:
            found = _MARKER.search(data, place)
            place = found.start() if found else len(data)


def is_progressive(data: bytes) -> bool:
    """Whether all coefficients of a JPEG have to be held in memory to decode it."""
    frame = next((part for part in segments(data) if part.marker in _FRAMES), None)
    return frame is not None and frame.marker in _PROGRESSIVE


def open_picture(data: bytes) -> Image.Image | None:
    """A JPEG or MPO, not refused for its pixels as by Image.open; None for any other format.

    Raises UnidentifiedImageError.
    """
    if not data.startswith(START):
        return None
    try:
        return JpegImagePlugin.jpeg_factory(io.BytesIO(data))
    except SyntaxError as error:
        raise UnidentifiedImageError from error


def decode_scaled(picture: Image.Image, data: bytes) -> tuple[Image.Image, tuple[int, int]] | None:
    """An undamaged JPEG in grey or YCbCr, decoded by simplejpeg at a reduced scale, and its size.

    None for any other picture.
    """
    if picture.format not in ("JPEG", "MPO") or picture.mode not in ("RGB", "L"):
        return None
    try:
        pixels = simplejpeg.decode_jpeg(
            data, min_height=SHORTER_SIDE, min_width=SHORTER_SIDE, strict=True
        )
    except ValueError:
        return None
    return Image.fromarray(pixels), picture.size


def times_cheaper(data: bytes) -> int:
    """By how many times a picture is cheaper to decode than one that is decoded in full."""
    if not data.startswith(START):
        return 1
    return _CHEAPER_PROGRESSIVE if is_progressive(data) else _CHEAPER_JPEG


def with_end_marker(data: bytes) -> bytes:
    """A JPEG that lacks only its end marker with it, and any other file as it is."""
    if not data.startswith(START):
        return data
    ended = _ended(data)
    picture = None if ended is data else open_picture(data)
    if picture is None:
        return data
    colours = {"CMYK": "CMYK", "L": "GRAY"}.get(picture.mode, "RGB")
    try:
        # At the smallest scale: it complains of a scan that is cut off at any.
        simplejpeg.decode_jpeg(ended, colours, min_height=1, min_width=1, strict=True)
    except ValueError:
        return data
    return ended


def _ended(data: bytes) -> bytes:
    """The JPEG with an end marker behind it, where that alone seems to be missing.

    That the last scan is whole only a decoder can tell, by what it says of the bytes.
    """
    if data.endswith(END):
        return data
    found = list(segments(data))
    if any(part.marker == _END_OF_IMAGE for part in found) or not _has_every_scan(found):
        return data
    return data + END


def _has_every_scan(found: list[Segment]) -> bool:
    """Whether the scans give all coefficients of all components in full precision."""
    frame = next((part for part in found if part.marker in _FRAMES), None)
    if frame is None or len(frame.content) < 6:
        return False
    components = frame.content[6 : 6 + 3 * frame.content[5] : 3]
    whole: dict[int, set[int]] = {component: set() for component in components}
    for scan in (part.content for part in found if part.marker == _START_OF_SCAN):
        count = scan[0] if scan else 0
        if len(scan) < 4 + 2 * count:
            return False
        first, last, precision = scan[1 + 2 * count :][:3]
        if frame.marker not in _PROGRESSIVE:
            first, last, precision = 0, _COEFFICIENTS - 1, 0
        if precision & 0x0F == 0:  # no bits are left for a later scan
            for component in scan[1 : 1 + 2 * count : 2]:
                whole.setdefault(component, set()).update(range(first, last + 1))
    return all(len(given) == _COEFFICIENTS for given in whole.values())
