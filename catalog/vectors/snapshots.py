"""Snapshots of a vector index: files, of which the newest that SQL records counts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from catalog.database import Database
from catalog.durable_files import sha256_of, sync
from catalog.home import Home
from catalog.lock import file_lock
from catalog.model_registry import list_models
from catalog.models import VectorGeneration
from catalog.own_files import list_files, remove_own


@dataclass(frozen=True)
class Snapshot:
    """A saved file: its number, SHA-256, number of vectors, and the change it is as of."""

    number: int
    sha256: str
    count: int
    change: int


def files_of_gone_models(home: Home, database: Database) -> list[Path]:
    """Vector files that we made for models that SQL knows no more. Raises DatabaseUnavailable."""
    with database.read() as session:
        known = {str(model.model_id) for model in list_models(session)}
    files = list_files(home.path, "vectors").own
    return [path for path in files if path.parent.name.partition("-")[0] not in known]


class SnapshotStore:
    """The saved files of one vector index."""

    def __init__(self, home: Home, database: Database, model_id: int, kind: str) -> None:
        self._database = database
        self._key = {"model_id": model_id, "kind": kind}
        self._home = home.path
        self._folder = home.vectors / f"{model_id}-{kind}"

    def current(self, session: Session) -> Snapshot | None:
        """Return the snapshot that SQL records, None before the first."""
        row = session.get(VectorGeneration, self._key)
        if row is None:
            return None
        return Snapshot(row.generation, row.sha256, row.count, row.change_counter)

    def verified_file(self, snapshot: Snapshot) -> Path | None:
        """Return the file if it is there, byte for byte as it was saved; None else."""
        path = self._path(snapshot.number)
        try:
            return path if sha256_of(path) == snapshot.sha256 else None
        except OSError:
            return None

    def orphans(self, *, remove: bool) -> list[Path]:
        """Files of ours that SQL does not name, as killed processes leave; removed on request.

        Raises OSError.
        """
        if not self._folder.is_dir():
            return []
        lock = self._folder / "lock"
        with file_lock(lock), self._database.read() as session:
            current = self.current(session)
            kept = {lock} | ({self._path(current.number)} if current else set())
            others = [path for path in self._own_files() if path not in kept]
            if remove:
                remove_own(self._home, others)
        return others

    def put(self, write: Callable[[Path], None], count: int, change: int) -> Snapshot:
        """Make the file that `write` writes the newest snapshot of `count` vectors, and return it.

        Killed at any instant, SQL names a whole file or none, and so it does after a power cut.
        Raises OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Whoever holds this lock may take every other temporary file for garbage.
        with file_lock(self._folder / "lock"):
            temporary = self._folder / "next.tmp"
            write(temporary)
            sync(temporary)
            digest = sha256_of(temporary)
            with self._database.write() as session:
                snapshot = self._record(session, digest, count, change)
                temporary.replace(self._path(snapshot.number))
                sync(self._folder)
            self._remove_others(snapshot.number)
        return snapshot

    def _record(self, session: Session, digest: str, count: int, change: int) -> Snapshot:
        row = session.get(VectorGeneration, self._key)
        if row is None:
            row = VectorGeneration(**self._key, generation=0)
            session.add(row)
        row.generation += 1
        while self._path(row.generation).is_dir():  # put there by somebody; no file replaces it
            row.generation += 1
        row.sha256, row.count, row.change_counter = digest, count, change
        session.flush()
        return Snapshot(row.generation, digest, count, change)

    def _path(self, number: int) -> Path:
        return self._folder / f"gen-{number}.faiss"

    def _own_files(self) -> list[Path]:
        listed = list_files(self._home, "vectors").own
        return [path for path in listed if path.parent == self._folder]

    def _remove_others(self, number: int) -> None:
        kept = {self._path(number), self._folder / "lock"}
        # Where it is still open (Windows) the next save will remove it.
        with suppress(OSError):
            remove_own(self._home, [path for path in self._own_files() if path not in kept])
