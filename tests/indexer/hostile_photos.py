"""Files that do to a decoder what no file should, and the work that lets them.

Real decoders crash on nothing that we know of, so a crash is made by a real signal; the picture
that takes for ever is real.
"""

import ctypes
import io
import time

from PIL import Image

from captioner.image_file import UnreadablePhoto
from captioner.raw import MISSING_EXTRA
from indexer.decode_messages import Decoded
from indexer.decode_worker import decode

CRASH = b"crash"
HANG = b"hang"


def decode_or_suffer(data: bytes, side: int = 224) -> Decoded:
    """Decode like the product, but for two files."""
    if data == CRASH:
        ctypes.string_at(0)  # a segmentation fault
    if data == HANG:
        time.sleep(3600)
    return decode(data, side)


def lack_the_extra(data: bytes, side: int) -> Decoded:
    """What decoding a RAW file comes to where the extra is not installed."""
    raise UnreadablePhoto(MISSING_EXTRA)


def endless_jpeg(side: int = 8000, scans: int = 5000) -> bytes:
    """A progressive JPEG of a megabyte that repeats a scan, over all pixels, thousands of times."""
    file = io.BytesIO()
    Image.new("L", (side, side), 128).save(file, "JPEG", progressive=True)
    start_of_scan = b"\xff\xda"
    head, *parts = file.getvalue().split(start_of_scan)
    last = parts[-1].removesuffix(b"\xff\xd9")
    repeated = [head, *parts[:-1], *[last] * scans]
    return start_of_scan.join(repeated) + b"\xff\xd9"
