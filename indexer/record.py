"""What a run writes to the catalog: its beginning, the outcomes of its files, and its progress.

Everything happens in the caller's session, which is one transaction; no file is opened.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sqlalchemy.orm import Session

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import photos
from catalog.change_feed import Position, position
from catalog.failures import clear_failure, record_failure
from catalog.model_registry import NewModel, model_name, register_models
from catalog.moved_roots import common_end, size_of
from catalog.photos import KnownFile
from catalog.records import NewPhoto
from catalog.remote_folders import is_remote, look_at
from catalog.roots import exclude, is_same_folder, known_roots, note_online, note_reachable
from catalog.runs import Noted, finish_run, last_run_finished, note_run, start_run
from indexer.folders import split_by_presence
from indexer.plan import Plan, Task
from indexer.prepare import Failed, Prepared, SameBytes
from indexer.report import DUPLICATES, INDEXED, MOVED, REMOVED, UNCHANGED, WITHHELD


@dataclass(frozen=True)
class RunStart:
    """What the catalog says as a run begins.

    `model_id`: the captioner's. `online`: id by absolute path of the folders to index, `offline`
    the paths of those that are not there. `roots`: absolute path by id of every root. `excluded`:
    the patterns of every root, by id.
    `change`: how far the vectors have changed. `live_hashes`: the content hashes of all photos
    where the last run was killed, which may have left thumbnails that none has; else None.
    """

    model_id: int
    online: Mapping[Path, int]
    offline: Sequence[bytes]
    roots: Mapping[int, bytes]
    excluded: Mapping[int, Sequence[str]]
    change: Position
    live_hashes: set[str] | None


@dataclass(frozen=True)
class Exclusion:
    """Patterns to remember for the folders of a run, `instead` of those known or behind them."""

    patterns: Sequence[str] = ()
    instead: bool = False


def begin_run(
    session: Session,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    folders: Sequence[Path],
    exclusion: Exclusion,
    log: RunLog,
) -> RunStart:
    """Record in its log that a run begins, with its models and its folders, which are absolute.

    Raises FolderNotFound for one that is neither on disk nor in the catalog.
    """
    # Few statements: where a server comes and goes, all of them have to fit between.
    roots = known_roots(session)
    online, offline = split_by_presence(folders, roots)
    model_id = _register_models(session, captioner, embedder)
    live_hashes = None if last_run_finished(session) else photos.content_hashes(session)
    paths = {folder: os.fsencode(folder) for folder in folders}
    note_reachable(session, roots)
    for folder in online:
        roots[paths[folder]] = note_online(session, paths[folder], roots.get(paths[folder]))
    for path in paths.values():
        roots[path] = exclude(session, roots[path], exclusion.patterns, instead=exclusion.instead)
    ids = {folder: roots[paths[folder]].root_id for folder in online}
    log.open(session, list(ids.values()))
    return RunStart(
        model_id=model_id,
        online=ids,
        offline=[paths[folder] for folder in offline],
        roots={root.root_id: path for path, root in roots.items()},
        excluded={root.root_id: root.excluded for root in roots.values()},
        change=position(session),
        live_hashes=live_hashes,
    )


def _register_models(session: Session, captioner: Captioner, embedder: SentenceEmbedder) -> int:
    """Record both models, and return the captioner's id."""
    dimension = captioner.config.head.dimension
    name = model_name(captioner.name, captioner.embedder_name, embedder.name)
    # A search has to read its sentence with the same embedder.
    config = {**captioner.config.to_dict(), "embedder": embedder.name}
    _, model_id = register_models(
        session,
        [
            NewModel("embedder", embedder.name, embedder.sha256, {"dimension": dimension}, {}),
            NewModel("captioner", name, captioner.sha256, config, captioner.metrics),
        ],
    )
    return model_id


