"""Snapshots of a vector index: a home's files, of which the newest that SQL records counts.

Homes that share a database have numbers in common, and a file each: what another home saved leaves
a home's own as good as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.orm import Session

from catalog.database import Database
from catalog.durable_files import sha256_of, sync
from catalog.home import Home
from catalog.lock import file_lock
from catalog.model_registry import list_models
from catalog.models import VectorGeneration
from catalog.own_files import list_files, remove_own
from catalog.sql import is_postgresql

# So many files of a kind and model are remembered, the newest: homes are thrown away untold.
REMEMBERED = 64

_NUMBER = re.compile(r"gen-([0-9]{1,9})\.faiss", re.ASCII)


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
        self._own = VectorGeneration.model_id == model_id, VectorGeneration.kind == kind
        self._home = home.path
        self._folder = home.vectors / f"{model_id}-{kind}"

    def newest(self, session: Session, above: int = 0) -> Snapshot | None:
        """The newest snapshot that SQL records and whose file is in this home, None for none.

        `above`: with a greater number than that.
        """
        query = self._recorded().where(VectorGeneration.generation > above)
        rows = session.scalars(query)
        row = next((row for row in rows if self._path(row.generation).exists()), None)
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
            current = self.newest(session)
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
            digest, former = sha256_of(temporary), self._numbers()
            with self._database.write() as session:
                number = self._next_number(session)
                own = {"generation": number, "sha256": digest, "count": count}
                session.add(VectorGeneration(**self._key, **own, change_counter=change))
                self._forget(session, former)
                temporary.replace(self._path(number))
                sync(self._folder)
            self._remove_others(number)
        return Snapshot(number, digest, count, change)

    def _recorded(self) -> Select[VectorGeneration]:
        """The files of all homes, newest first."""
        query = select(VectorGeneration).where(*self._own)
        return query.order_by(VectorGeneration.generation.desc())

    def _next_number(self, session: Session) -> int:
        if is_postgresql(session):  # another home may be about to take the same
            session.execute(text("LOCK TABLE vector_generation IN SHARE ROW EXCLUSIVE MODE"))
        newest = select(func.max(VectorGeneration.generation)).where(*self._own)
        number = (session.scalar(newest) or 0) + 1
        while self._path(number).is_dir():  # put there by somebody; no file replaces it
            number += 1
        return number

    def _forget(self, session: Session, former: Collection[int]) -> None:
        """Forget this home's files of the numbers `former`, then those that are not remembered."""
        own = delete(VectorGeneration).where(*self._own)
        session.execute(own.where(VectorGeneration.generation.in_(former)))
        oldest = session.scalar(
            self._recorded()
            .with_only_columns(VectorGeneration.generation)
            .offset(REMEMBERED)
            .limit(1)
        )
        if oldest is not None:
            session.execute(own.where(VectorGeneration.generation <= oldest))

    def _path(self, number: int) -> Path:
        return self._folder / f"gen-{number}.faiss"

    def _numbers(self) -> list[int]:
        """The numbers of this home's files."""
        found = [_NUMBER.fullmatch(path.name) for path in self._own_files()]
        return [int(match[1]) for match in found if match]

    def _own_files(self) -> list[Path]:
        listed = list_files(self._home, "vectors").own
        return [path for path in listed if path.parent == self._folder]

    def _remove_others(self, number: int) -> None:
        kept = {self._path(number), self._folder / "lock"}
        # Where it is still open (Windows) the next save will remove it.
        with suppress(OSError):
            remove_own(self._home, [path for path in self._own_files() if path not in kept])
