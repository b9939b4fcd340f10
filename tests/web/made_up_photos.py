"""Some hundred rows of photos that nobody took, over several months and folders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from catalog.records import Annotations, FileStamp, Metadata, NewPhoto, NewTag

if TYPE_CHECKING:
    from catalog.database import Database

ROOT = "/made-up"
COUNT = 300
_FIRST = datetime(2021, 1, 15, 12, tzinfo=UTC)
# The newest first; of every ten photos one has no date.
MONTHS = ["2021-05", "2021-04", "2021-03", "2021-02", "2021-01", "undated"]
_FREIBURG, _SYDNEY = (47.995, 7.85), (-33.87, 151.2)


def fill(database: Database) -> None:
    """Put them into an empty catalog, as if some other model than ours had described them."""
    from catalog.keywords import note_keywords
    from catalog.model_registry import register_model
    from catalog.photos import add_photos
    from catalog.roots import note_online

    with database.write() as session:
        root = note_online(session, ROOT.encode(), None).root_id
        registered = register_model(
            session, kind="captioner", name="other", sha256="0" * 64, config={}, metrics={}
        )
        made = [_photo(number) for number in range(COUNT)]
        note_keywords(session, add_photos(session, root, registered, made, "embedder"))


def _photo(number: int) -> NewPhoto:
    folder = "odd" if number % 2 else "even/deep" if number % 4 else "even"
    position = _FREIBURG if number % 5 == 0 else _SYDNEY if number % 10 == 1 else (None, None)
    return NewPhoto(
        file=FileStamp(f"{folder}/{number}.jpg".encode(), 1000 + number, 1000 + number),
        content_hash=sha256(str(number).encode()).hexdigest(),
        metadata=Metadata(
            640,
            480,
            "JPEG",
            None if number % 10 == 9 else _FIRST + timedelta(hours=9 * number),
            None,
            *position,
            annotations=Annotations(keywords=("garden",) if number % 3 else ()),
        ),
        captions=((f"photo {number}", -9.0),),
        vectors={},
        state=b"made-up",
        bias=0.0,
        tags=(NewTag("cat", "cat", 0.5),)
        if number % 2
        else (NewTag("sofa", "sofa", 0.5),) * (number % 4 == 0),
    )
