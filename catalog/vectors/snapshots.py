"""Snapshots of a vector index: files, of which the newest that SQL records counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from sqlalchemy.orm import Session

from catalog.database import Database
from catalog.home import Home, sync
from catalog.models import VectorGeneration


@dataclass(frozen=True)
class Snapshot:
    """A saved file: its number, SHA-256, number of vectors, and the change it is as of."""

    number: int
    sha256: str
    count: int
    change: int


class SnapshotStore:
    """The saved files of one vector index."""

    def __init__(self, home: Home, database: Database, model_id: int, kind: str) -> None:
        self._database = database
        self._key = {"model_id": model_id, "kind": kind}
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
            return path if _sha256(path) == snapshot.sha256 else None
        except OSError:
            return None

    def orphans(self, *, remove: bool) -> list[Path]:
        """Files that SQL does not name, as killed processes leave them; removed on request."""
        lock = self._folder / "lock"
        with FileLock(lock), self._database.read() as session:
            current = self.current(session)
            kept = {lock} | ({self._path(current.number)} if current else set())
            others = sorted(path for path in self._folder.glob("*") if path not in kept)
            for path in others if remove else ():
                path.unlink()
        return others

    def put(self, write: Callable[[Path], None], count: int, change: int) -> Snapshot:
        """Make the file that `write` writes the newest snapshot of `count` vectors, and return it.

        Killed at any instant, SQL names a whole file or none, and so it does after a power cut.
        Raises OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Whoever holds this lock may take every other temporary file for garbage.
        with FileLock(self._folder / "lock"):
            temporary = self._folder / "next.tmp"
            write(temporary)
            sync(temporary)
            digest = _sha256(temporary)
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
        row.sha256, row.count, row.change_counter = digest, count, change
        session.flush()
        return Snapshot(row.generation, digest, count, change)

    def _path(self, number: int) -> Path:
        return self._folder / f"gen-{number}.faiss"

    def _remove_others(self, number: int) -> None:
        for path in self._folder.glob("gen-*.faiss"):
            if path != self._path(number):
                # Where it is still open (Windows) the next save will remove it.
                with suppress(OSError):
                    path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
