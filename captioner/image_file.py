"""Picture files: bytes -> upright RGB photo -> tensor for the encoder.

Every decoder the product uses is called from here, behind limits on bytes and pixels, so that no
file can do worse than being refused with a reason. torch is imported only where a tensor is made,
so that a process that only decodes starts quickly.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pillow_heif
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from captioner.raw import MISSING_EXTRA, NoPreview, can_read_raw, is_raw, read_preview

if TYPE_CHECKING:
    import torch

MAX_BYTES = 200_000_000
MAX_PIXELS = 100_000_000
SHORTER_SIDE = 512  # decoding at a reduced scale stops above this

# Only formats that hold photos (MPO comes as JPEG): some others start foreign programs (EPS).
_BY_PILLOW = ("JPEG", "PNG", "HEIF", "AVIF", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")
FORMATS = (*_BY_PILLOW, "RAW")

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

# The colour space that a profile names in its header -> Pillow's mode for such pixels.
_PROFILED = {b"RGB ": "RGB", b"CMYK": "CMYK", b"GRAY": "L"}

_DAMAGED = "The picture is damaged: it cannot be decoded completely."


class UnreadablePhoto(ValueError):
    """A file that cannot be decoded, or exceeds a limit; str() is the reason, one sentence."""


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright and RGB, and the EXIF of its file.

    `image` may be smaller than the original, but its shorter side is never below 512 pixels where
    the original's is not. `width` and `height` are the upright original's, in pixels. `format` is
    one of FORMATS.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    exif: Image.Exif


def check_size(size: int) -> None:
    """Raise UnreadablePhoto where a file of so many bytes is empty or exceeds the limit."""
    if size == 0:
        raise UnreadablePhoto("The file is empty.")
    if size > MAX_BYTES:
        raise UnreadablePhoto(
            f"The file has {size / 1e6:.0f} MB, more than the limit of {MAX_BYTES / 1e6:.0f} MB."
        )


def decode_photo(data: bytes) -> Photo:
    """Decode the bytes of a picture file. Raises UnreadablePhoto, and nothing else."""
    _prepare_pillow()
    check_size(len(data))
    try:
        return (_decode_raw(data) if is_raw(data) else None) or _decode_file(data)
    except UnreadablePhoto:
        raise
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


def to_tensor(photo: Photo, size: int = 224) -> torch.Tensor:
    """The whole picture resized to a square, aspect not kept, antialiased: uint8 [3,size,size]."""
    return squeeze(np.array(photo.image), size)


def squeeze(picture: NDArray[np.uint8], size: int = 224) -> torch.Tensor:
    """An upright RGB picture uint8 [H,W,3], resized to a square likewise: uint8 [3,size,size]."""
    import torch
    from torch.nn.functional import interpolate

    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None]  # [1,3,H,W], channels last in memory
    if pixels.shape[2:] != (size, size):
        pixels = interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    # By NumPy: torch would wake a team of threads for so little, in each thread that decodes.
    return torch.from_numpy(np.ascontiguousarray(pixels[0].numpy()))


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


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadablePhoto(
            f"The picture has {width * height / 1e6:.0f} megapixels, "
            f"more than the limit of {MAX_PIXELS / 1e6:.0f}."
        )


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


def _decode_raw(data: bytes) -> Photo | None:
    """The preview of a RAW file as a photo; None where LibRaw does not know the file."""
    if not can_read_raw():
        raise UnreadablePhoto(MISSING_EXTRA)
    preview = read_preview(data)
    if preview is None:
        return None
    photo = _decode_file(preview.data)
    image = photo.image
    if preview.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[preview.orientation])
    return Photo(image, preview.width, preview.height, "RAW", preview.exif or photo.exif)


def _decode_file(data: bytes) -> Photo:
    with Image.open(io.BytesIO(data), formats=_BY_PILLOW) as picture:
        _check_pixels(*picture.size)
        if picture.format == "HEIF" and _is_cut_off(data):
            raise UnreadablePhoto(_DAMAGED)
        return _decode(picture, data)


def _decode(picture: Image.Image, data: bytes) -> Photo:
    pixels, (width, height) = _decode_jpeg(picture, data) or _decode_by_pillow(picture)
    _check_pixels(width, height)  # some formats learn their true size from the pixels
    exif = _read_exif(picture)
    orientation = _orientation(exif)
    image = _to_rgb(pixels, picture.info.get("icc_profile"))
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Photo(image, width, height, picture.format or "", exif)


def _decode_jpeg(picture: Image.Image, data: bytes) -> tuple[Image.Image, tuple[int, int]] | None:
    """Decode an undamaged JPEG in grey or YCbCr by simplejpeg, scaled; None for any other."""
    if picture.format not in ("JPEG", "MPO") or picture.mode not in ("RGB", "L"):
        return None
    try:
        pixels = simplejpeg.decode_jpeg(
            data, min_height=SHORTER_SIDE, min_width=SHORTER_SIDE, strict=True
        )
    except ValueError:
        return None
    return Image.fromarray(pixels), picture.size


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


def _orientation(exif: Image.Exif) -> int:
    try:
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except (TypeError, ValueError):
        return 1


def _to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    image = _reduce(_to_eight_bits(image))
    if image.has_transparency_data:
        image = _on_white(image)
    mode = _PROFILED.get(profile[16:20]) if profile else None
    if profile and mode is not None and (mode == image.mode or mode == "L"):
        # Grey may have been decoded as RGB, which a profile for grey does not take.
        transform = _to_srgb(profile, mode)
        if transform is not None:
            return transform.apply(image.convert(mode))
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert palettes, and grey of 16 bits, 32 bits or floats, to a mode of 8 bits a channel."""
    if image.mode in ("P", "PA", "1"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode[0] not in "IF":
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float32)).clip(min=0)
    scale = 255 / _full_white(image.mode, float(values.max(initial=0)))
    return Image.fromarray((values * scale).astype(np.uint8))


def _full_white(mode: str, peak: float) -> float:
    """The value of white in a mode that does not define it, guessed from its brightest pixel."""
    scales: tuple[float, ...] = (65535.0,) if mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    if mode == "I":
        scales = scales[1:]
    return next((white for white in scales if peak <= white), peak)


def _reduce(image: Image.Image) -> Image.Image:
    factor = min(image.size) // SHORTER_SIDE
    return image.reduce(factor) if factor > 1 else image


def _on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


@functools.lru_cache(maxsize=16)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from an embedded colour profile; None where it is sRGB or unusable."""
    if b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile:
        return None
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # a broken profile must not lose the picture either
        return None
