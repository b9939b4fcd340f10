"""The home folder: where the database, vectors, thumbnails and models lie on disk."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from catalog.durable_files import FULL
from catalog.home_adoption import marker_for
from catalog.home_folder import home_folder
from catalog.home_marker import NotAHome, read_marker, write_marker
from catalog.object_store import check_url
from catalog.vectors.chosen_store import FAISS, VectorStore, read_store
from catalog.vectors.kinds import IndexKind, read_kind

__all__ = ["Home", "HomeNotWritable", "NotAHome", "is_unused", "open_home"]

# A database opened for reading needs as much, for the memory that its processes share.
_ROOM = 1 << 16


class HomeNotWritable(OSError):
    """The home folder cannot be made, or nothing can be written in it."""


@dataclass(frozen=True)
class Home:
    """A folder with everything tellshow keeps, and the URL of its database.

    `read_only`: nothing can be written in it, and it was opened for reading alone. `store_url`: the
    store of its thumbnails and checkpoints, see object_store.py; None: its own folders. `read_url`:
    of a replica of its database to read from, None where there is none.
    """

    path: Path
    database_url: str
    index_kind: IndexKind | None = None  # of the FAISS files; None: what suits their size
    read_only: bool = False
    vector_store: VectorStore = FAISS
    store_url: str | None = None
    read_url: str | None = None

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database; None for a database on a server.

        Raises ArgumentError of SQLAlchemy where the URL is none.
        """
        url = make_url(self.database_url)
        if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
            return None
        return Path(str(url.database))

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


def open_home(path: Path | None = None, *, create: bool = True, reading: bool = False) -> Home:
    """Return the home at `path`, else $TELLSHOW_HOME, else the platform's user data folder.

    With `create` an empty or missing folder becomes a home, and a write is tried; where that
    fails, a home that is there can still be opened for `reading`, which a replica may serve.
    Raises NotAHome for a folder that holds anything else than a home, HomeNotWritable where it
    cannot be made or written, UnknownIndexKind where $TELLSHOW_INDEX is none, UnknownVectorStore
    where $TELLSHOW_VECTORS is none, UnknownStore where $TELLSHOW_STORE is none.
    """
    folder = home_folder(path)
    store = os.environ.get("TELLSHOW_STORE") or None
    if store:
        check_url(store)
    replica = os.environ.get("TELLSHOW_DATABASE_READ_URL") if reading else None
    home = Home(
        folder,
        os.environ.get("TELLSHOW_DATABASE_URL") or _sqlite_url(folder),
        read_kind(os.environ.get("TELLSHOW_INDEX")),
        vector_store=read_store(os.environ.get("TELLSHOW_VECTORS")),
        store_url=store,
        read_url=replica or None,
    )
    return _prepared(home, reading) if create else home


def is_unused(home: Home) -> bool:
    """Whether a home holds no catalog and never did; it is only looked at.

    A catalog on a database server counts as used: only asking it tells. Raises NotAHome where a
    later release made the home, OSError where it cannot be read.
    """
    file = _file_of(home)
    if file is None or file.exists():
        return False
    marker = read_marker(home.path)
    if marker is not None:
        return marker.catalog is None
    return not home.path.exists() or (home.path.is_dir() and not any(home.path.iterdir()))


def _sqlite_url(folder: Path) -> str:
    return URL.create("sqlite", database=str(folder / "catalog.db")).render_as_string()


def _prepared(home: Home, reading: bool) -> Home:
    """The home, marked and with its folders; as it is where it can only be read."""
    try:
        _make(home)
    except NotAHome:
        raise
    except OSError as error:
        if reading and _is_filled(home):
            return replace(home, read_only=True)
        raise HomeNotWritable(f"The home {home.path} {_why_not_written(error)}.") from error
    return home


def _make(home: Home) -> None:
    """Mark the folder before anything else is made in it, so that a kill leaves no riddle."""
    marker = read_marker(home.path)
    if marker is None:
        marker = marker_for(home.path, _file_of(home))
        _make_private(home.path)
        if marker is not None:
            write_marker(home.path, marker)
    for folder in (home.vectors, home.thumbnails, home.models):
        folder.mkdir(exist_ok=True)
    # Only a real write tells: permission bits say nothing to root or on a read-only mount.
    with tempfile.TemporaryFile(dir=home.path) as file:
        file.write(bytes(_ROOM))


def _make_private(folder: Path) -> None:
    """Make a folder that is its owner's alone, whatever the umask; one that is there stays."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(0o700, exist_ok=True)
        folder.chmod(0o700)
    folder.mkdir(exist_ok=True)  # refuses a file


def _file_of(home: Home) -> Path | None:
    try:
        return home.database_file
    except ArgumentError:  # said in a sentence when it is opened
        return None


def _is_filled(home: Home) -> bool:
    """Whether a catalog lies in a home, or somewhere else."""
    file = _file_of(home)
    return home.path.is_dir() and (file is None or file.is_file())


def _why_not_written(error: OSError) -> str:
    if error.errno in FULL:
        return "cannot be written: the disk is full"
    if isinstance(error, FileExistsError) and error.filename:
        return f"cannot be used: {os.fsdecode(error.filename)} is a file where a folder belongs"
    if isinstance(error, IsADirectoryError) and error.filename:
        return f"cannot be used: {os.fsdecode(error.filename)} is a folder where a file belongs"
    return f"is not writable: {error.strerror or error}"
