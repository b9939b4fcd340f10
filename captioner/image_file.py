"""Picture files: bytes -> upright RGB photo -> square of pixels for the encoder.

Every decoder the product uses is called from here, behind limits on bytes and pixels, so that no
file can do worse than being refused with a reason. torch is imported only where training asks for a
tensor: neither what decodes nor what indexes needs it.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from captioner import jpeg_file
from captioner.colour import to_rgb
from captioner.formats import BY_PILLOW
from captioner.jpeg_file import SHORTER_SIDE
from captioner.raw import MISSING_EXTRA, NoPreview, can_read_raw, is_raw, read_preview
from captioner.tiff_file import (
    UnsupportedTiff,
    decode_deep_planes,
    has_deep_planes,
    seek_largest_page,
)

if TYPE_CHECKING:
    import torch

MAX_BYTES = 200_000_000
MAX_PIXELS = 100_000_000  # of a picture that is decoded in full, where the environment says nothing

MOST_FRAMES = 100
VISIBLE = 0.01  # part of a frame's pixels that makes it a picture

_ANIMATIONS = ("PNG", "WEBP", "GIF", "AVIF")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)

_IPTC_IN_PHOTOSHOP = 0x0404  # an image resource
_IPTC_IN_TIFF = 33723  # a tag

_DAMAGED = "The picture is damaged: it cannot be decoded completely."


class BadPixelLimit(ValueError):
    """$TELLSHOW_MAX_PIXELS is no number of pixels; str() is one sentence."""


class UnreadablePhoto(ValueError):
    """A file that cannot be decoded, or exceeds a limit; str() is the reason, one sentence."""


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright and RGB, and the EXIF of its file.

    `image` may be smaller than the original, but its shorter side is never below 512 pixels where
    the original's is not. `width` and `height` are the upright original's, in pixels. `format` is
    one of FORMATS. `xmp` is the embedded XMP packet and `iptc` the embedded IPTC-IIM data, each
    empty for none.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    exif: Image.Exif
    xmp: bytes = b""
    iptc: bytes = b""


def check_size(size: int) -> None:
    """Raise UnreadablePhoto where a file of so many bytes is empty or exceeds the limit."""
    if size == 0:
        raise UnreadablePhoto("The file is empty.")
    if size > MAX_BYTES:
        raise UnreadablePhoto(
            f"The file has {size / 1e6:.0f} MB, more than the limit of {MAX_BYTES / 1e6:.0f} MB."
        )


def max_pixels() -> int:
    """Most pixels of a picture that is decoded in full: $TELLSHOW_MAX_PIXELS, else MAX_PIXELS.

    Raises BadPixelLimit.
    """
    text = os.environ.get("TELLSHOW_MAX_PIXELS", "").strip()
    if not text:
        return MAX_PIXELS
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise BadPixelLimit(
            f"$TELLSHOW_MAX_PIXELS is {text[:40]!r}, and must be a whole number of pixels, "
            f"such as {2 * MAX_PIXELS}, or not set."
        )
    return int(text)


def decode_photo(data: bytes) -> Photo:
    """Decode the bytes of a picture file. Raises UnreadablePhoto and BadPixelLimit only."""
    limit = max_pixels()
    with _refusing(data):
        return (_decode_raw(data, limit) if is_raw(data) else None) or _decode_file(data, limit)


def read_header(data: bytes) -> tuple[Image.Exif, bytes, bytes]:
    """EXIF, XMP packet and IPTC data of a picture file, as in Photo, without decoding it.

    Raises UnreadablePhoto and BadPixelLimit only.
    """
    limit = max_pixels()
    with _refusing(data):
        preview = read_preview(data) if is_raw(data) and can_read_raw() else None
        with _open(preview.data if preview else data, limit) as picture:
            exif, xmp, iptc = _read_exif(picture), _read_xmp(picture), _read_iptc(picture)
        return (preview.exif or exif) if preview else exif, xmp, iptc


@contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """Turn whatever decoders raise into UnreadablePhoto with its reason."""
    _prepare_pillow()
    check_size(len(data))
    try:
        yield
    except UnreadablePhoto:
        raise
    except UnsupportedTiff as error:
        raise UnreadablePhoto(str(error)) from error
    except NoPreview as error:
        raise UnreadablePhoto("The RAW file holds no preview that can be read.") from error
    except UnidentifiedImageError as error:
        raise UnreadablePhoto("The file is not a picture in a format we can read.") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePhoto("The picture has far too many pixels.") from error
    except MemoryError as error:
        raise UnreadablePhoto("The picture needs more memory than there is.") from error
    except Exception as error:  # decoders fail on hostile files in every way there is
        raise UnreadablePhoto(_DAMAGED) from error


def to_pixels(photo: Photo, size: int = 224) -> NDArray[np.uint8]:
    """The whole picture resized to a square, aspect not kept, antialiased: uint8 [3,size,size]."""
    image = photo.image
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)  # antialiased by Pillow
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def to_tensor(photo: Photo, size: int = 224) -> torch.Tensor:
    """What `to_pixels` gives, as a tensor: uint8 [3,size,size]."""
    import torch

    return torch.from_numpy(to_pixels(photo, size))


def _prepare_pillow() -> None:
    _set_up_pillow()
    # warnings.catch_warnings() acts on the whole process, so threads would undo each other's.
    silence = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    if list(warnings.filters[:1]) != [silence]:
        warnings.filterwarnings("ignore", module=r"PIL\.")


@functools.cache
def _set_up_pillow() -> None:
    pillow_heif.register_heif_opener(thumbnails=False)
    logging.getLogger("PIL").addHandler(logging.NullHandler())


def _check_pixels(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise UnreadablePhoto(
            f"The picture has {width * height / 1e6:.0f} megapixels, "
            f"more than the limit of {limit / 1e6:.0f}."
        )


@contextmanager
def _open(data: bytes, limit: int) -> Iterator[Image.Image]:
    """Open a picture, at the page or frame to show, whose pixels do not exceed the limit."""
    limit *= jpeg_file.times_cheaper(data)
    with jpeg_file.open_picture(data) or Image.open(io.BytesIO(data), formats=BY_PILLOW) as picture:
        _check_pixels(*picture.size, limit)
        if isinstance(picture, TiffImageFile):
            seek_largest_page(picture)
            _check_pixels(*picture.size, limit)
        elif picture.format in _ANIMATIONS:
            _seek_visible_frame(picture)
        yield picture


def _seek_visible_frame(picture: Image.Image) -> None:
    """Turn to the first frame that shows something, else to the one that shows most."""
    if not getattr(picture, "is_animated", False):
        return
    seen: list[float] = []
    with suppress(EOFError):
        for frame in range(MOST_FRAMES):
            picture.seek(frame)
            if not picture.has_transparency_data:
                return
            opacity = np.asarray(picture.convert("RGBA").getchannel("A"))
            seen.append(np.count_nonzero(opacity) / opacity.size)
            if seen[-1] >= VISIBLE:
                return
    picture.seek(seen.index(max(seen)))


def _is_cut_off(data: bytes) -> bool:
    """Whether a HEIF file ends before its last box does, which libheif does not notice."""
    start = 0
    while start + 16 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 1:  # the true size follows the box's name
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        if size < 8:  # 0 means "to the end of the file"
            return False
        start += size
    return start > len(data)


def _decode_raw(data: bytes, limit: int) -> Photo | None:
    """The preview of a RAW file as a photo; None where LibRaw does not know the file."""
    if not can_read_raw():
        raise UnreadablePhoto(MISSING_EXTRA)
    preview = read_preview(data)
    if preview is None:
        return None
    photo = _decode_file(preview.data, limit)
    image = photo.image
    if preview.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[preview.orientation])
    exif = preview.exif or photo.exif
    return Photo(image, preview.width, preview.height, "RAW", exif, photo.xmp, photo.iptc)


def _decode_file(data: bytes, limit: int) -> Photo:
    data = jpeg_file.with_end_marker(data)
    with _open(data, limit) as picture:
        if picture.format == "HEIF" and _is_cut_off(data):
            raise UnreadablePhoto(_DAMAGED)
        photo = _decode(picture, data)
    # Some formats learn their true size from the pixels.
    _check_pixels(photo.width, photo.height, limit * jpeg_file.times_cheaper(data))
    return photo


def _decode(picture: Image.Image, data: bytes) -> Photo:
    decoded = jpeg_file.decode_scaled(picture, data) or _decode_deep_tiff(picture, data)
    pixels, (width, height) = decoded or _decode_by_pillow(picture)
    exif = _read_exif(picture)
    orientation = _orientation(exif)
    image = to_rgb(pixels, picture.info.get("icc_profile"), SHORTER_SIDE)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if orientation in _SIDEWAYS:
        width, height = height, width
    xmp, iptc = _read_xmp(picture), _read_iptc(picture)
    return Photo(image, width, height, picture.format or "", exif, xmp, iptc)


def _decode_deep_tiff(
    picture: Image.Image, data: bytes
) -> tuple[Image.Image, tuple[int, int]] | None:
    """Decode a TIFF with planes of 16 bits; None for any other picture."""
    if not isinstance(picture, TiffImageFile) or not has_deep_planes(picture):
        return None
    return decode_deep_planes(picture, data), picture.size


def _decode_by_pillow(picture: Image.Image) -> tuple[Image.Image, tuple[int, int]]:
    size = picture.size
    drafted = picture.draft("", (SHORTER_SIDE, SHORTER_SIDE))
    picture.load()
    return picture, size if drafted else picture.size


def _read_exif(picture: Image.Image) -> Image.Exif:
    try:
        return picture.getexif()
    except Exception:  # broken EXIF must not lose the picture
        return Image.Exif()


def _read_xmp(picture: Image.Image) -> bytes:
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    return packet.encode("utf-8", "replace") if isinstance(packet, str) else bytes(packet)


def _read_iptc(picture: Image.Image) -> bytes:
    try:
        if isinstance(picture, TiffImageFile):
            # Photoshop says that they are numbers, of which Pillow would give the first.
            return bytes(picture.tag_v2._tagdata[_IPTC_IN_TIFF])
        return bytes(picture.info["photoshop"][_IPTC_IN_PHOTOSHOP])
    except Exception:  # it is hardly ever there, and, broken, must not lose the picture
        return b""


def _orientation(exif: Image.Exif) -> int:
    try:
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except (TypeError, ValueError):
        return 1