class Recorder:
    """Records the outcomes of files.

    `roots`: root ids to absolute paths; `online`: ids of those that are indexed. `replaced`: the
    content hashes of photos that were removed or replaced; other photos may still have them.
    `left_roots`: ids of the folders that photos moved out of.
    """

    def __init__(
        self, model_id: int, embedder: str, roots: Mapping[int, bytes], online: Collection[int]
    ) -> None:
        self._model_id = model_id
        self._embedder = embedder
        self._roots = roots
        self._online = online
        self._moved: set[int] = set()
        self.replaced: set[str] = set()
        self.left_roots: set[int] = set()

    def add(
        self, session: Session, batch: Sequence[Prepared], new: Sequence[NewPhoto]
    ) -> Counter[str]:
        """Store photos that went through the model, in order of `batch`."""
        pairs = sorted(zip(batch, new, strict=True), key=lambda pair: pair[0].task.root_id)
        for root_id, group in groupby(pairs, key=lambda pair: pair[0].task.root_id):
            of_root = [photo for _, photo in group]
            photos.add_photos(session, root_id, self._model_id, of_root, self._embedder)
        for photo in batch:
            self._succeeded(session, photo.task, photo.content_hash)
        return Counter({INDEXED: len(batch)})

    def same_bytes(self, session: Session, item: SameBytes) -> str | None:
        """Reuse the descriptions of the same bytes; None where no photo has them.

        Returns the outcome: UNCHANGED, MOVED or DUPLICATES.
        """
        task, known = item.task, item.task.known
        if known is not None and known.has_state and known.content_hash == item.content_hash:
            photos.touch_photo(session, known.photo_id, task.file, item.origin)
            return UNCHANGED
        sources = photos.photos_with_content(session, item.content_hash, self._model_id)
        sources = [source for source in sources if source.has_state]
        if not sources:
            return None
        self._succeeded(session, task, item.content_hash)
        left = self._nearest_that_left(sources, task)
        if left is None:
            source_id = sources[0].photo_id
            photos.copy_photo(session, source_id, task.root_id, task.file, item.origin)
            return DUPLICATES
        photos.move_photo(session, left.photo_id, task.root_id, task.file, item.origin)
        self._moved.add(left.photo_id)
        if left.root_id != task.root_id:
            self.left_roots.add(left.root_id)
        return MOVED

    def failed(self, session: Session, item: Failed) -> Counter[str]:
        """Record a failure that lasts, and remove the photo that was known by that path."""
        if not item.lasting:
            return Counter()
        file, known = item.task.file, item.task.known
        record_failure(session, item.task.full_path, file.size, file.mtime_ns, item.reason)
        if known is None or known.photo_id in self._moved:
            return Counter()
        return self._remove(session, [known])

    def vanished(self, session: Session, plan: Plan, prune: bool) -> Counter[str]:
        """Remove photos that are excluded, and those that vanished.

        Of the latter none where they are over half of their root, and not `prune`.
        """
        for path in plan.stale_failures:
            clear_failure(session, path)
        gone = self._left(plan.vanished)
        excluded = self._remove(session, self._left(plan.excluded))
        if 2 * len(gone) > plan.known - len(plan.excluded) and not prune:
            return excluded + Counter({WITHHELD: len(gone)})
        return excluded + self._remove(session, gone)

    def _left(self, files: Sequence[KnownFile]) -> list[KnownFile]:
        return [file for file in files if file.photo_id not in self._moved]

    def _remove(self, session: Session, files: Sequence[KnownFile]) -> Counter[str]:
        photos.remove_photos(session, [file.photo_id for file in files])
        self.replaced.update(file.content_hash for file in files)
        return Counter({REMOVED: len(files)})

    def _succeeded(self, session: Session, task: Task, content_hash: str) -> None:
        if task.failed_before:
            clear_failure(session, task.full_path)
        if task.known is not None and task.known.content_hash != content_hash:
            self.replaced.add(task.known.content_hash)

    def _nearest_that_left(self, sources: Sequence[KnownFile], task: Task) -> KnownFile | None:
        """The file that is now at the task's path; of several whose path ends most alike."""
        paths = {each: os.path.join(self._roots[each.root_id], each.path) for each in sources}
        left = [each for each, path in paths.items() if self._has_left(each, path, task)]
        return max(left, key=lambda each: common_end(paths[each], task.full_path), default=None)

    def _has_left(self, source: KnownFile, path: bytes, task: Task) -> bool:
        if path == task.full_path:  # one of two folders lies in the other
            return True
        if source.root_id != task.root_id and source.root_id in self._online:
            # Of two folders of this run that are one and the same, each shows its photos.
            return is_gone(path)
        if is_gone(path):
            # Where a folder was renamed, a copy keeps its own row for the file of its own name.
            own = os.path.join(task.root, source.path)
            return own in (path, task.full_path) or size_of(own) != source.size
        return is_same_entry(path, task.full_path)


