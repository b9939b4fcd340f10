"""The home folder: where the database, vectors, thumbnails and models lie on disk."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from sqlalchemy import URL

from catalog.vectors.kinds import IndexKind, read_kind


class HomeNotWritable(OSError):
    """The home folder cannot be made, or nothing can be written in it."""


@dataclass(frozen=True)
class Home:
    """A folder with everything tellshow keeps, and the URL of its database."""

    path: Path
    database_url: str
    index_kind: IndexKind | None = None  # of the FAISS files; None: what suits their size

    @property
    def vectors(self) -> Path:
        """Folder of the FAISS files."""
        return self.path / "vectors"

    @property
    def thumbnails(self) -> Path:
        """Folder of the thumbnails."""
        return self.path / "thumbnails"

    @property
    def models(self) -> Path:
        """Folder of the checkpoints that do not come with the package."""
        return self.path / "models"

    @property
    def lock(self) -> Path:
        """Lock file of the one writer."""
        return self.path / "writer.lock"

    def thumbnail(self, content_hash: str) -> Path:
        """Path of a photo's thumbnail, in one of 256 folders so that none grows too long."""
        return self.thumbnails / content_hash[:2] / f"{content_hash}.jpg"


def open_home(path: Path | None = None, *, create: bool = True) -> Home:
    """Return the home at `path`, else $TELLSHOW_HOME, else the platform's user data folder.

    With `create` its folders are made and a write is tried.
    Raises HomeNotWritable where either fails, UnknownIndexKind where $TELLSHOW_INDEX is none.
    """
    folder = (path or _default_folder()).expanduser().absolute()
    url = os.environ.get("TELLSHOW_DATABASE_URL") or _sqlite_url(folder)
    home = Home(folder, url, read_kind(os.environ.get("TELLSHOW_INDEX")))
    if create:
        _make_folders(home)
    return home


def _default_folder() -> Path:
    named = os.environ.get("TELLSHOW_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("tellshow", appauthor=False))


def _sqlite_url(folder: Path) -> str:
    return URL.create("sqlite", database=str(folder / "catalog.db")).render_as_string()


def _make_folders(home: Home) -> None:
    try:
        for folder in (home.path, home.vectors, home.thumbnails, home.models):
            folder.mkdir(parents=True, exist_ok=True)
        # Only a real write tells: permission bits say nothing to root or on a read-only mount.
        with tempfile.TemporaryFile(dir=home.path):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise HomeNotWritable(f"The home {home.path} is not writable: {reason}.") from error


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, so that they survive a power cut.

    Raises OSError.
    """
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder, and needs no flush of one.
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
