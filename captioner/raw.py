"""RAW files of cameras: the embedded preview, extracted by LibRaw.

The sensor's own values are never developed. rawpy is an extra; a RAW file is recognised without
it.
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass

from PIL import ExifTags, Image

MISSING_EXTRA = "RAW files need an extra: pip install 'tellshow[raw]'."

# Fujifilm, Canon's CR3, Olympus, Panasonic; Canon's CR2 and all others say that they are TIFF.
_SIGNATURES = (
    (0, b"FUJIFILMCCD-RAW"),
    (4, b"ftypcrx "),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (8, b"CR\x02"),
)
_TIFF = (b"II*\0", b"MM\0*")
_DNG_VERSION = 50706
_REDUCED = 1  # the first picture of the file is a smaller version of another
_RAW_COMPRESSIONS = (32767, 32769, 32770, 34713, 65535)  # Sony, Samsung, Nikon, Pentax

_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's way to say it -> EXIF's


@dataclass(frozen=True)
class Preview:
    """The embedded preview of a RAW file: `data` is a picture file (JPEG or PPM).

    `orientation` is the EXIF number to apply, 1 where the preview has a tag of its own. `width` and
    `height` are the upright photo's, in pixels. `exif` is the RAW file's, empty where only the
    preview has some.
    """

    data: bytes
    orientation: int
    width: int
    height: int
    exif: Image.Exif


class NoPreview(ValueError):
    """A RAW file holds no preview, or one that LibRaw cannot extract."""


def can_read_raw() -> bool:
    """Whether rawpy, the extra `raw`, is installed."""
    return importlib.util.find_spec("rawpy") is not None


def is_raw(data: bytes) -> bool:
    """Whether a file begins or is tagged like RAW; some TIFF files are tagged so, too."""
    if any(data.startswith(name, place) for place, name in _SIGNATURES):
        return True
    tags = _tags(data)
    return (
        _DNG_VERSION in tags
        or tags.get(ExifTags.Base.Compression) in _RAW_COMPRESSIONS
        or (tags.get(ExifTags.Base.NewSubfileType) == _REDUCED and ExifTags.Base.Make in tags)
    )


def read_preview(data: bytes) -> Preview | None:
    """Extract the preview of a RAW file; None where LibRaw does not know the file.

    Raises NoPreview, ImportError without the extra, and rawpy.LibRawError for a damaged file.
    """
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            preview, sizes = raw.extract_thumb(), raw.sizes
    except rawpy.LibRawFileUnsupportedError:
        return None
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise NoPreview from error
    orientation = _ORIENTATIONS.get(sizes.flip, 1)
    width, height = sizes.width, sizes.height
    if orientation in (6, 8):
        width, height = height, width
    if isinstance(preview.data, bytes):
        picture = preview.data
        orientation = 1 if _says_orientation(picture) else orientation
    else:
        picture = _as_file(Image.fromarray(preview.data))
    return Preview(picture, orientation, width, height, _tags(data))


def _says_orientation(picture: bytes) -> bool:
    with Image.open(io.BytesIO(picture), formats=("JPEG",)) as opened:
        return ExifTags.Base.Orientation in opened.getexif()


def _as_file(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PPM")
    return file.getvalue()


def _tags(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    if data.startswith(_TIFF):
        try:
            exif.load(data)
        except Exception:  # Pillow fails on damaged tags in every way there is
            return Image.Exif()
    return exif
