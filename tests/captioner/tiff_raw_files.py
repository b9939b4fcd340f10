"""Small RAW files laid out as cameras lay out theirs: TIFF with previews as JPEG and a sensor.

Like the real ones as far as LibRaw looks for a preview's sake; nothing could be developed.
"""

import io
import struct

from PIL import Image

from tests.captioner.dng_files import Tags, directory

_WIDTH, _HEIGHT = 640, 480


def make_nef(preview: Image.Image, make: bytes, model: bytes, orientation: int) -> bytes:
    """As Nikon's NEF, Sony's ARW and others: preview and sensor in directories of their own."""
    picture, sensor = _jpeg(preview), struct.pack("<H", 1000) * (_WIDTH * _HEIGHT)

    def layout(subs: list[int], at_picture: int, at_sensor: int) -> list[bytes]:
        camera = {**_camera(make, model, orientation), 254: ("long", [1]), 330: ("long", subs)}
        first = directory(camera, 8)
        small = {254: ("long", [1]), 259: ("short", [6]), **_found_at(at_picture, picture)}
        second = directory(small, 8 + len(first))
        after = 8 + len(first) + len(second)
        return [first, second, directory(_sensor(at_sensor, len(sensor)), after)]

    sizes = [len(part) for part in layout([0, 0], 0, 0)]
    subs = [8 + sizes[0], 8 + sizes[0] + sizes[1]]
    at_picture = 8 + sum(sizes)
    parts = layout(subs, at_picture, at_picture + len(picture))
    return b"II*\0" + struct.pack("<I", 8) + b"".join([*parts, picture, sensor])


def make_cr2(preview: Image.Image, orientation: int) -> bytes:
    """As Canon's CR2: a chain of directories; the sensor's values as lossless JPEG."""
    small = preview.copy()
    small.thumbnail((160, 120))
    pictures = [_jpeg(preview), _jpeg(small), _lossless_jpeg()]

    def layout(places: list[int], starts: list[int]) -> list[bytes]:
        first, second, third = places
        tags: list[Tags] = [
            {**_camera(b"Canon", b"Canon EOS 40D", orientation), **_strip(first, pictures[0])},
            _found_at(second, pictures[1]),
            {**_strip(third, pictures[2]), 50752: ("short", [1, _WIDTH // 2, _WIDTH // 2])},
        ]
        following = [*starts[1:], 0]
        return [directory(*each) for each in zip(tags, starts, following, strict=True)]

    starts = _starts(16, layout([0, 0, 0], [0, 0, 0]))
    places = _starts(starts[3], pictures)
    head = b"II*\0" + struct.pack("<I4sI", 16, b"CR\x02\0", starts[2])
    return head + b"".join([*layout(places[:3], starts[:3]), *pictures])


def _starts(first: int, parts: list[bytes]) -> list[int]:
    """Where each part begins, and where the last one ends."""
    starts = [first]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return starts


def _camera(make: bytes, model: bytes, orientation: int) -> Tags:
    return {
        271: ("text", make),
        272: ("text", model),
        274: ("short", [orientation]),
        306: ("text", b"2021:07:14 15:30:00"),
    }


def _found_at(start: int, picture: bytes) -> Tags:
    return {513: ("long", [start]), 514: ("long", [len(picture)])}


def _strip(start: int, picture: bytes) -> Tags:
    return {259: ("short", [6]), 273: ("long", [start]), 279: ("long", [len(picture)])}


def _sensor(start: int, length: int) -> Tags:
    return {
        254: ("long", [0]),
        256: ("long", [_WIDTH]),
        257: ("long", [_HEIGHT]),
        258: ("short", [16]),
        259: ("short", [34713]),
        262: ("short", [32803]),
        273: ("long", [start]),
        277: ("short", [1]),
        278: ("long", [_HEIGHT]),
        279: ("long", [length]),
    }


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue() + bytes(len(file.getvalue()) % 2)


def _lossless_jpeg() -> bytes:
    """The head of one, which tells the sensor's size: two components, each half as wide."""
    table = b"\xff\xc4" + struct.pack(">HB16sB", 20, 0, b"\1", 0)
    components = bytes([1, 0x11, 0, 2, 0x11, 0])
    frame = b"\xff\xc3" + struct.pack(">HBHHB", 14, 14, _HEIGHT, _WIDTH // 2, 2) + components
    scan = b"\xff\xda" + struct.pack(">HB", 10, 2) + bytes([1, 0, 2, 0, 1, 0, 0])
    return b"\xff\xd8" + table + frame + scan + bytes(2000) + b"\xff\xd9"
