"""Benchmark: what a photo takes on the disk in a home, by what it is kept as.

    python -m benchmarks.disk --home HOME

Bytes of blobs are what SQL holds of them; the database's file has rows, indexes and free pages
beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import func, select

from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.models import Photo, State, Vector


def measure(home: Home) -> tuple[int, dict[str, int]]:
    """How many photos a home has, and the bytes of each kind that they take together.

    Raises SystemExit for a home whose database is on a server.
    """
    if home.database_file is None:
        raise SystemExit("only a home with SQLite has a file to measure")
    database = open_database(home)
    try:
        with database.read() as session:
            photos = session.scalar(select(func.count(Photo.id))) or 0
            states = session.scalar(select(func.sum(func.length(State.blob)))) or 0
            vectors = session.scalar(select(func.sum(func.length(Vector.blob)))) or 0
    finally:
        database.close()
    stored = home.database_file.stat().st_size
    return photos, {
        "states, in SQL": states,
        "vectors, in SQL": vectors,
        "rows and indexes of the database": stored - states - vectors,
        "FAISS files": _bytes_in(home.vectors),
        "**all but thumbnails**": stored + _bytes_in(home.vectors),
        "thumbnails": _bytes_in(home.thumbnails),
    }


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="with SQLite")
    photos, spent = measure(open_home(parser.parse_args().home))
    print(f"{photos:,} photos\n\n| | KB a photo |\n| --- | --- |")
    for name, size in spent.items():
        print(f"| {name} | {size / max(1, photos) / 1000:.2f} |")


if __name__ == "__main__":
    main()
