"""The second stage as a cascade: all candidates estimated, and scored only as far as looked at.

A cheap estimate of the likelihood (Captioner.estimate) says in which order candidates are scored,
a batch at a time. A candidate takes its place once its score is above all that those not scored yet
can reach, by their estimates and by how far estimates were off so far: the threshold algorithm of
Fagin, Lotem and Naor (2003) with a bound that is measured, not proven. A candidate that the bound
misses comes some places late, with its own score. Batches follow from the estimates alone, so that
all pages of a search are parts of one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from search.lexical import WordHits
from search.limits import DEFAULT_RESULTS
from search.rerank import Ranked

# A search looks at a page, and often at the next two to tell whether its end convinces
# (search.weak_results). In the first batch is what by its estimate belongs to these, and what is so
# little behind them, in logits as scores are, that it may: a photo in a later batch costs more.
_LOOKED_AT, _BEHIND = DEFAULT_RESULTS + 2, 0.15
# Candidates in the first batch at most. In each of those after it a quarter of what was read so
# far, at least the second number.
_FIRST, _NEXT = 3 * DEFAULT_RESULTS, 8
# With fewer candidates there is little to save.
FEWEST = 72
# Standard deviations of the estimates' errors that a candidate may be better than its estimate.
_DEVIATIONS = 2.0

Rows = NDArray[np.int64]


class Cascade:
    """The candidates of one search by place from 0, scored as far as they are looked at.

    `estimate` [N]: about their scores. `score` reads some of the rows with likelihoods, in any
    order. Made for one search, in one thread.
    """

    def __init__(
        self, estimate: NDArray[np.float32], score: Callable[[Rows], Ranked], hits: WordHits
    ) -> None:
        self._estimate, self._score, self.hits = estimate, score, hits
        self._unread: Rows = np.argsort(-estimate, kind="stable")
        self._off = np.empty(0, np.float32)  # scores less estimates of those read
        self._waiting = Ranked.empty()  # read, best first, without a place yet
        self._placed: list[Ranked] = []
        self._count = 0  # of those with a place

    @classmethod
    def of(cls, ranked: Ranked) -> Cascade:
        """Of candidates that were all scored and put in order already."""
        made = cls(ranked.score, ranked.take, ranked.hits)
        made._unread = made._unread[:0]
        made._place(ranked)
        return made

    def __len__(self) -> int:
        return self._count + len(self._waiting) + len(self._unread)

    @property
    def whole(self) -> Ranked:
        """All of them, best first."""
        return self.page(0, len(self))

    def page(self, start: int, stop: int) -> Ranked:
        """Those at places from `start` to before `stop`."""
        if start >= min(stop, len(self)):
            return Ranked.empty()
        while self._count < min(stop, len(self)):
            self._advance()
        placed = Ranked.joined(self._placed)
        self._placed = [placed]
        return placed.take(np.arange(start, min(stop, len(placed))))

    def parts(self) -> Iterator[Ranked]:
        """All of them in two parts, for what hangs on no order: those scored already, and the rest.

        Pages that are asked for after the rest put it in order as if it had been one batch.
        """
        yield Ranked.joined([*self._placed, self._waiting])
        if len(self._unread):
            yield self._read(self._unread)

    def _advance(self) -> None:
        """Give places to those whose place is known, after one more batch where there are none."""
        ready = self._ready()
        if not ready:
            done = len(self._off)
            self._read(self._unread[: max(_NEXT, done // 4) if done else self._first()])
            ready = self._ready()
        rows = np.arange(len(self._waiting))
        self._place(self._waiting.take(rows[:ready]))
        self._waiting = self._waiting.take(rows[ready:])

    def _first(self) -> int:
        """How many to read at first."""
        best = self._estimate[self._unread[:_FIRST]]
        last = best[min(_LOOKED_AT, len(best)) - 1]
        return int((best >= last - _BEHIND).sum())

    def _read(self, rows: Rows) -> Ranked:
        read = self._score(rows)
        self._unread = self._unread[len(rows) :]
        self._off = np.concatenate([self._off, read.score - self._estimate[rows]])
        known = Ranked.joined([self._waiting, read])
        self._waiting = known.take(np.argsort(-known.score, kind="stable"))
        return read

    def _ready(self) -> int:
        """How many of those that wait are better than all that is not read can be."""
        if not len(self._unread):
            return len(self._waiting)
        if not len(self._waiting):
            return 0
        most = self._estimate[self._unread[0]] + self._off.mean() + _DEVIATIONS * self._off.std()
        return int((self._waiting.score >= most).sum())

    def _place(self, ranked: Ranked) -> None:
        self._placed.append(ranked)
        self._count += len(ranked)
