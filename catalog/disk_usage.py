"""How many bytes a home takes on disk.

Thumbnails lie evenly in 256 folders, by the first letters of a hash: where there are many, the sum
is estimated from 16 of the folders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.home import Home

_FOLDERS = 256
_SAMPLED = 16
_FEW = 4  # thumbnails a folder, below which all of them are looked at


@dataclass(frozen=True)
class Footprint:
    """Bytes; `database` None where it is not in the home, `exact` False where some is estimated."""

    database: int | None
    vectors: int
    models: int
    thumbnails: int
    exact: bool

    @property
    def total(self) -> int:
        """All of it."""
        return (self.database or 0) + self.vectors + self.models + self.thumbnails


def measure(home: Home) -> Footprint:
    """Add up the sizes of a home's files; reads none of them."""
    sampled = [_size(folder) for folder in _thumbnail_folders(home, _FOLDERS // _SAMPLED)]
    exact = sum(files for _, files in sampled) <= _FEW * _SAMPLED
    if exact:
        thumbnails = sum(_size(folder)[0] for folder in _thumbnail_folders(home, 1))
    else:
        thumbnails = sum(size for size, _ in sampled) * _FOLDERS // _SAMPLED
    return Footprint(
        database=_database_size(home),
        vectors=_size(home.vectors)[0],
        models=_size(home.models)[0],
        thumbnails=thumbnails,
        exact=exact,
    )


def _thumbnail_folders(home: Home, step: int) -> list[Path]:
    return [home.thumbnails / f"{number:02x}" for number in range(0, _FOLDERS, step)]


def _database_size(home: Home) -> int | None:
    files = list(home.path.glob("catalog.db*"))
    return sum(_bytes_of(file) for file in files) if files else None


def _size(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files below a folder; (0, 0) where it is not."""
    sizes = [_bytes_of(Path(where) / name) for where, _, names in os.walk(folder) for name in names]
    return sum(sizes), len(sizes)


def _bytes_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # replaced meanwhile
        return 0
