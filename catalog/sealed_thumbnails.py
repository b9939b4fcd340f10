"""Thumbnails that carry a checksum of themselves, in a comment segment of the JPEG.

A flipped bit in a JPEG's scan decodes as well as before, to another picture; the checksum tells.
The segment (marker COM, ITU-T T.81, B.2.4.5) comes right after the start of the image, and covers
all bytes but its own, and the content hash of the photo, which is the name of the file: another
photo's thumbnail in its place is found out. Thumbnails of former releases have one without the
hash, or none: these have to decode, that is all.
"""

from __future__ import annotations

import os
import stat
import warnings
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

_START = b"\xff\xd8"
_NAME = b"tellshow "
_SIZE = 16  # bytes of a checksum
_COMMENT = b"\xff\xfe" + (2 + len(_NAME) + _SIZE).to_bytes(2, "big") + _NAME
_MOST_PIXELS = 2**20
MOST_BYTES = 2**22  # ten times what the largest takes


def seal(jpeg: bytes, content_hash: str) -> bytes:
    """The same picture, with a checksum of `jpeg` and of the hash of the photo's bytes in it."""
    rest = jpeg[len(_START) :]
    return _START + _COMMENT + _checksum(content_hash.encode() + _START + rest) + rest


def is_whole(path: Path) -> bool:
    """Whether a file is the thumbnail that its name says, as it was written.

    One without a checksum has to decode. A file that cannot be read is none.
    """
    content = read_thumbnail(path)
    return content is not None and is_whole_content(content, path.stem)


def is_whole_content(content: bytes, content_hash: str) -> bool:
    """Whether bytes are the thumbnail of the photo with this hash, as it was written."""
    if not is_sealed(content, content_hash):
        return False
    return content.startswith(_START + _COMMENT) or _decodes(content)


def read_thumbnail(path: Path) -> bytes | None:
    """A thumbnail; None where it cannot be read, or is not as its checksum says.

    One of a former release, without a checksum, is taken as it is, unless it is no JPEG at all.
    """
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            content = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return content if is_sealed(content, path.stem) else None


def is_sealed(content: bytes, content_hash: str) -> bool:
    """Whether bytes are a thumbnail as its checksum says, of the photo with this hash.

    One of a former release, without a checksum, is taken as it is, unless it is no JPEG at all.
    """
    begin = _START + _COMMENT
    if not content.startswith(begin):
        return content.startswith(_START)
    end = len(begin) + _SIZE
    rest = _START + content[end:]
    known = (_checksum(os.fsencode(content_hash) + rest), _checksum(rest))
    return content[len(begin) : end] in known


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=_SIZE).digest()


def _decodes(content: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from PIL import Image  # where a thumbnail is looked into alone: a search reads none

            with Image.open(BytesIO(content), formats=["JPEG"]) as image:
                if image.width * image.height > _MOST_PIXELS:
                    return False
                image.load()
    except Exception:  # whatever damage makes the decoder raise
        return False
    return True
