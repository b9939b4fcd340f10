"""A folder of photos whose names, formats and texts try a page's patience."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import update

if TYPE_CHECKING:
    from catalog.database import Database

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
    """Put scripts where a model's words and a camera's name stand."""
    from catalog import models

    with database.write() as session:
        session.execute(update(models.Caption).values(text=SCRIPT))
        session.execute(update(models.Photo).values(camera=SCRIPT))


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
