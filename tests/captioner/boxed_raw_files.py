"""Small RAW files whose makers left TIFF: Fujifilm's RAF, and Canon's CR3, which is made of boxes.

Like the real ones as far as LibRaw looks for a preview's sake; nothing could be developed.
"""

import io
import struct

from PIL import ExifTags, Image

from tests.captioner.dng_files import directory

_WIDTH, _HEIGHT = 640, 480
_SENSOR = struct.pack("<H", 1000) * (_WIDTH * _HEIGHT)
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")


def make_raf(preview: Image.Image, orientation: int) -> bytes:
    """As Fujifilm's RAF: where the parts are, a JPEG with EXIF of its own, and the sensor."""
    picture = _jpeg_with_exif(preview, orientation)
    size = struct.pack(">HH", _HEIGHT, _WIDTH)
    tags = [(0x100, size), (0x110, bytes(4)), (0x111, size), (0x121, size), (0x130, b"\0\x08\0\0")]
    sensor_tags = struct.pack(">I", len(tags))
    sensor_tags += b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tags)
    head = b"FUJIFILMCCD-RAW 0201FF159502" + b"X-T3".ljust(32, b"\0") + b"0100" + bytes(20)
    start = 148
    for part in (picture, sensor_tags, _SENSOR):
        head += struct.pack(">II", start, len(part))
        start += len(part)
    return head.ljust(148, b"\0") + picture + sensor_tags + _SENSOR


def make_cr3(preview: Image.Image, orientation: int, *, whole: bool = True) -> bytes:
    """As Canon's CR3: a thumbnail, a preview and, where `whole`, a larger JPEG as its own track."""
    small, half = preview.copy(), preview.reduce(2)
    small.thumbnail((160, 120))
    pictures = [_jpeg(preview)] if whole else []

    def layout(places: list[int]) -> bytes:
        sizes = [len(part) for part in [*pictures, _SENSOR]]
        kinds = [_box(b"JPEG", bytes(4))] * len(pictures) + [_box(b"CMP1", _compression())]
        tracks = [_track(*each) for each in zip(kinds, places, sizes, strict=True)]
        own = _box(b"uuid", _CANON, _camera(orientation), _thumbnail(small))
        shown = _box(b"uuid", _PREVIEW, bytes(4), b"\0\0\0\1", _preview(half))
        begin = _box(b"ftyp", b"crx ", b"\0\0\0\1", b"crx isom")
        return begin + _box(b"moov", own, *tracks) + shown

    place = len(layout([0] * (len(pictures) + 1))) + 8
    places = []
    for part in [*pictures, _SENSOR]:
        places.append(place)
        place += len(part)
    return layout(places) + _box(b"mdat", *pictures, _SENSOR)


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def _camera(orientation: int) -> bytes:
    tags = directory(
        {
            256: ("long", [_WIDTH]),
            257: ("long", [_HEIGHT]),
            271: ("text", b"Canon"),
            272: ("text", b"Canon EOS R5"),
            274: ("short", [orientation]),
            306: ("text", b"2021:07:14 15:30:00"),
        },
        8,
    )
    return _box(b"CMT1", b"II*\0", struct.pack("<I", 8), tags)


def _thumbnail(picture: Image.Image) -> bytes:
    data = _jpeg(picture)
    return _box(b"THMB", bytes(4), struct.pack(">HHIHH", *picture.size, len(data), 1, 0), data)


def _preview(picture: Image.Image) -> bytes:
    data = _jpeg(picture)
    return _box(b"PRVW", bytes(4), struct.pack(">HHHHI", 1, *picture.size, 1, len(data)), data)


def _track(kind: bytes, place: int, length: int) -> bytes:
    entry = _box(b"CRAW", bytes(24), struct.pack(">HH", _WIDTH, _HEIGHT), bytes(54), kind)
    table = _box(
        b"stbl",
        _box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
        _box(b"stsz", bytes(4), struct.pack(">II", length, 1)),
        _box(b"co64", bytes(4), struct.pack(">IQ", 1, place)),
    )
    handler = _box(b"hdlr", bytes(8), b"vide", bytes(12))
    return _box(b"trak", _box(b"mdia", handler, _box(b"minf", table)))


def _compression() -> bytes:
    """That the sensor's values are four planes of 14 bits, in one tile."""
    size = struct.pack(">IIII", _WIDTH, _HEIGHT, _WIDTH, _HEIGHT)
    kind = bytes([14, 4 << 4, 0, 0]) + struct.pack(">I", 216)
    return b"\xff\xff\0\x30\1\0\0\0" + size + kind + bytes(20)


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def _jpeg_with_exif(image: Image.Image, orientation: int) -> bytes:
    """With EXIF at its very beginning, as cameras write it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "FUJIFILM", "X-T3"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.DateTime] = "2021:07:14 15:30:00"
    data, block = _jpeg(image), exif.tobytes()
    (jfif,) = struct.unpack(">H", data[4:6])
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + data[4 + jfif :]
