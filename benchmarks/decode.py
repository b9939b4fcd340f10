"""Benchmark: decoding and resizing on one core, against Pillow on the same files.

    python -m benchmarks.decode --folder images

The files are JPEGs of three sizes, each a mosaic of photos of the folder, made anew.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.index_timing import photos_in
from captioner.image_file import decode_photo, to_pixels

_SIZES = {"9 megapixels": (3488, 2616), "1080p": (1920, 1080), "640 pixels": (640, 360)}
_TILES = 3  # a side of the mosaic
_QUALITY = 90
_SIDE = 224


@dataclass(frozen=True)
class Rates:
    """Photos a second of one core, and how far the pixels are apart, of 255."""

    ours: float
    pillow: float
    difference: float


def mosaics(files: Sequence[Path], size: tuple[int, int], count: int) -> list[bytes]:
    """JPEGs of `size`, of nine photos each, as cameras write them."""
    made = []
    for number in range(count):
        canvas = Image.new("RGB", size)
        tile = (size[0] // _TILES + 1, size[1] // _TILES + 1)
        for place in range(_TILES**2):
            with Image.open(files[(number * _TILES**2 + place) % len(files)]) as photo:
                piece = photo.convert("RGB").resize(tile, Image.Resampling.LANCZOS)
            canvas.paste(piece, (place % _TILES * tile[0], place // _TILES * tile[1]))
        data = io.BytesIO()
        canvas.save(data, "JPEG", quality=_QUALITY)
        made.append(data.getvalue())
    return made


def ours(data: bytes) -> NDArray[np.uint8]:
    """As the indexer decodes: scaled, upright, squeezed."""
    return to_pixels(decode_photo(data), _SIDE)


def pillow(data: bytes) -> NDArray[np.uint8]:
    """Every pixel, then the same square."""
    with Image.open(io.BytesIO(data)) as photo:
        square = photo.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return np.array(square).transpose(2, 0, 1)


def compare(photos: Sequence[bytes], repeat: int) -> Rates:
    """The best of several times each, in turns."""
    pairs = [(_rate(ours, photos), _rate(pillow, photos)) for _ in range(repeat)]
    apart = [np.abs(ours(data) - pillow(data).astype(float)).mean() for data in photos]
    return Rates(max(a for a, _ in pairs), max(b for _, b in pairs), float(np.mean(apart)))


def _rate(decode: Callable[[bytes], object], photos: Sequence[bytes]) -> float:
    started = time.perf_counter()
    for data in photos:
        decode(data)
    return len(photos) / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40, help="files of each size")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    files = photos_in(options.folder)
    print("| JPEGs of | photos/s | Pillow in full | ratio | mean difference of 255 |")
    print("| --- | --- | --- | --- | --- |")
    for name, size in _SIZES.items():
        rates = compare(mosaics(files, size, options.count), options.repeat)
        ratio = rates.ours / rates.pillow
        print(
            f"| {name} | {rates.ours:.1f} | {rates.pillow:.1f} | {ratio:.1f} "
            f"| {rates.difference:.2f} |"
        )


if __name__ == "__main__":
    main()