def is_gone(path: bytes) -> bool:
    """Whether a file is certainly not at a path any more."""
    if is_remote(path):
        return _is_gone_remotely(path)
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # nothing is known of it, not even that it is gone
        return False
    return False


def _is_gone_remotely(path: bytes) -> bool:
    try:
        return look_at(path) is None
    except OSError:
        return False


def is_same_entry(path: bytes, found: bytes) -> bool:
    """Whether two paths name one entry of one folder: by a link to it, or in other letters' case.

    A hard link is an entry of its own.
    """
    (folder, name), (found_in, found_name) = os.path.split(path), os.path.split(found)
    if name == found_name:
        return is_same_folder(folder, found_in)
    return name.lower() == found_name.lower() and _is_other_case(path, found)


def _is_other_case(path: bytes, found: bytes) -> bool:
    """Whether a path leads to a file whose name is written in other letters' case on disk."""
    folder, name = os.path.split(path)
    try:
        return os.path.samefile(path, found) and name not in os.listdir(folder)
    except OSError:
        return False


class RunLog:
    """The row of one run in the catalog, by which other processes see how far it is.

    `stoppable` says that the run looks for requests to stop. `is_stop_requested`: by a server on
    another machine, see heartbeat.py.
    """

    def __init__(self, stoppable: bool = False) -> None:
        self._stoppable = stoppable
        self._roots: tuple[int, ...] = ()
        self._total: int | None = None
        self._began = time.monotonic()
        self.run_id = 0
        self.is_open = False  # whether there is a row that says nothing of an end
        self.is_stop_requested = False

    def open(self, session: Session, roots: Sequence[int]) -> None:
        """Insert the row; `roots` are the ids of the run's folders."""
        self._roots = tuple(roots)
        self.run_id = start_run(session, Noted(self._roots, {}, stoppable=self._stoppable))
        self.is_open = True

    def begin(self, session: Session, total: int, counts: Counter[str], skipped: int) -> None:
        """The plans are made: `total` files will be read; `counts` and `skipped` so far."""
        self._total, self._began = total, time.monotonic()
        self.note(session, 0, counts, skipped)

    def note(self, session: Session, done: int, counts: Counter[str], skipped: int) -> None:
        """`done` files are recorded once this transaction is committed."""
        note_run(session, self.run_id, self._noted(done, counts, skipped))

    def end(
        self, session: Session, done: int, counts: Counter[str], skipped: int, interrupted: bool
    ) -> None:
        """The run is over, completed or interrupted."""
        noted = self._noted(done, counts, skipped, interrupted)
        finish_run(session, self.run_id, noted)
        self.is_open = False

    def break_off(self, session: Session) -> None:
        """The run is interrupted before it did anything."""
        self.end(session, 0, Counter(), 0, interrupted=True)

    def _noted(
        self, done: int, counts: Counter[str], skipped: int, interrupted: bool = False
    ) -> Noted:
        return Noted(
            roots=self._roots,
            counts={**counts, "skipped": skipped},
            total=self._total,
            done=done,
            seconds=time.monotonic() - self._began,
            interrupted=interrupted,
            stoppable=self._stoppable,
        )
