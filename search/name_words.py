"""The words of all photos' names, kept until something is indexed."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

from sqlalchemy.orm import Session

from catalog.descriptions import change_counter
from catalog.fulltext import name_words
from catalog.runs import list_runs


class NameWords:
    """The words of the names in a catalog; safe to use from several threads.

    They are read when they are first needed, 0.4 s with 100,000 photos, and again after a change.
    """

    def __init__(self) -> None:
        self._words: frozenset[str] = frozenset()
        self._state: Hashable = None
        self._lock = Lock()

    def read(self, session: Session) -> frozenset[str]:
        """All of them, folded."""
        with self._lock:
            # A run may rename photos without a change of their vectors.
            runs = [(run.run_id, run.finished_at) for run in list_runs(session, 1)]
            state = (change_counter(session), *runs)
            if state != self._state:
                self._words, self._state = name_words(session), state
            return self._words
