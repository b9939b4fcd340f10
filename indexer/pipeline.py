"""Folders of photos -> the catalog: one run of `tellshow index`.

Begins the run, plans each folder, carries the plans out, and lets FAISS follow SQL at the end.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.image_embedder import ImageEmbedder
from captioner.image_file import max_pixels
from catalog.advisory_lock import IndexingLock, indexing_lock
from catalog.change_feed import Position, position, prune_changes
from catalog.checksums import damaged_descriptions, name_damaged
from catalog.database import Database, TemporarilyUnavailable
from catalog.home import Home
from catalog.image_vectors import KIND, choose_image_embedder
from catalog.model_registry import undescribed
from catalog.moved_roots import merge_doubled, remove_emptied
from catalog.originals import changed_originals
from catalog.own_files import is_own_path, pure_shards
from catalog.photo_places import note_places
from catalog.photos import described_contents, forget_photos, photo_with_content
from catalog.roots import KnownRoot, exclude, known_roots, note_reachable
from catalog.stop_request import is_stop_requested, withdraw_others, withdraw_request
from catalog.thumbnails import thumbnails_of
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex
from indexer.concurrency import decoders_that_suit, photos_that_suit
from indexer.decode_pool import Decoders, shared_decoders
from indexer.describe import describe
from indexer.engine import Engine, LocalEngine
from indexer.folders import FolderNotFound, NotAFolder, resolve_folders
from indexer.former_patterns import former_patterns
from indexer.heartbeat import beating
from indexer.ignore import check_pattern, root_rules
from indexer.image_vectors import ImageVectors
from indexer.plan import Plan, make_plan
from indexer.prepare import Preparer
from indexer.progress import Progress, Silent
from indexer.record import Exclusion, Recorder, RunLog, RunStart, begin_run
from indexer.report import MOVED, IndexReport, Skipped, make_report
from indexer.retry import RetryPolicy, Transactions
from indexer.run import Run

__all__ = [
    "FolderNotFound",
    "IndexOptions",
    "IndexReport",
    "Indexer",
    "NotAFolder",
    "Progress",
    "Skipped",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexOptions:
    """The options of a run; None: as suits the machine.

    `batch_size`: photos that the model sees at once. `prune`: remove what vanished even if that is
    more than half of a folder. `decode_threads`: files decoded at once. `retry_seconds`: how long
    to wait for a database server that is away. `exclude`: patterns, in gitignore's syntax, of files
    to leave out, which are remembered for the folders; `forget_excluded`: instead of those that
    are remembered already. `stoppable`: a request by stop_request.py ends it like Ctrl-C. `verify`:
    read all photos afterwards, to find those whose bytes changed although their size and time did
    not.
    """

    batch_size: int | None = None
    prune: bool = False
    decode_threads: int | None = None
    retry_seconds: float | None = None
    exclude: tuple[str, ...] = ()
    forget_excluded: bool = False
    stoppable: bool = False
    verify: bool = False


class Indexer:
    """Brings the catalog up to date with folders of photos, with one captioner.

    With an image embedder, that becomes the home's, and gives every photo a vector. `engine` reads
    and describes the files, with the same captioner; None: this process does.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        captioner: Captioner,
        embedder: SentenceEmbedder,
        options: IndexOptions | None = None,
        decoders: Decoders | None = None,
        image_embedder: ImageEmbedder | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._home = home
        self._thumbnails = thumbnails_of(home)
        self._database = database
        self._captioner = captioner
        self._embedder = embedder
        self._image_embedder = image_embedder
        self._image_vectors: ImageVectors | None = None
        self._options = options or IndexOptions()
        self._decoders = decoders or shared_decoders()
        self._engine = engine
        self._retry = RetryPolicy(self._options.retry_seconds)
        self._catalog = Transactions(database, self._retry)
        self._exclusion = Exclusion(self._options.exclude, self._options.forget_excluded)
        self._checked = False  # whether descriptions were compared with their checksums

    def index(self, folders: Sequence[Path], progress: Progress | None = None) -> IndexReport:
        """Add, refresh and remove photos, so that the catalog says what the folders hold.

        Raises FolderNotFound, NotAFolder, BadPixelLimit, InvalidPattern, WriterBusy,
        FaissMissing, ImageEmbedderUnavailable and DatabaseUnavailable.
        A database server that is away is waited for, for a minute where the options say nothing.
        After a KeyboardInterrupt everything that was committed is kept, FAISS included.
        """
        started = time.perf_counter()
        max_pixels()  # before any work: each file would fail for it
        for pattern in self._exclusion.patterns:
            check_pattern(pattern)
        if self._image_embedder is not None:
            _ = self._image_embedder.dimension  # no run begins with one that cannot embed
        given = resolve_folders(folders)
        with indexing_lock(self._home, self._database, [*map(os.fsencode, given)]) as lock:
            self._catalog = Transactions(self._database, self._retry, lock.hold)
            self._retry.call(lock.hold)
            log, progress = RunLog(self._options.stoppable), progress or Silent()
            with self._interruptible(log):
                start, indexes = self._catalog.write(partial(self._begin, given, log))
                recorder = self._recorder(start)
                run = self._run(log, recorder, progress)
                with beating(self._database, log), self._ending(run, indexes, start.change):
                    self._remove_leftovers(start, log, lock)
                    self._bring_up_to_date(start, run, recorder)
                    if self._image_vectors is not None:
                        self._image_vectors.fill(progress, self._stop_request(log))
            decayed = self._verified(start) if self._options.verify else None
        report = self._catalog.read(partial(self._report, start, run, started))
        return replace(report, changed_originals=decayed)

    @contextmanager
    def _interruptible(self, log: RunLog) -> Iterator[None]:
        """After a KeyboardInterrupt, end a run that is recorded and had not begun its work.

        However it ends, a request to stop it is forgotten.
        """
        try:
            yield
        except KeyboardInterrupt:
            if log.is_open:
                with suppress(TemporarilyUnavailable), self._database.write() as session:
                    log.break_off(session)
            raise
        finally:
            withdraw_request(self._home, log.run_id)

    def _begin(
        self, folders: Sequence[Path], log: RunLog, session: Session
    ) -> tuple[RunStart, list[VectorIndex]]:
        """Open a run, in one transaction: none is recorded where FAISS is missing."""
        models = self._captioner, self._embedder
        start = begin_run(session, *models, folders, self._exclusion, log)
        withdraw_request(self._home, log.run_id)  # nobody knows of the run yet
        # Photos and sentences meet in one space; asking the embedder would load it in vain.
        dimension = self._captioner.config.head.dimension
        indexes = [
            make_vector_index(self._home, self._database, start.model_id, kind, dimension)
            for kind in ("caption", "visual")
        ]
        return start, indexes + self._begin_image_vectors(session)

    def _begin_image_vectors(self, session: Session) -> list[VectorIndex]:
        """Make the image embedder the home's; its vector index, nothing where there is none."""
        embedder = self._image_embedder
        if embedder is None:
            return []
        chosen = choose_image_embedder(
            session,
            name=embedder.name,
            sha256=embedder.sha256,
            dimension=embedder.dimension,
            folder=embedder.folder,
        )
        own = self._home, self._database
        self._image_vectors = ImageVectors(*own, embedder, chosen, self._retry)
        return [make_vector_index(*own, chosen.model_id, KIND, chosen.dimension)]

    def _merge_doubled(self, start: RunStart) -> dict[int, int]:
        """How many photos of other folders were found in those of this run, by the folder's id."""
        here = list(start.online.values())
        if not start.roots.keys() - set(here):
            return {}
        return self._catalog.write(partial(merge_doubled, root_ids=here))

    def _remove_leftovers(self, start: RunStart, log: RunLog, lock: IndexingLock) -> None:
        """Remove the files that a run which was killed may have left beside the database."""
        with lock.alone() as is_alone:
            if not is_alone:  # they may be another run's that goes on
                return
            withdraw_others(self._home, log.run_id)
            self._thumbnails.remove_leftovers(start.live_hashes)
            if self._image_vectors is not None:
                self._image_vectors.remove_leftovers()

    def _forget_damaged(self, start: RunStart) -> None:
        """Forget descriptions that are not as they were written, for this run to make them again.

        Done by the first run only, as every row is read for it; --watch has many.
        """
        if self._checked:
            return
        damaged = self._catalog.read(
            partial(
                damaged_descriptions,
                model_id=start.model_id,
                root_ids=list(start.online.values()),
            )
        )
        for name in self._catalog.read(partial(name_damaged, ids=damaged)):
            log.warning("The description of %r is damaged, and made again.", name)

        if damaged:
            self._catalog.write(partial(forget_photos, ids=damaged, model_id=start.model_id))
        if self._image_vectors is not None:
            self._image_vectors.forget_damaged()
        self._checked = True

    def _with_former_patterns(self, start: RunStart) -> RunStart:
        """The same, with the patterns that new folders had where they lay before."""
        given, excluded = self._exclusion.patterns, dict(start.excluded)
        for folder, root_id in start.online.items() if not self._exclusion.instead else ():
            path = os.fsencode(folder)
            former = self._catalog.read(partial(former_patterns, root_id=root_id, folder=path))
            if former:
                patterns = (*(each for each in former if each not in given), *given)
                excluded[root_id] = patterns
                self._catalog.write(partial(exclude, root=KnownRoot(root_id), patterns=patterns))
        return replace(start, excluded=excluded)

    def _verified(self, start: RunStart) -> tuple[str, ...]:
        ids = list(start.online.values())
        return self._retry.call(lambda: tuple(changed_originals(self._database, ids)))

    def _recorder(self, start: RunStart) -> Recorder:
        online = set(start.online.values())
        return Recorder(start.model_id, self._embedder.name, start.roots, online)

    def _run(self, log: RunLog, recorder: Recorder, progress: Progress) -> Run:
        engine = self._engine or self._local_engine()
        return Run(self._catalog, engine, recorder, progress, log, self._stop_request(log))

    def _local_engine(self) -> Engine:
        size = self._captioner.config.encoder.image_size
        return LocalEngine(
            Preparer(self._home, self._decoders, size),
            partial(describe, self._captioner, self._embedder),
            batch_size=self._options.batch_size or photos_that_suit(self._captioner.device),
            decoding=self._options.decode_threads or decoders_that_suit(),
            describing=self._captioner.describing_threads,
        )

    def _stop_request(self, log: RunLog) -> Callable[[], bool]:
        """Tells whether somebody asked this run to end."""
        if not self._options.stoppable:
            return bool
        return lambda: log.is_stop_requested or is_stop_requested(self._home, log.run_id)

    def _bring_up_to_date(self, start: RunStart, run: Run, recorder: Recorder) -> None:
        """Do the work of a run that is recorded already."""
        self._forget_damaged(start)
        start = self._with_former_patterns(start)
        left = self._merge_doubled(start)
        run.counts[MOVED] += sum(left.values())
        plans = self._plans(start)
        known: Collection[bytes] = ()
        if any(plan.tasks for plan in plans):  # reading them takes a while in a large catalog
            known = self._catalog.read(partial(described_contents, model_id=start.model_id))
        try:
            run.carry_out(plans, known, self._options.prune)
        finally:
            self._drop_thumbnails(recorder.replaced, start.model_id)
        self._catalog.write(note_places)
        self._catalog.write(partial(remove_emptied, root_ids=recorder.left_roots | left.keys()))

    def _plans(self, start: RunStart) -> list[Plan]:
        has_thumbnail = self._thumbnails.lookup()
        plan = partial(
            make_plan,
            model_id=start.model_id,
            skip=pure_shards(self._home.path),
            is_own=is_own_path(self._home.path),
            is_complete=lambda known: has_thumbnail(known.content_hash),
        )
        rules = {key: root_rules(patterns) for key, patterns in start.excluded.items()}
        return [
            self._catalog.read(partial(plan, root_id=key, folder=folder, rules=rules[key]))
            for folder, key in start.online.items()
        ]

    @contextmanager
    def _ending(self, run: Run, indexes: Sequence[VectorIndex], before: Position) -> Iterator[None]:
        """End the run, and let FAISS follow, also after a KeyboardInterrupt."""
        try:
            yield
        except KeyboardInterrupt:
            self._end(run, indexes, before, interrupted=True)
            raise
        self._end(run, indexes, before, interrupted=False)

    def _end(
        self, run: Run, indexes: Sequence[VectorIndex], before: Position, interrupted: bool
    ) -> None:
        run.finish(interrupted)
        change = self._catalog.write(_note_end)
        for index in indexes if change != before else ():
            self._retry.call(partial(_save, index))

    def _report(self, start: RunStart, run: Run, started: float, session: Session) -> IndexReport:
        """What the run that began at `started` did, and what it leaves undone."""
        lacking, known = undescribed(session, start.model_id), known_roots(session)
        offline = [path for path in start.offline if path in known]
        seconds = time.perf_counter() - started
        return make_report(run.counts, offline, run.skipped, lacking, seconds)

    def _drop_thumbnails(self, hashes: Iterable[str], model_id: int) -> None:
        """Remove the thumbnails of bytes that no photo has any more."""
        with self._database.read() as session:
            gone = [
                content_hash
                for content_hash in hashes
                if photo_with_content(session, content_hash, model_id) is None
            ]
        if gone:
            self._thumbnails.remove(gone)


def _note_end(session: Session) -> Position:
    """Record which folders are there as a run ends; returns how far the vectors have changed."""
    note_reachable(session)
    prune_changes(session)
    return position(session)


def _save(index: VectorIndex) -> None:
    """Let a vector file follow what was committed."""
    index.open()
    index.save()
