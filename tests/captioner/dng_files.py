"""A small but true DNG file: a preview, what a camera writes beside it, and a sensor's values."""

import io
import struct
from collections.abc import Sequence

from PIL import Image

Tags = dict[int, tuple[str, bytes | Sequence[int]]]
_KINDS = {
    "bytes": (1, "B"),
    "text": (2, ""),
    "short": (3, "H"),
    "long": (4, "I"),
    "ratio": (10, "i"),
}
_WIDTH, _HEIGHT = 640, 480
_SENSOR = struct.pack("<H", 1000) * (_WIDTH * _HEIGHT)


def make_dng(preview: Image.Image | None, orientation: int = 1, *, as_jpeg: bool = True) -> bytes:
    """A DNG of a sensor of 640 by 480, its preview a JPEG, or as pixels."""
    picture = b"" if preview is None else _stored(preview, as_jpeg)

    def layout(sub: int, at_picture: int, at_sensor: int) -> tuple[bytes, bytes]:
        main = _camera(orientation, sub)
        if preview is not None:
            main |= _preview(preview.size, as_jpeg, at_picture, len(picture))
        first = directory(main, 8)
        return first, directory(_sensor(at_sensor), 8 + len(first))

    sizes = [len(part) for part in layout(0, 0, 0)]
    sub = 8 + sizes[0]
    at_picture = sub + sizes[1]
    first, second = layout(sub, at_picture, at_picture + len(picture))
    return b"II*\0" + struct.pack("<I", 8) + first + second + picture + _SENSOR


def _stored(preview: Image.Image, as_jpeg: bool) -> bytes:
    file = io.BytesIO()
    preview.save(file, "JPEG", quality=95)
    data = file.getvalue() if as_jpeg else preview.tobytes()
    return data + bytes(len(data) % 2)


def _camera(orientation: int, sub: int) -> Tags:
    return {
        254: ("long", [1]),
        271: ("text", b"Maker"),
        272: ("text", b"Maker One"),
        274: ("short", [orientation]),
        306: ("text", b"2021:07:14 15:30:00"),
        330: ("long", [sub]),
        50706: ("bytes", [1, 4, 0, 0]),
        50708: ("text", b"Maker One"),
        50721: ("ratio", [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),
    }


def _preview(size: tuple[int, int], as_jpeg: bool, start: int, length: int) -> Tags:
    return {
        256: ("long", [size[0]]),
        257: ("long", [size[1]]),
        258: ("short", [8, 8, 8]),
        259: ("short", [7 if as_jpeg else 1]),
        262: ("short", [6 if as_jpeg else 2]),
        273: ("long", [start]),
        277: ("short", [3]),
        278: ("long", [size[1]]),
        279: ("long", [length]),
    }


def _sensor(start: int) -> Tags:
    return {
        254: ("long", [0]),
        256: ("long", [_WIDTH]),
        257: ("long", [_HEIGHT]),
        258: ("short", [16]),
        259: ("short", [1]),
        262: ("short", [32803]),
        273: ("long", [start]),
        277: ("short", [1]),
        278: ("long", [_HEIGHT]),
        279: ("long", [len(_SENSOR)]),
        33421: ("short", [2, 2]),
        33422: ("bytes", [0, 1, 1, 2]),
    }


def directory(tags: Tags, start: int, following: int = 0) -> bytes:
    """One IFD of a TIFF file that stands at `start`, what does not fit into its entries behind.

    `following`: where the next one of the file stands, 0 for none.
    """
    head, tail = struct.pack("<H", len(tags)), b""
    after = start + 2 + 12 * len(tags) + 4
    for tag, (name, values) in sorted(tags.items()):
        kind, form = _KINDS[name]
        raw = (
            values + b"\0"
            if isinstance(values, bytes)
            else struct.pack(f"<{len(values)}{form}", *values)
        )
        count = len(values) // 2 if name == "ratio" else len(raw) if name == "text" else len(values)
        head += struct.pack("<HHI", tag, kind, count)
        if len(raw) <= 4:
            head += raw.ljust(4, b"\0")
        else:
            head += struct.pack("<I", after + len(tail))
            tail += raw + bytes(len(raw) % 2)
    return head + struct.pack("<I", following) + tail
