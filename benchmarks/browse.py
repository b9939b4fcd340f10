"""Benchmark: looking through many photos without a query, request by request.

    python -m benchmarks.browse --photos 100000
    python -m benchmarks.browse --photos 100000 --keep HOME
    python -m benchmarks.browse --photos 100000 --database postgresql+psycopg://USER@HOST/NAME

Made-up rows of 24 years, in folders by year, month and event, with tags, keywords and positions,
go into a home that is thrown away, or kept with --keep, where a second call finds them; with
--database into an empty database of a server. What the pages and the API ask, filters of searches
among it, is then asked of the application, without a network between.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from sqlalchemy.orm import Session

from catalog.database import Database, open_database
from catalog.facets import read_facets
from catalog.filters import passing_photos
from catalog.home import open_home
from catalog.model_registry import register_model
from catalog.photo_places import note_places
from catalog.photos import add_photos
from catalog.records import Annotations, FileStamp, Metadata, NewPhoto, NewTag
from catalog.roots import note_online
from catalog.views import count_rows
from search.filters import read_filter

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder

_ROOT = b"/made-up"
_BATCH = 5000
_DAYS = 24 * 365
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_UNDATED = 0.02
_PLACED = 0.4
_TOWNS = 300
_SUBJECTS = 400  # names of tags, and of keywords
_ADDRESSES = {
    "timeline": "/api/v1/timeline",
    "timeline of a folder": "/api/v1/timeline?folder=/made-up/2012",
    "timeline of a tag": "/api/v1/timeline?tag=subject+3",
    "the page of the timeline": "/browse",
    "the welcome page": "/",
    "the page of the map": "/browse/places",
    "folders, from the top": "/api/v1/folders?path=/made-up",
    "tags": "/api/v1/tags?k=60",
    "keywords": "/api/v1/keywords?k=60",
    "map of the world": "/api/v1/places",
    "what filters offer": "/api/v1/filters",
}
# Each is looked up as a search does it before it ranks.
_FILTERS: dict[str, dict[str, str]] = {
    "filter: a year": {"after": "2012-01-01", "before": "2013-01-01"},
    "filter: a folder": {"folder": "/made-up/2012"},
    "filter: a camera": {"camera": "camera 3"},
    "filter: a lens": {"lens": "lens 10"},
    "filter: a country": {"place": "Brazil"},
    "filter: a tag": {"tag": "subject 3"},
    "filter: a keyword": {"keyword": "subject 3"},
    "filter: stars": {"rating": "4"},
    "filter: all of these": {
        "after": "2005-01-01", "folder": "/made-up", "camera": "camera", "lens": "lens",
        "place": "Brazil", "tag": "subject", "keyword": "subject", "rating": "1",
    },
}  # fmt: skip


def _photos(count: int) -> Iterator[NewPhoto]:
    """So many made-up photos, always the same ones."""
    chance = random.Random(0)
    towns = [(chance.uniform(-55, 70), chance.uniform(-180, 180)) for _ in range(_TOWNS)]
    for number in range(count):
        taken = _FIRST + timedelta(days=chance.betavariate(3, 1.5) * _DAYS)
        folder = f"{taken:%Y/%Y-%m}/event {taken.day // 8}"
        town = chance.choice(towns) if chance.random() < _PLACED else None
        yield NewPhoto(
            file=FileStamp(f"{folder}/IMG_{number}.jpg".encode(), 3_000_000, number),
            content_hash=sha256(str(number).encode()).hexdigest(),
            metadata=Metadata(
                *((4032, 3024) if chance.random() < 0.7 else (3024, 4032)),
                "JPEG",
                None if chance.random() < _UNDATED else taken,
                f"CAMERA {number % 7}",
                town and town[0] + chance.gauss(0, 0.05),
                town and town[1] + chance.gauss(0, 0.05),
                taken_from="exif",
                annotations=Annotations(keywords=tuple(_subjects(chance, 2)), rating=number % 6),
                lens=f"LENS {number % 11}",
            ),
            captions=(("a dog is running in the snow", -7.5), ("a dog in the snow", -8.5)),
            vectors={},
            state=b"made-up",
            bias=0.0,
            tags=tuple(NewTag(name, name, 0.5) for name in _subjects(chance, 3)),
        )


def _subjects(chance: random.Random, count: int) -> list[str]:
    """Up to `count` names, the first ones more often."""
    drawn = (int(_SUBJECTS * chance.random() ** 3) for _ in range(count))
    return [f"subject {number}" for number in dict.fromkeys(drawn)]


def fill(database: Database, captioner: Captioner, count: int) -> None:
    """Put made-up photos into an empty catalog."""
    with database.write() as session:
        root = note_online(session, _ROOT, None).root_id
        model = register_model(
            session,
            kind="captioner",
            name=captioner.name,
            sha256=captioner.sha256,
            config={},
            metrics={},
        )
    made = list(_photos(count))
    for start in range(0, count, _BATCH):
        with database.write() as session:
            add_photos(session, root, model, made[start : start + _BATCH], "made-up")
        print(f"{min(start + _BATCH, count):,} rows", end="\r", file=sys.stderr, flush=True)
    with database.write() as session:
        note_places(session)


def _times(ask: Callable[[], object], times: int) -> list[float]:
    """Milliseconds that each of so many calls takes."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        spent.append(1000 * (time.perf_counter() - started))
    return spent


