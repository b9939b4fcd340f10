"""A collection of several hundred photos: the samples, each many times, as different files.

Each has a date, gear, a place, keywords and stars of its own, and is described as its sample was,
so that nothing has to be captioned. Its file is a link to the sample's.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from sqlalchemy import select

from catalog.models import State, Vector
from catalog.records import Annotations, FileStamp, Metadata, NewPhoto, NewTag

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from catalog.views import PhotoView
    from search.engine import SearchEngine

COUNT = 400
LENSES = ("XF35mmF1.4 R", "XF18-55mmF2.8-4 R LM OIS", "24-70 mm f/2.8-4")
_FIRST = datetime(2022, 1, 3, 9, 30, tzinfo=UTC)
_TOWNS = ((47.5556, 7.589), (38.72, -9.14), (-33.87, 151.2))


def fill(home: Home, database: Database, real: SearchEngine, folder: Path) -> None:
    """Put COUNT photos, whose files lie in `folder`, into an empty catalog."""
    from catalog.model_registry import register_model
    from catalog.photo_places import note_places
    from catalog.photos import add_photos
    from catalog.roots import note_online
    from catalog.thumbnails import thumbnails_of

    captioner, embedder = real.captioner, real.embedder
    samples = sorted(real.photos(real.sample(100)).values(), key=lambda view: view.photo_id)
    made = [_photo(number, samples[number % len(samples)], real) for number in range(COUNT)]
    small = [_thumbnail(sample.full_path) for sample in samples]
    thumbnails = thumbnails_of(home)
    for number, new in enumerate(made):
        target = folder / os.fsdecode(new.file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(samples[number % len(samples)].full_path, target)
        thumbnails.add(new.content_hash, small[number % len(samples)])
    with database.write() as session:
        root = note_online(session, os.fsencode(folder), None).root_id
        model = register_model(
            session,
            kind="captioner",
            name=captioner.name,
            sha256=captioner.sha256,
            config={"embedder": embedder.name},
            metrics={},
        )
        add_photos(session, root, model, made, embedder.name)
        note_places(session)


def _photo(number: int, sample: PhotoView, real: SearchEngine) -> NewPhoto:
    taken = _FIRST + timedelta(hours=53 * number)
    found = sample.full_path.stat()
    with real.database.read() as session:
        rows = session.execute(select(Vector).where(Vector.photo_id == sample.photo_id)).scalars()
        vectors = {row.kind: np.frombuffer(row.blob, np.float16) for row in rows}
        state = session.scalars(select(State).where(State.photo_id == sample.photo_id)).one()
        blob, bias = state.blob, state.bias
    name = f"{taken:%Y}/{taken:%m}/{number:03}-{sample.full_path.name}"
    return NewPhoto(
        file=FileStamp(name.encode(), found.st_size, found.st_mtime_ns),
        content_hash=sha256(name.encode()).hexdigest(),
        metadata=Metadata(
            sample.width,
            sample.height,
            sample.format,
            None if number % 40 == 39 else taken,
            ("FUJIFILM X-T3", "Canon EOS 40D")[number % 2],
            *(_TOWNS[number % 3] if number % 4 else (None, None)),
            taken_from="exif",
            annotations=Annotations(
                rating=number % 6,
                keywords=("holidays", "garden")[: number % 3],
            ),
            lens=LENSES[number % 3],
        ),
        captions=sample.captions,
        vectors=vectors,
        state=blob,
        bias=bias,
        tags=tuple(
            NewTag(tag.name, tag.name, tag.probability) for tag in real.tags(sample.photo_id)
        ),
    )


def _thumbnail(photo: Path) -> bytes:
    """A small JPEG, as hundreds of them are loaded."""
    with Image.open(photo) as picture:
        picture.thumbnail((256, 256))
        small = BytesIO()
        picture.convert("RGB").save(small, "JPEG")
    return small.getvalue()
