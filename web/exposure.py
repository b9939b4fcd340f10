"""The lens and the exposure of a photo for its page, read from its file."""

from __future__ import annotations

from dataclasses import dataclass

from captioner.image_file import UnreadablePhoto
from catalog.views import PhotoView
from indexer.decode_pool import DecoderKilled, NoDecoder
from indexer.exposure import read_exposure
from web.images import ImageMissing, open_original
from web.upload import upload_decoders

# JPEGs have their EXIF at their beginning, in a segment of at most 64 KiB, and it is read without
# a decoder; the others' containers are read by libraries in C, so by a process of their own.
_BEGINNING = 1 << 18
_MOST_BYTES = 64 << 20
_BY_DECODER = frozenset({"HEIF", "AVIF", "TIFF", "RAW"})


@dataclass(frozen=True)
class Exposure:
    """What a photo was taken with, beside the camera; None for what its file does not say."""

    lens: str | None = None
    settings: str | None = None


def exposure_of(photo: PhotoView) -> Exposure:
    """Read from the original; nothing where that cannot be reached or read just now."""
    try:
        if photo.format == "JPEG":
            return Exposure(*read_exposure(_read(photo, _BEGINNING)))
        if photo.format in _BY_DECODER and photo.size <= _MOST_BYTES:
            return Exposure(*upload_decoders().decode(_read(photo, _MOST_BYTES), read_exposure))
    except (ImageMissing, UnreadablePhoto, DecoderKilled, NoDecoder, OSError):
        pass
    return Exposure()


def _read(photo: PhotoView, size: int) -> bytes:
    with open_original(photo) as file:
        return file.read(size)
