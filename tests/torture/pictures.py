"""Hostile pictures among good ones, by folder and by upload: each costs itself and no more."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from catalog.paths import show_path
from tests.indexer.hostile_photos import endless_jpeg
from tests.torture.answers import TOLERANCE
from tests.torture.server import serving
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

GREY = Image.new("RGB", (64, 64), "grey")
WIDE = (2**31 - 1, -(2**31))
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


def run(setting: Setting) -> Iterator[Row]:
    """Index them, then send each to a server."""
    by_folder, by_upload = Row("hostile pictures in a folder"), Row("hostile pictures by upload")
    made = _pictures(setting)
    with timed(by_folder):
        _index(setting, made, by_folder)
    yield by_folder
    with timed(by_upload), setting.copied_home() as home:
        with serving(home) as served:
            for name, content in made.items():
                try:
                    status, body = served.ask("api/v1/search", content, "image/jpeg")
                except OSError as error:
                    by_upload.add(Outcome.WRONG, f"{name!r}: {error}")
                    continue
                if status not in (200, 400, 413, 415, 422, 429):
                    by_upload.add(Outcome.WRONG, f"{name!r}: {status} {body[:300]!r}")
                else:
                    by_upload.add(Outcome.RIGHT if status == 200 else Outcome.NAMED)
            if not served.is_up():
                by_upload.add(Outcome.LOST, "the server answers no more")
        if served.ended and "Traceback" in served.ended.output:
            by_upload.add(Outcome.WRONG, served.ended.output)
    yield by_upload


def _index(setting: Setting, made: dict[str, bytes], row: Row) -> None:
    """Good photos among them are described as ever, and every other file is accounted for."""
    folder = setting.folder / "hostile"
    shutil.copytree(setting.album, folder)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    special = _add_what_is_no_file(folder)
    home = setting.folder / "hostile-home"
    ended = setting.run("index", folder, "--json", "--batch-size", "1", home=home)
    if ended.result != 0:
        row.add(Outcome.WRONG, ended.output)
        return
    report = json.loads(next(each for each in ended.output.splitlines() if each[:1] == "{"))
    skipped = {os.path.basename(each["path"]): each["reason"] for each in report["skipped"]}
    photos = setting.look(home).answers["photos"]
    shown = {os.path.basename(path) for path in photos}
    for name in made:
        if name in shown:
            row.add(Outcome.RIGHT)
        else:
            is_named = bool(skipped.get(show_path(os.fsencode(name))))
            row.add(Outcome.NAMED if is_named else Outcome.WRONG, f"{name!r} is gone")
    for name in special:
        row.judge(name not in shown, f"{name} was indexed")
    for path, sound in setting.sound.answers["photos"].items():
        other = photos.get(str(folder / Path(path).relative_to(setting.album)))
        row.judge(other is not None and _same(sound, other), path, Outcome.LOST)


def _same(sound: dict[str, Any], other: dict[str, Any]) -> bool:
    pairs = zip(sound["captions"], other["captions"], strict=False)
    return sound["content_hash"] == other["content_hash"] and all(
        one[0] == two[0] and abs(one[1] - two[1]) <= 50 * TOLERANCE for one, two in pairs
    )


def _add_what_is_no_file(folder: Path) -> list[str]:
    """Pipes, links that lead in circles or to what never ends, and folders."""
    os.mkfifo(folder / "pipe.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    (folder / "secret.jpg").symlink_to("/etc/passwd")
    (folder / "circle.jpg").symlink_to(folder / "circle.jpg")
    (folder / "round").symlink_to(folder)
    (folder / "folder.jpg").mkdir()
    return ["pipe.jpg", "zero.jpg", "secret.jpg", "circle.jpg", "folder.jpg"]


def _pictures(setting: Setting) -> dict[str, bytes]:
    """Made ones, and real ones with bytes changed, cut off, or mixed with others'."""
    made = {name: make() for name, make in MADE.items()}
    real = _real(setting.album / "cat.png")
    for number in range(setting.times(120)):
        dice = setting.dice("picture", number)
        kind = FORMATS[number % len(FORMATS)]
        made[f"mutated-{number}.{kind.lower()}"] = _mutated(real[kind], dice)
    return made


