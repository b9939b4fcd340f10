"""What an index run notes of itself in the catalog, so that other processes see how far it is.

Knows nothing of files, nor of who reads it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from catalog.runs import Noted, finish_run, note_run, start_run


class Journal:
    """The row of one run; `roots` are the ids of its folders."""

    def __init__(self, session: Session, roots: Sequence[int]) -> None:
        """Note that the run begins."""
        self._roots = tuple(roots)
        self._run_id = start_run(session, Noted(self._roots, {}))
        self._total: int | None = None
        self._began = time.monotonic()

    def begin(self, session: Session, total: int, counts: Counter[str], skipped: int) -> None:
        """So many files will be read; some were left out or known already."""
        self._total, self._began = total, time.monotonic()
        self.note(session, 0, counts, skipped)

    def note(self, session: Session, done: int, counts: Counter[str], skipped: int) -> None:
        """So many files are done once this transaction is committed."""
        note_run(session, self._run_id, self._noted(done, counts, skipped))

    def end(
        self, session: Session, done: int, counts: Counter[str], skipped: int, interrupted: bool
    ) -> None:
        """Nothing more will come."""
        noted = self._noted(done, counts, skipped, interrupted)
        finish_run(session, self._run_id, noted)

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
        )
