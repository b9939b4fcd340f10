"""Consistency checks of a home: SQL against FAISS and the files on disk, with repair.

Only what can be repaired without the photos is; the rest is left to the next indexing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from catalog import integrity, photos
from catalog.advisory_lock import catalog_lock
from catalog.calibrations import list_calibrations, remove_calibrations
from catalog.checkpoints import KeptCheckpoints, is_sound
from catalog.checksums import damaged_descriptions, name_damaged
from catalog.database import Database, database_files
from catalog.failures import clear_failure, known_failures
from catalog.fulltext import refresh_words
from catalog.home import Home
from catalog.image_vectors import chosen_image_embedder, damaged_image_vectors
from catalog.kept_rows import KEPT, mend_rows, read_rows
from catalog.model_registry import list_models
from catalog.originals import changed_originals
from catalog.own_files import FOLDERS, Listing, list_files, move_aside, remove_own
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.thumbnails import thumbnails_of
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex
from catalog.vectors.pgvector_table import drop_tables, tables_of_gone_models
from catalog.vectors.snapshots import SnapshotStore, files_of_gone_models
from catalog.views import count_rows

# So many of the files or photos concerned are named; a damaged disk may have a million.
MOST_NAMED = 10

T = TypeVar("T")


class Problem(StrEnum):
    """What may be wrong.

    DATABASE: SQLite's file is damaged. REFERENCES: rows refer to rows that are gone.
    HALF_DESCRIBED: photos lack a part of what a model made. DAMAGED: what a model made of photos is
    not as it was written, vectors of an image embedder included. CALIBRATIONS: weights fitted on
    captions of one's own are not as they were written. KEPT: albums, favourites, links that share
    photos, or saved searches are not. ORIGINALS: photos' bytes changed although
    their size and time did not, where one asked for them to be read. NOT_DESCRIBED: no model has
    described them. WORDS: words of photos are not noted, or not as they are. VECTORS: vector files,
    or tables, are missing, damaged, or not what SQL holds. THUMBNAILS: they are missing or damaged.
    ORPHANS: files of ours in the home, or tables, that nothing names. OLD_FAILURES: files that
    failed, and are there no more. CHECKPOINTS: kept files are not those that they are named by.
    MISPLACED: folders lie where files belong, or the reverse. FOREIGN: what somebody else put
    there; nothing is wrong with it.
    """

    DATABASE = "database"
    REFERENCES = "references"
    HALF_DESCRIBED = "half_described"
    DAMAGED = "damaged"
    NOT_DESCRIBED = "not_described"
    WORDS = "words"
    VECTORS = "vectors"
    THUMBNAILS = "thumbnails"
    ORIGINALS = "originals"
    ORPHANS = "orphans"
    OLD_FAILURES = "old_failures"
    CHECKPOINTS = "checkpoints"
    CALIBRATIONS = "calibrations"
    KEPT = "kept"
    MISPLACED = "misplaced"
    FOREIGN = "foreign"


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
        return all(each.mended or each.problem is Problem.FOREIGN for each in self.findings)


class Attempt(Protocol):
    """What calls a step of an examination, and returns what that returned."""

    def __call__(self, work: Callable[[], T], /) -> T:
        """Call `work`, perhaps several times; raises what it raised last."""


def _once(work: Callable[[], T]) -> T:
    return work()


class Doctor:
    """Examines one home; with `mend` it puts right what it can.

    `spares`: checkpoints outside the home, as the shipped one, with the SHA-256s that they should
    have; they may be copies of damaged ones, and are named where they are damaged. `attempt`
    calls each step, and may call it again where the database does not answer. `verify_photos`:
    read every photo, too.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        *,
        mend: bool,
        spares: Mapping[Path, str] | None = None,
        attempt: Attempt = _once,
        verify_photos: bool = False,
    ) -> None:
        self._home = home
        self._database = database
        self._mend = mend
        self._spares = spares or {}
        self._attempt = attempt
        self._verify_photos = verify_photos

    def examine(self) -> Diagnosis:
        """Look at everything. Raises WriterBusy, FaissMissing and DatabaseUnavailable."""
        with catalog_lock(self._home, self._database):
            damage = self._attempt(self._damage)
            if damage:  # nothing that it says can be believed
                return Diagnosis((self._found(Problem.DATABASE, damage, mended=False),), 0)
            findings = [self._attempt(step) for step in self._steps()]
            found = tuple(finding for finding in findings if finding.count)
            return Diagnosis(found, self._attempt(self._failures))

    def _steps(self) -> tuple[Callable[[], Finding], ...]:
        """Each is one transaction, or comes to the same when it is begun again."""
        return (  # in this order: what one mends, the next then sees as it is
            self._misplaced,
            self._checkpoints,
            self._references,
            self._not_described,
            self._half_described,
            self._damaged,
            self._calibrations,
            self._kept,
            self._words,
            self._vectors,
            self._orphans,
            self._old_failures,
            self._thumbnails,
            *((self._originals,) if self._verify_photos else ()),
            self._foreign,
        )

    def _failures(self) -> int:
        with self._database.read() as session:
            return count_rows(session).failures

    def _found(self, problem: Problem, names: Iterable[object], *, mended: bool) -> Finding:
        every = [str(name) for name in names]
        return Finding(problem, len(every), tuple(every[:MOST_NAMED]), mended and self._mend)

    def _damage(self) -> list[str]:
        with self._database.read() as session:
            return integrity.sqlite_damage(session) or integrity.damaged_values(session)

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

    def _damaged(self) -> Finding:
        """Repaired as those that lack a part, which are not told twice."""
        with self._database.read() as session:
            half = integrity.half_described(session)
            found = {
                model.model_id: sorted(
                    set(damaged_descriptions(session, model.model_id))
                    - set(half.get(model.model_id, ()))
                )
                for model in list_models(session)
            }
            chosen = chosen_image_embedder(session)
            if chosen is not None:
                found[chosen.model_id] = damaged_image_vectors(session, chosen.model_id)
        if any(found.values()) and self._mend:
            with self._database.write() as session:
                for model_id, ids in found.items():
                    photos.forget_photos(session, ids, model_id)
        ids = sorted({key for ids in found.values() for key in ids})
        return self._found(Problem.DAMAGED, self._paths(ids), mended=False)

    def _calibrations(self) -> Finding:
        """Repaired by forgetting them: the captioner's own weights rank then."""
        with self._database.read() as session:
            damaged = [each for each in list_calibrations(session) if each.ranking is None]
        if damaged and self._mend:
            with self._database.write() as session:
                remove_calibrations(session, [each.calibration_id for each in damaged])
        names = [f"fitted at {each.fitted_at:%Y-%m-%d %H:%M}" for each in damaged]
        return self._found(Problem.CALIBRATIONS, names, mended=True)

    def _kept(self) -> Finding:
        """Repaired by taking them as they are; links that share photos end."""
        with self._database.read() as session:
            damaged = {table: read_rows(session, table).damaged for table in KEPT}
        if any(damaged.values()) and self._mend:
            with self._database.write() as session:
                for table, keys in damaged.items():
                    if keys:
                        mend_rows(session, table)
        names = [
            f"{table.__tablename__} {' '.join(map(_key_text, key))}"
            for table, keys in damaged.items()
            for key in keys
        ]
        return self._found(Problem.KEPT, names, mended=True)

    def _originals(self) -> Finding:
        """Only their owner has other copies of them."""
        return self._found(Problem.ORIGINALS, changed_originals(self._database), mended=False)

    def _not_described(self) -> Finding:
        with self._database.read() as session:
            ids = integrity.not_described(session)
        return self._found(Problem.NOT_DESCRIBED, self._paths(ids), mended=False)

    def _words(self) -> Finding:
        with self._database.read() as session:
            ids = integrity.photos_without_words(session)
            ids += integrity.photos_with_other_words(session)
            is_wrong = integrity.is_text_index_wrong(session)
            is_keyword_wrong = integrity.is_keyword_index_wrong(session)
        if (ids or is_wrong or is_keyword_wrong) and self._mend:
            with self._database.write() as session:
                if is_wrong:
                    integrity.rebuild_text_index(session)
                if is_keyword_wrong:
                    integrity.rebuild_keyword_index(session)
                refresh_words(session, ids)
        names = [*self._paths(ids), *(["the full-text index"] if is_wrong else [])]
        names += ["the index of keywords"] if is_keyword_wrong else []
        return self._found(Problem.WORDS, names, mended=True)

    def _misplaced(self) -> Finding:
        """A person put it there, and may want it elsewhere; a file can make room for a folder."""
        names = [path for name in FOLDERS for path in self._listed(name).misplaced]
        moved = move_aside(self._home.path, names) if self._mend else []
        return self._found(Problem.MISPLACED, names, mended=len(moved) == len(names))

    def _foreign(self) -> Finding:
        names = [path for name in FOLDERS for path in self._listed(name).foreign]
        return self._found(Problem.FOREIGN, names, mended=False)

    def _checkpoints(self) -> Finding:
        kept = KeptCheckpoints(self._home)
        damaged = kept.damaged()
        spares = list(self._spares)
        left = [path for path in damaged if self._mend and not kept.mend(path, spares)]
        outside = [path for path in spares if not is_sound(path, self._spares[path])]
        stored = kept.mend_store(mend=self._mend)
        found = [*damaged, *outside, *(name for name, _ in stored)]
        left_stored = [name for name, mended in stored if not mended]
        mended = not left and not outside and not left_stored
        return self._found(Problem.CHECKPOINTS, found, mended=mended)

    def _vectors(self) -> Finding:
        with self._database.read() as session:
            sets = integrity.vector_sets(session)
            sizes = {model: integrity.vector_size(session, model) or 0 for model, _ in sets}
        wrong, left = [], []
        for model_id, kind in sets:
            index = make_vector_index(
                self._home, self._database, model_id, kind, sizes[model_id] // 2
            )
            if not index.verify():
                wrong.append(f"{model_id}-{kind}")
                left += wrong[-1:] if self._mend and not _rebuilt(index) else []
        return self._found(Problem.VECTORS, wrong, mended=not left)

    def _orphans(self) -> Finding:
        """Files of ours that nothing names; a catalog without photos may be another's, or lost."""
        with self._database.read() as session:
            known = integrity.content_hashes(session)
        left = files_of_gone_models(self._home, self._database)
        unfinished = [path for path in self._listed("models").own if path.suffix == ".tmp"]
        mend = self._mend and bool(known)
        pictures = thumbnails_of(self._home).orphans(known, remove=mend)
        if mend:
            remove_own(self._home.path, [*left, *unfinished])
        unnamed = [*self._left_by_indexes(remove=mend), *self._left_tables(remove=mend)]
        return self._found(Problem.ORPHANS, [*unnamed, *left, *pictures, *unfinished], mended=mend)

    def _left_tables(self, *, remove: bool) -> list[str]:
        with self._database.read() as session:
            names = tables_of_gone_models(session)
        if names and remove:
            with self._database.write() as session:
                drop_tables(session, names)
        return names

    def _listed(self, folder: str) -> Listing:
        return list_files(self._home.path, folder)

    def _left_by_indexes(self, *, remove: bool) -> list[Path]:
        with self._database.read() as session:
            known = [model.model_id for model in list_models(session)]
        stores = [
            SnapshotStore(self._home, self._database, key, kind)
            for key in known
            for kind in integrity.KINDS
        ]
        left: list[Path] = []
        for store in stores:
            with suppress(OSError):  # its lock is a folder, say, which was told already
                left += store.orphans(remove=remove)
        return left

    def _thumbnails(self) -> Finding:
        """The next indexing makes them again, for which it needs the photos."""
        with self._database.read() as session:
            known = integrity.content_hashes(session)
        thumbnails = thumbnails_of(self._home)
        gone = thumbnails.damaged(known)
        ids = sorted(key for digest in gone for key in known[digest])
        if ids and self._mend:
            thumbnails.remove(gone)
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
            named = name_damaged(session, ids[:MOST_NAMED])
        return [*named, *map(str, ids[len(named) :])]


def misplaced_at_top(home: Home) -> Diagnosis | None:
    """What keeps a home's database from being opened: folders in its place; None for nothing."""
    file = home.database_file
    paths = [home.lock, *(database_files(file) if file else ())]
    found = tuple(str(path) for path in paths if path.exists() and not path.is_file())
    if not found:
        return None
    return Diagnosis((Finding(Problem.MISPLACED, len(found), found, mended=False),), 0)


def _key_text(value: object) -> str:
    """A part of a row's key, as people read it; of a hash its beginning."""
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value))[:12]


def _rebuilt(index: VectorIndex) -> bool:
    """Make a vector file anew; False where it cannot be written."""
    try:
        index.rebuild()
        index.save()
    except OSError:
        return False
    return True
