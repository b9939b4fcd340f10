"""The exposure of a photo for its page, read from its file."""

from __future__ import annotations

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


def exposure_of(photo: PhotoView) -> str | None:
    """Read from the original; None where that says none, or cannot be reached or read just now."""
    try:
        if photo.format == "JPEG":
            return read_exposure(_read(photo, _BEGINNING))
        if photo.format in _BY_DECODER and photo.size <= _MOST_BYTES:
            told: str | None = upload_decoders().decode(_read(photo, _MOST_BYTES), read_exposure)
            return told
    except (ImageMissing, UnreadablePhoto, DecoderKilled, NoDecoder, OSError):
        pass
    return None


def _read(photo: PhotoView, size: int) -> bytes:
    with open_original(photo) as file:
        return file.read(size)