def _get(client: FlaskClient, address: str) -> object:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} was not answered: {answer.status_code}")
    return answer.json if answer.is_json else answer.data


def _read(database: Database, read: Callable[[Session], object]) -> None:
    with database.read() as session:
        read(session)


def _jumps(client: FlaskClient, months: Sequence[tuple[str, int]]) -> Callable[[], object]:
    """Ask for a hundred photos at a place of the timeline that is drawn at random."""
    chance = random.Random(1)

    def jump() -> object:
        month, photos = chance.choice(months)
        offset = 100 * chance.randrange(1 + (photos - 1) // 100)
        wanted = urlencode({"month": month, "offset": offset, "k": 100})
        return _get(client, f"/api/v1/timeline/photos?{wanted}")

    return jump


def _areas(client: FlaskClient) -> Callable[[], object]:
    """Ask for a part of the map that is drawn at random, at a magnification of its own."""
    chance = random.Random(2)

    def look() -> object:
        zoom = chance.randrange(9)
        half = 180 / 2**zoom
        north, east = chance.uniform(-50, 65), chance.uniform(-170, 170)
        area = (max(north - half, -90), max(east - half, -180), min(north, 90), min(east, 180))
        wanted = urlencode({"zoom": zoom, "area": ",".join(map(str, area))})
        return _get(client, f"/api/v1/places?{wanted}")

    return look


def measure(
    home: Path, captioner: Captioner, embedder: SentenceEmbedder, count: int, times: int
) -> dict[str, list[float]]:
    """Milliseconds of each kind of request, the first of each left out."""
    from search.engine import SearchEngine
    from web import WebConfig, create_app

    opened = open_home(home)
    database = open_database(opened)
    try:
        with database.read() as session:
            known = count_rows(session).photos
        if not known:
            fill(database, captioner, count)
        engine = SearchEngine(opened, database, captioner, embedder)
        client = create_app(engine, WebConfig(rate_limit=0)).test_client()
        listed: Any = _get(client, "/api/v1/timeline")
        months = [(each["month"], each["photos"]) for each in listed["months"]]
        asked: dict[str, Callable[[], object]] = {
            "a jump of the scrubber, 100 photos": _jumps(client, months),
            "a part of the map": _areas(client),
        }
        for name, address in _ADDRESSES.items():
            asked[name] = lambda address=address: _get(client, address)  # type: ignore[misc]
        asked["what filters offer, after a change"] = partial(_read, database, read_facets)
        for name, wanted in _FILTERS.items():
            passing = partial(passing_photos, wanted=read_filter(**wanted))
            asked[name] = partial(_read, database, passing)
        return {name: _times(ask, times + 1)[1:] for name, ask in asked.items()}
    finally:
        database.close()


def main() -> None:
    """Measure and print."""
    from captioner.checkpoint import load_checkpoint
    from captioner.embedder import SentenceEmbedder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=50, help="how often each is asked")
    parser.add_argument("--database", help="URL of an empty database to use in place of SQLite")
    parser.add_argument("--keep", type=Path, help="a home for the made-up photos")
    options = parser.parse_args()
    if options.database:
        os.environ["TELLSHOW_DATABASE_URL"] = options.database
    models = load_checkpoint(device="cpu"), SentenceEmbedder(device="cpu")
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        home = options.keep or Path(folder) / "home"
        spent = measure(home, *models, options.photos, options.times)
    print("| asked | p50 ms | p95 ms |\n| --- | --- | --- |")
    for name, times in spent.items():
        middle, late = np.percentile(times, [50, 95])
        print(f"| {name} | {middle:.0f} | {late:.0f} |")


if __name__ == "__main__":
    main()
