"""The second stage as a cascade: each step reads fewer candidates, and reads them better.

What is known of a candidate before it is read (the first stage's similarities) tells which are
worth an estimate of their likelihood (Captioner.estimate), and that which are worth the likelihood
itself, a batch at a time. A candidate takes its place once its score is above all that those not
scored yet can reach, by their estimates and by how far estimates were off so far: the threshold
algorithm of Fagin, Lotem and Naor (2003) with bounds that are measured, not proven. A candidate
that a bound misses comes some places late, with its own score. What is read, and when, follows from
the candidates and the place reached alone, so that all pages of a search are parts of one order.
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
# Candidates that are estimated in any case.
_ESTIMATED = 72
# With fewer candidates there is little to save.
FEWEST = 84
# Standard deviations that a candidate may be better than its estimate, and that its estimate may be
# better than what is known before it.
_DEVIATIONS, _DEVIATIONS_BEFORE = 2.0, 2.5

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


class Cascade:
    """The candidates of one search by place from 0, scored as far as they are looked at.

    `known` [N]: what is in their scores already, all but the likelihood. `estimate` tells about
    what some of the rows score, and `score` reads them with likelihoods, in any order. Made for one
    search, in one thread.
    """

    def __init__(
        self,
        known: Scores,
        estimate: Callable[[Rows], Scores],
        score: Callable[[Rows], Ranked],
        hits: WordHits,
    ) -> None:
        self._known, self._estimate, self._score, self.hits = known, estimate, score, hits
        self._later: Rows = np.argsort(-known, kind="stable")  # not estimated yet
        self._unread: Rows = np.empty(0, np.int64)  # estimated, not scored yet
        self._estimates = np.full(len(known), np.nan, np.float32)
        self._compared = 0  # places below it go to those estimated by now
        self._off = np.empty(0, np.float32)  # scores less estimates of those read
        self._waiting = Ranked.empty()  # read, best first, without a place yet
        self._placed: list[Ranked] = []
        self._count = 0  # of those with a place

    @classmethod
    def of(cls, ranked: Ranked) -> Cascade:
        """Of candidates that were all scored and put in order already."""
        made = cls(ranked.score, ranked.score.take, ranked.take, ranked.hits)
        made._later = made._later[:0]
        made._place(ranked)
        return made

    def __len__(self) -> int:
        return self._count + len(self._waiting) + len(self._unread) + len(self._later)

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
        rest = np.concatenate([self._unread, self._later])
        self._unread = self._later = rest[:0]
        if len(rest):
            yield self._read(rest)

    def _advance(self) -> None:
        """Give places to those whose place is known, after one more batch where there are none."""
        if self._count >= self._compared:
            self._compare()
        ready = self._ready()
        if not ready:
            done = len(self._off)
            batch = max(_NEXT, done // 4) if done else self._first()
            rows, self._unread = self._unread[:batch], self._unread[batch:]
            self._read(rows)
            ready = self._ready()
        ready = min(ready, self._compared - self._count)
        rows = np.arange(len(self._waiting))
        self._place(self._waiting.take(rows[:ready]))
        self._waiting = self._waiting.take(rows[ready:])

    def _compare(self) -> None:
        """Estimate what may belong to the next places looked at; all, where hardly more is left."""
        if not self._compared:
            self._estimate_first(_ESTIMATED)
        at_hand = np.concatenate([self._waiting.score, self._estimates[self._unread]])
        wanted = len(self._later)
        self._compared = len(self)
        if len(at_hand) >= 2 * _LOOKED_AT:
            last = np.partition(at_hand, -_LOOKED_AT)[-_LOOKED_AT]
            wanted = int(np.count_nonzero(self._most() >= last))
            self._compared = self._count + _LOOKED_AT
        self._estimate_first(wanted)

    def _most(self) -> Scores:
        """What the estimates of those without one may be: [N], the most promising first.

        By linear regression on the others, that likelihood never speaks against similarity.
        """
        estimated = np.flatnonzero(np.isfinite(self._estimates))
        known, found = self._known[estimated], self._estimates[estimated]
        apart = known - known.mean()
        slope = max(float(apart @ found) / max(float(apart @ apart), 1e-6), 1.0)
        off = found - found.mean() - slope * apart
        level = found.mean() + _DEVIATIONS_BEFORE * off.std()
        most: Scores = level + slope * (self._known[self._later] - known.mean())
        return most

    def _estimate_first(self, count: int) -> None:
        """Estimate the most promising of those without one."""
        rows, self._later = self._later[:count], self._later[count:]
        if len(rows):
            self._estimates[rows] = self._estimate(rows)
            unread = np.concatenate([self._unread, rows])
            self._unread = unread[np.argsort(-self._estimates[unread], kind="stable")]

    def _first(self) -> int:
        """How many to read at first."""
        best = self._estimates[self._unread[:_FIRST]]
        last = best[min(_LOOKED_AT, len(best)) - 1]
        return int((best >= last - _BEHIND).sum())

    def _read(self, rows: Rows) -> Ranked:
        read = self._score(rows)
        off = read.score - self._estimates[rows]
        self._off = np.concatenate([self._off, off[np.isfinite(off)]])
        known = Ranked.joined([self._waiting, read])
        self._waiting = known.take(np.argsort(-known.score, kind="stable"))
        return read

    def _ready(self) -> int:
        """How many of those that wait are better than all that is estimated can be."""
        if not len(self._unread):
            return len(self._waiting)
        if not len(self._waiting):
            return 0
        most = self._estimates[self._unread[0]] + self._off.mean() + _DEVIATIONS * self._off.std()
        return int((self._waiting.score >= most).sum())

    def _place(self, ranked: Ranked) -> None:
        self._placed.append(ranked)
        self._count += len(ranked)
