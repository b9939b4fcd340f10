"""TIFF files that Pillow does not decode rightly: the right page, and planes of 16 bits."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COMPRESSION,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PREDICTOR,
    SAMPLEFORMAT,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TiffImageFile,
)

MOST_PAGES = 100

_MIN_IS_WHITE = 0
_RGB = 2
_PLANAR = 2
_UNCOMPRESSED = 1
_DEFLATE = (8, 32946)
_HORIZONTAL = 2
_UNSIGNED = 1


class UnsupportedTiff(ValueError):
    """A TIFF that no decoder here decodes rightly; str() is one sentence."""


def seek_largest_page(picture: TiffImageFile) -> None:
    """Turn to the page with the most pixels, of many the first; thumbnails may stand before."""
    sizes = {}
    for page in range(min(picture.n_frames, MOST_PAGES)):
        picture.seek(page)
        sizes[page] = picture.width * picture.height
    picture.seek(max(sizes, key=lambda page: (sizes[page], -page)))


def is_white_zero(picture: Image.Image) -> bool:
    """Whether a page means white by 0 (WhiteIsZero), which Pillow heeds up to 8 bits only."""
    if not isinstance(picture, TiffImageFile):
        return False
    photometric = picture.tag_v2.get(PHOTOMETRIC_INTERPRETATION)
    return photometric == _MIN_IS_WHITE and picture.mode[0] in "IF"


def has_deep_planes(picture: Image.Image) -> bool:
    """Whether a page keeps each colour apart, in more than 8 bits; Pillow takes them for 8."""
    if not isinstance(picture, TiffImageFile):
        return False
    bits = picture.tag_v2.get(BITSPERSAMPLE, (1,))
    planar = picture.tag_v2.get(PLANAR_CONFIGURATION) == _PLANAR
    return planar and len(bits) > 1 and max(bits) > 8


def decode_deep_planes(picture: TiffImageFile, data: bytes) -> Image.Image:
    """Decode a page that keeps red, green and blue apart in 16 bits; `data` is the whole file.

    Raises UnsupportedTiff, and ValueError or zlib.error for damage.
    """
    tags = picture.tag_v2
    width, height, bits = picture.width, picture.height, tags[BITSPERSAMPLE]
    compression = tags.get(COMPRESSION, _UNCOMPRESSED)
    unsigned = set(tags.get(SAMPLEFORMAT, (_UNSIGNED,))) == {_UNSIGNED}
    if (
        set(bits) != {16}
        or not unsigned
        or STRIPOFFSETS not in tags
        or tags.get(PHOTOMETRIC_INTERPRETATION) != _RGB
        or compression not in (_UNCOMPRESSED, *_DEFLATE)
    ):
        raise UnsupportedTiff(
            "The TIFF keeps its colours in separate planes of more than 8 bits, in a way that "
            "cannot be decoded; save it with its colours interleaved."
        )
    size = 2 * width * height * len(bits)
    order = "<u2" if data.startswith(b"II") else ">u2"
    values = np.frombuffer(_strips(picture, data, size), order)
    planes = values.reshape(len(bits), height, width)[:3].astype(np.uint16)
    if tags.get(PREDICTOR) == _HORIZONTAL:
        planes = np.cumsum(planes, axis=2, dtype=np.uint16)
    return Image.fromarray(_eight_bits(planes))


def _strips(picture: TiffImageFile, data: bytes, size: int) -> bytes:
    """The strips' bytes, one behind the other; no more than `size`."""
    whole = bytearray()
    tags = picture.tag_v2
    for offset, count in zip(tags[STRIPOFFSETS], tags[STRIPBYTECOUNTS], strict=True):
        strip = data[offset : offset + count]
        if tags.get(COMPRESSION) in _DEFLATE:
            strip = zlib.decompressobj().decompress(strip, max(1, size - len(whole)))
        whole += strip
    return bytes(whole[:size])


def _eight_bits(planes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """[3,H,W] of 16 bits -> [H,W,3] of 8."""
    return np.ascontiguousarray((planes >> 8).astype(np.uint8).transpose(1, 2, 0))
