"""Pixels of any mode and colour profile -> sRGB of 8 bits."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

from captioner.tiff_file import is_white_zero

# The colour space that a profile names in its header -> Pillow's mode for such pixels.
_PROFILED = {b"RGB ": "RGB", b"CMYK": "CMYK", b"GRAY": "L"}


def to_rgb(image: Image.Image, profile: bytes | None, shorter_side: int) -> Image.Image:
    """Convert a picture to sRGB of 8 bits by its ICC profile, and reduce it, but not below a size.

    Transparency is laid on white. A profile that is broken or of other colours is left out.
    """
    image = _reduce(_to_eight_bits(image), shorter_side)
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
    if is_white_zero(image):
        white = 65535.0 if image.mode.startswith("I;16") else float(values.max(initial=1))
        values = white - values
    else:
        white = _full_white(image.mode, float(values.max(initial=0)))
    return Image.fromarray((values * (255 / white)).astype(np.uint8))


def _full_white(mode: str, peak: float) -> float:
    """The value of white in a mode that does not define it, guessed from its brightest pixel."""
    scales: tuple[float, ...] = (1.0, 255.0, 65535.0)
    if mode == "I":
        scales = scales[1:]
    elif mode.startswith("I;16"):
        # 10 and 12 bits are commonly kept in 16, as they came from the sensor.
        scales = (1023.0, 4095.0, 65535.0)
    return next((white for white in scales if peak <= white), peak)


def _reduce(image: Image.Image, shorter_side: int) -> Image.Image:
    factor = min(image.size) // shorter_side
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
