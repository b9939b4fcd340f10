"""Consistency checks of a home: SQL against FAISS and the files on disk, with repair.

Only what can be repaired without the photos is; the rest is left to the next indexing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog import integrity, photos
from catalog.database import Database, writer_lock
from catalog.failures import clear_failure, known_failures
from catalog.fulltext import refresh_words
from catalog.home import Home
from catalog.model_registry import list_models
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.vectors.factory import make_vector_index
from catalog.vectors.snapshots import SnapshotStore
from catalog.views import count_rows, view_photos

# So many of the files or photos concerned are named; a damaged disk may have a million.
MOST_NAMED = 10


class Problem(StrEnum):
    """What may be wrong.

    DATABASE: SQLite's file is damaged. REFERENCES: rows refer to rows that are gone.
    HALF_DESCRIBED: photos lack a part of what a model made. NOT_DESCRIBED: no model has described
    them. WORDS: words of photos are not noted, or not as they are. VECTORS: vector files are
    missing, damaged, or not what SQL holds. THUMBNAILS: they are missing or empty. ORPHANS: files
    in the home that nothing names. OLD_FAILURES: files that failed, and are there no more.
    """

    DATABASE = "database"
    REFERENCES = "references"
    HALF_DESCRIBED = "half_described"
    NOT_DESCRIBED = "not_described"
    WORDS = "words"
    VECTORS = "vectors"
    THUMBNAILS = "thumbnails"
    ORPHANS = "orphans"
    OLD_FAILURES = "old_failures"


@dataclass(frozen=True)
class Finding:
    """Something wrong: of how many, the first few by name, and whether it is right again."""

    problem: Problem
    count: int
    examples: tuple[str, ...]
    mended: bool


@dataclass(frozen=True)
class Diagnosis:
    """All that was found. `failures`: files that cannot be indexed, which is nobody's fault."""

    findings: tuple[Finding, ...]
    failures: int

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong any more."""
        return all(finding.mended for finding in self.findings)


class Doctor:
    """Examines one home; with `mend` it puts right what it can."""

    def __init__(self, home: Home, database: Database, *, mend: bool) -> None:
        self._home = home
        self._database = database
        self._mend = mend

    def examine(self) -> Diagnosis:
        """Look at everything. Raises WriterBusy, FaissMissing and DatabaseUnavailable."""
        with writer_lock(self._home):
            damage = self._damage()
            if damage:  # nothing that it says can be believed
                return Diagnosis((self._found(Problem.DATABASE, damage, mended=False),), 0)
            findings = tuple(finding for finding in self._findings() if finding.count)
            with self._database.read() as session:
                return Diagnosis(findings, count_rows(session).failures)

    def _findings(self) -> Iterator[Finding]:
        # In this order: what one mends, the next then sees as it is.
        yield self._references()
        yield self._not_described()
        yield self._half_described()
        yield self._words()
        yield self._vectors()
        yield self._orphans()
        yield self._old_failures()
        yield self._thumbnails()

    def _found(self, problem: Problem, names: Iterable[object], *, mended: bool) -> Finding:
        every = [str(name) for name in names]
        return Finding(problem, len(every), tuple(every[:MOST_NAMED]), mended and self._mend)

    def _damage(self) -> list[str]:
        with self._database.read() as session:
            return integrity.sqlite_damage(session)

    def _references(self) -> Finding:
        with self._database.read() as session:
            broken = integrity.broken_references(session)
        if broken and self._mend:
            with self._database.write() as session:
                for table, rows in broken.items():
                    integrity.remove_rows(session, table, rows)
        names = [f"{table} {row}" for table, rows in broken.items() for row in rows]
        return self._found(Problem.REFERENCES, names, mended=True)

    def _half_described(self) -> Finding:
        """Repaired by forgetting them, so that the next indexing makes all of it."""
        with self._database.read() as session:
            found = integrity.half_described(session)
        if found and self._mend:
            with self._database.write() as session:
                for model_id, ids in found.items():
                    photos.forget_photos(session, ids, model_id)
        ids = sorted({key for ids in found.values() for key in ids})
        return self._found(Problem.HALF_DESCRIBED, self._paths(ids), mended=False)

    def _not_described(self) -> Finding:
        with self._database.read() as session:
            ids = integrity.not_described(session)
        return self._found(Problem.NOT_DESCRIBED, self._paths(ids), mended=False)

    def _words(self) -> Finding:
        with self._database.read() as session:
            ids = integrity.photos_without_words(session)
            is_wrong = integrity.is_text_index_wrong(session)
        if (ids or is_wrong) and self._mend:
            with self._database.write() as session:
                if is_wrong:
                    integrity.rebuild_text_index(session)
                refresh_words(session, ids)
        names = [*self._paths(ids), *(["the full-text index"] if is_wrong else [])]
        return self._found(Problem.WORDS, names, mended=True)

    def _vectors(self) -> Finding:
        with self._database.read() as session:
            sets = integrity.vector_sets(session)
            sizes = {model: integrity.vector_size(session, model) or 0 for model, _ in sets}
        wrong = [
            f"{model_id}-{kind}"
            for model_id, kind in sets
            if not self._is_saved(model_id, kind, sizes[model_id] // 2)
        ]
        return self._found(Problem.VECTORS, wrong, mended=True)

    def _is_saved(self, model_id: int, kind: str, dimension: int) -> bool:
        index = make_vector_index(self._home, self._database, model_id, kind, dimension)
        if index.verify():
            return True
        if self._mend:
            index.rebuild()
            index.save()
        return False

    def _orphans(self) -> Finding:
        left = self._left_by_indexes()
        nameless = [*self._nameless_indexes(), *self._nameless_thumbnails()]
        nameless += sorted(self._home.models.glob("*.tmp"))
        for path in nameless if self._mend else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return self._found(Problem.ORPHANS, [*left, *nameless], mended=True)

    def _index_folders(self) -> dict[Path, tuple[int, str] | None]:
        """The folders of vector files, with model and kind; None where that model is gone."""
        with self._database.read() as session:
            known = {str(model.model_id): model.model_id for model in list_models(session)}
        folders: dict[Path, tuple[int, str] | None] = {}
        for folder in sorted(self._home.vectors.glob("*-*")):
            model_id, _, kind = folder.name.partition("-")
            folders[folder] = (known[model_id], kind) if model_id in known else None
        return folders

    def _left_by_indexes(self) -> list[Path]:
        known = [key for key in self._index_folders().values() if key is not None]
        stores = [SnapshotStore(self._home, self._database, *key) for key in known]
        return [path for store in stores for path in store.orphans(remove=self._mend)]

    def _nameless_indexes(self) -> list[Path]:
        return [folder for folder, key in self._index_folders().items() if key is None]

    def _nameless_thumbnails(self) -> list[Path]:
        with self._database.read() as session:
            known = integrity.content_hashes(session)
        files = self._home.thumbnails.glob("*/*")
        return sorted(path for path in files if path.suffix != ".jpg" or path.stem not in known)

    def _thumbnails(self) -> Finding:
        """Their photos are read again when they are indexed next; that needs the photos."""
        with self._database.read() as session:
            known = integrity.content_hashes(session)
        gone = [digest for digest in known if not _has_content(self._home.thumbnail(digest))]
        ids = sorted(key for digest in gone for key in known[digest])
        if ids and self._mend:
            for digest in gone:
                self._home.thumbnail(digest).unlink(missing_ok=True)
            with self._database.write() as session:
                integrity.read_again(session, ids)
        return self._found(Problem.THUMBNAILS, self._paths(ids), mended=False)

    def _old_failures(self) -> Finding:
        with self._database.read() as session:
            failed = known_failures(session)
            roots = [root.path for root in list_roots(session) if os.path.isdir(root.path)]
        # A file below a folder that cannot be reached may well be there.
        below = tuple(os.path.join(root, b"") for root in roots)
        gone = [path for path in failed if path.startswith(below) and not os.path.lexists(path)]
        if gone and self._mend:
            with self._database.write() as session:
                for path in gone:
                    clear_failure(session, path)
        return self._found(Problem.OLD_FAILURES, map(show_path, gone), mended=True)

    def _paths(self, ids: list[int]) -> list[str]:
        """A name for each photo; only those that will be shown are looked up."""
        with self._database.read() as session:
            views = view_photos(session, ids[:MOST_NAMED])
        named = {key: show_path(os.fsencode(view.full_path)) for key, view in views.items()}
        return [named.get(key, str(key)) for key in ids]


def _has_content(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size > 0
    return False
