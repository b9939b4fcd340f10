"""Folders of photos -> the catalog: the whole of `tellshow index`, but for its words.

Wires plan, run, models and storage together; FAISS follows SQL at the end. Knows nothing of
queries, nor of how progress is shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import photos, runs
from catalog.database import Database, writer_lock
from catalog.descriptions import change_counter
from catalog.home import Home
from catalog.model_registry import model_name, register_model, undescribed
from catalog.photos import KnownFile, described_contents
from catalog.roots import get_or_add_root, list_roots
from catalog.vectors.index import VectorIndex
from indexer.concurrency import decoders_that_suit, photos_that_suit
from indexer.decode_pool import Decoders, shared_decoders
from indexer.describe import describe
from indexer.folders import FolderNotFound, NotAFolder, resolve_folders, split_offline
from indexer.plan import Plan, make_plan
from indexer.prepare import Preparer
from indexer.progress import Progress, Silent
from indexer.record import Journal, Recorder
from indexer.report import IndexReport, Skipped, make_report
from indexer.retry import Patience
from indexer.run import Run
from indexer.thumbnails import is_there, remove_orphans, sweep

__all__ = [
    "FolderNotFound",
    "IndexOptions",
    "IndexReport",
    "Indexer",
    "NotAFolder",
    "Progress",
    "Skipped",
]


@dataclass(frozen=True)
class IndexOptions:
    """What a person may choose; None: as suits the machine.

    `batch_size`: photos that the model sees at once. `prune`: remove what vanished even if that is
    more than half of a folder. `decode_threads`: files decoded at once. `patience`: seconds to
    wait for a database server that is away.
    """

    batch_size: int | None = None
    prune: bool = False
    decode_threads: int | None = None
    patience: float | None = None


class Indexer:
    """Brings the catalog up to date with folders of photos, with one captioner."""

    def __init__(
        self,
        home: Home,
        database: Database,
        captioner: Captioner,
        embedder: SentenceEmbedder,
        options: IndexOptions | None = None,
        decoders: Decoders | None = None,
    ) -> None:
        self._home = home
        self._database = database
        self._captioner = captioner.eval()
        self._embedder = embedder
        self._options = options or IndexOptions()
        self._decoders = decoders or shared_decoders()
        self._patience = Patience(self._options.patience)
        self._repeat = self._patience.repeat

    def index(self, folders: Sequence[Path], progress: Progress | None = None) -> IndexReport:
        """Add, refresh and remove photos, so that the catalog says what the folders hold.

        Raises FolderNotFound, NotAFolder, WriterBusy, FaissMissing and DatabaseUnavailable.
        A database server that is away is waited for, for a minute where the options say nothing.
        After a KeyboardInterrupt everything that was committed is kept, FAISS included.
        """
        started = time.perf_counter()
        given = resolve_folders(folders)
        with writer_lock(self._home):
            online, offline = self._repeat(partial(self._split_offline, given))
            model_id = self._repeat(self._register)
            run = self._run(model_id, online, progress or Silent())
        shown_offline = [os.fsencode(folder) for folder in offline]
        left = self._repeat(partial(self._undescribed, model_id))
        seconds = time.perf_counter() - started
        return make_report(run.counts, shown_offline, run.skipped, left, seconds)

    def _run(self, model_id: int, folders: Sequence[Path], progress: Progress) -> Run:
        self._repeat(self._tidy)
        indexes = self._indexes(model_id)  # before any work: FAISS may be missing
        roots = self._repeat(partial(self._roots, folders))
        names = {root_id: path for path, root_id in roots.items()}
        recorder = Recorder(model_id, self._embedder.name, names)
        size = self._captioner.config.encoder.image_size
        preparer = Preparer(self._home, self._decoders, size)
        wanted = {folder: roots[os.fsencode(folder)] for folder in folders}
        journal, before = self._repeat(partial(self._begin, list(wanted.values())))
        run = Run(self._database, preparer, recorder, progress, journal, self._patience)
        with self._ended(run, indexes, before):
            plans = [
                self._repeat(partial(self._plan, model_id, folder, root_id))
                for folder, root_id in wanted.items()
            ]
            if any(plan.tasks for plan in plans):  # reading them takes a while in a large catalog
                preparer.begin(self._repeat(partial(self._known, model_id)))
            try:
                self._carry_out(run, plans)
            finally:
                self._drop_thumbnails(recorder.replaced, model_id)
        return run

    def _split_offline(self, folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
        with self._database.read() as session:
            return split_offline(session, folders)

    def _tidy(self) -> None:
        """Clear away what a run that was killed may have left beside the database."""
        sweep(self._home.thumbnails)
        with self._database.read() as session:
            if not runs.last_run_finished(session):
                remove_orphans(self._home.thumbnails, photos.content_hashes(session))

    def _register(self) -> int:
        captioner, embedder = self._captioner, self._embedder
        with self._database.write() as session:
            register_model(
                session,
                kind="embedder",
                name=embedder.name,
                sha256=embedder.sha256,
                config={"dimension": captioner.config.head.dimension},
                metrics={},
            )
            return register_model(
                session,
                kind="captioner",
                name=model_name(captioner.name, captioner.embedder_name, embedder.name),
                sha256=captioner.sha256,
                # A search has to read its sentence with the same embedder.
                config={**captioner.config.to_dict(), "embedder": embedder.name},
                metrics=captioner.metrics,
            )

    def _indexes(self, model_id: int) -> list[VectorIndex]:
        # Photos and sentences meet in one space; asking the embedder would load it in vain.
        dimension = self._captioner.config.head.dimension
        return [
            VectorIndex(self._home, self._database, model_id, kind, dimension)
            for kind in ("caption", "visual")
        ]

    def _roots(self, folders: Sequence[Path]) -> dict[bytes, int]:
        """Ids of all roots by path, the new ones included."""
        with self._database.write() as session:
            for folder in folders:
                get_or_add_root(session, folder)
            return {root.path: root.root_id for root in list_roots(session)}

    def _undescribed(self, model_id: int) -> dict[bytes, int]:
        with self._database.read() as session:
            return undescribed(session, model_id)

    def _known(self, model_id: int) -> set[bytes]:
        with self._database.read() as session:
            return described_contents(session, model_id)

    def _plan(self, model_id: int, folder: Path, root_id: int) -> Plan:
        with self._database.read() as session:
            return make_plan(
                session, root_id, folder, model_id, [self._home.thumbnails], self._has_thumbnail
            )

    def _has_thumbnail(self, known: KnownFile) -> bool:
        return is_there(self._home.thumbnail(known.content_hash))

    def _carry_out(self, run: Run, plans: Sequence[Plan]) -> None:
        run.carry_out(
            plans,
            partial(describe, self._captioner, self._embedder),
            batch_size=self._options.batch_size or photos_that_suit(self._captioner.device.type),
            threads=self._options.decode_threads or decoders_that_suit(),
            prune=self._options.prune,
        )

    @contextmanager
    def _ended(self, run: Run, indexes: Sequence[VectorIndex], before: int) -> Iterator[None]:
        """Note the end, and let FAISS follow, also where a person breaks the run off."""
        try:
            yield
        except KeyboardInterrupt:
            self._end(run, indexes, before, interrupted=True)
            raise
        self._end(run, indexes, before, interrupted=False)

    def _end(
        self, run: Run, indexes: Sequence[VectorIndex], before: int, interrupted: bool
    ) -> None:
        run.finish(interrupted)
        changed = self._repeat(self._change_counter) != before
        for index in indexes if changed else ():
            self._repeat(partial(_save, index))

    def _begin(self, root_ids: Sequence[int]) -> tuple[Journal, int]:
        """The journal of a run that starts now, and what the change counter is before it."""
        with self._database.write() as session:
            return Journal(session, root_ids), change_counter(session)

    def _change_counter(self) -> int:
        with self._database.read() as session:
            return change_counter(session)

    def _drop_thumbnails(self, hashes: Iterable[str], model_id: int) -> None:
        """Remove the thumbnails of bytes that no photo has any more."""
        with self._database.read() as session:
            for content_hash in hashes:
                if photos.photo_with_content(session, content_hash, model_id) is None:
                    self._home.thumbnail(content_hash).unlink(missing_ok=True)


def _save(index: VectorIndex) -> None:
    """Let a vector file follow what was committed."""
    index.open()
    index.save()
