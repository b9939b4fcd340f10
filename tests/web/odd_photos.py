"""A folder of photos whose names, formats and texts try a page's patience."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import select, update

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.database import Database
    from catalog.models import State

SCRIPT = "<script>document.title='owned'</script>"
HOSTILE_NAME = '"><img src=x onerror="document.title=\'owned\'">.png'


def copy_oddly(photos: Path, folder: Path) -> None:
    """A hostile name, a name that is no UTF-8, a format browsers do not draw, one to vanish."""
    folder.mkdir(parents=True)
    shutil.copy(photos / "cat.png", folder / HOSTILE_NAME)
    shutil.copy(photos / "coffee.png", folder / "vanished.png")
    shutil.copy(photos / "coins.png", os.fsdecode(os.fsencode(folder) + b"/m\xfcnze.png"))
    shutil.copy(photos / "gravel.png", folder / "two\nlines\x1b[2J.png")
    with Image.open(photos / "astronaut.png") as photo:
        photo.convert("RGB").save(folder / "scan.tiff")


def spoil_texts(database: Database) -> None:
    """Put scripts where a model, a camera and people write, as if they came from there."""
    from catalog import models
    from catalog.checksums import photo_checksum

    with database.write() as session:
        # So likely that they are shown.
        session.execute(update(models.Caption).values(text=SCRIPT, log_likelihood=-0.5))
        for photo in session.scalars(select(models.Photo)).all():
            photo.camera = photo.title = photo.description = SCRIPT
            photo.keywords = photo.people = (SCRIPT, "long" * 50)
            photo.checksum = photo_checksum(vars(photo))
        for state in session.scalars(select(models.State)).all():
            state.checksum = _checksum(session, state)


def _checksum(session: Session, state: State) -> str:
    """What a description's checksum is where its texts were written as they are now."""
    from catalog.checksums import description_checksum
    from catalog.models import Caption, Photo, PhotoTag, Tag, Vector

    captions = select(Caption.rank, Caption.text, Caption.log_likelihood)
    captions = captions.where(Caption.photo_id == state.photo_id).order_by(Caption.rank)
    vectors = select(Vector.kind, Vector.embedder, Vector.blob)
    vectors = vectors.where(Vector.photo_id == state.photo_id)
    tags = select(Tag.name, PhotoTag.probability).join(PhotoTag, PhotoTag.tag_id == Tag.id)
    tags = tags.where(PhotoTag.photo_id == state.photo_id)
    return description_checksum(
        session.get_one(Photo, state.photo_id).content_hash,
        state.blob,
        state.bias,
        [(rank, text, value) for rank, text, value in session.execute(captions)],
        [(kind, embedder, blob) for kind, embedder, blob in session.execute(vectors)],
        [(name, probability) for name, probability in session.execute(tags)],
    )


def ids_by_oddity(paths: dict[int, str]) -> dict[str, int]:
    """What is odd about a photo -> its id, given the path that is shown for every id."""
    names = {Path(path).name: key for key, path in paths.items()}
    (no_text,) = (key for name, key in names.items() if name.endswith("nze.png"))
    return {
        "script": names[HOSTILE_NAME],
        "no text": no_text,
        "tiff": names["scan.tiff"],
        "vanished": names["vanished.png"],
        "line break": names["two\nlines\x1b[2J.png"],
    }