def _real(photo: Path) -> dict[str, bytes]:
    found = {}
    with Image.open(photo) as image:
        for kind in FORMATS:
            file = io.BytesIO()
            image.convert("RGB").save(file, kind)
            found[kind] = file.getvalue()
    return found


def _mutated(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.choice((1, 5, 50, 500))):
        # Headers are what decoders trust.
        place = dice.randrange(min(len(changed), dice.choice((64, 700, len(changed)))))
        changed[place] = dice.choice((0, 255, dice.randrange(256)))
    if dice.random() < 0.2:
        del changed[dice.randrange(len(changed)) :]
    return bytes(changed) + (dice.randbytes(2000) if dice.random() < 0.1 else b"")


def _png(width: int, height: int, *chunks: tuple[bytes, bytes], data: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _saved(kind: str, image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _circular_tiff() -> bytes:
    """An image file directory whose next one is itself."""
    entry = struct.pack("<HHIHH", 256, 3, 1, 9, 0)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 8)


def _huge_jpeg() -> bytes:
    """A JPEG whose header promises 65,500 pixels a side."""
    content = bytearray(_saved("JPEG", Image.new("RGB", (16, 16))))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def _zeros() -> bytes:
    """A quarter of a gigabyte, in little."""
    return zlib.compress(bytes(1 << 28))


def _many_frames() -> bytes:
    frames = [Image.new("P", (64, 64), number % 256) for number in range(2000)]
    return _saved("GIF", frames[0], save_all=True, append_images=frames[1:])


MADE: dict[str, Callable[[], bytes]] = {
    "empty.jpg": lambda: b"",
    "one.jpg": lambda: b"\xff",
    "text.jpg": lambda: b"no picture" * 100,
    "page.jpg": lambda: b"<html><script>alert(1)</script>",
    "drawing.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    "archive.jpg": lambda: b"PK\x03\x04" + bytes(3000),
    "paper.jpg": lambda: b"%PDF-1.7\n" + bytes(3000),
    "script.jpg": lambda: b"\xff\xd8\xff\xe0<?php phpinfo();",
    "postscript.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "bomb.png": lambda: _saved("PNG", Image.new("1", (30_000, 30_000))),
    "promises.png": lambda: _png(2**31 - 1, 2**31 - 1),
    "nothing.png": lambda: _png(0, 0),
    "little.png": lambda: _png(4000, 4000, data=b"\0" * 100),
    "words.png": lambda: _png(8, 8, (b"zTXt", b"a\0\0" + _zeros()), data=bytes(200)),
    "profile.png": lambda: _png(8, 8, (b"iCCP", b"a\0\0" + _zeros()), data=bytes(200)),
    "chunks.png": lambda: _png(8, 8, *[(b"tEXt", b"a\0b")] * 50_000, data=bytes(200)),
    "huge.jpg": _huge_jpeg,
    "endless.jpg": endless_jpeg,
    "no-end.jpg": lambda: _saved("JPEG", Image.new("RGB", (300, 300), "red"))[:-2],
    "exif.jpg": lambda: _saved("JPEG", GREY, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "colours.jpg": lambda: _saved("JPEG", GREY, icc_profile=b"no profile" * 9),
    "circle.tiff": _circular_tiff,
    "wide.bmp": lambda: b"BM" + struct.pack("<IIIIiiHH", 60, 0, 54, 40, *WIDE, 1, 24) + bytes(24),
    "frames.gif": _many_frames,
    "half.webp": lambda: _saved("WEBP", Image.new("RGB", (800, 800), "blue"))[:90],
    "brand.heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(5000),
    "brand.avif": lambda: b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\xff" * 5000,
    "raw.dng": lambda: b"II*\0\x08\0\0\0" + b"\xff" * 4000,
    "raw.cr3": lambda: b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + b"\xff" * 4000,
    "two\nlines\x1b[2J.jpg": lambda: b"no picture",
    "-rf --home.jpg": lambda: b"no picture",
    f"{'n' * 240}.jpg": lambda: b"no picture",
    "m\udcfcnze.jpg": lambda: b"no picture",
}  # fmt: skip
