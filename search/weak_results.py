"""Weak results: photos too improbable to convince, and the line in an answer where they begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights
from search.calibration import Background
from search.order import SearchOrder
from search.rerank import Ranked

# So many weak photos in a row are where an order stops being convincing.
_RUN = 3
# Among so many photos that place is looked for.
_JUDGED = 1000


@dataclass(frozen=True)
class Verdict:
    """What is said of a page of N photos, and of the order that it is of.

    `probability` [N]: that each fits; `weak` [N]: which do not convince. `all_weak`: none of the
    order's candidates does. `line`: the place where photos stop being convincing, as far as the
    page's end; `more`: whether photos follow that.
    """

    probability: NDArray[np.float32]
    weak: NDArray[np.bool_]
    all_weak: bool
    line: int
    more: bool


@dataclass(frozen=True)
class Judge:
    """Says how probable it is that photos fit a query, and which of them are weak."""

    fit: FitWeights
    background: Background

    def chances(self, ranked: Ranked) -> NDArray[np.float32]:
        """The probability that each photo fits: [N]."""
        return ranked.probability(self.fit, self.background)

    def weak(self, ranked: Ranked) -> NDArray[np.bool_]:
        """Whether each photo is weak [N]: improbable, and nothing in its names speaks for it."""
        weak: NDArray[np.bool_] = (self.chances(ranked) < self.fit.weak_below) & ~ranked.is_named
        return weak

    def page(self, order: SearchOrder, page: Ranked, stop: int) -> Verdict:
        """What is to be said of a page, whose last photo comes before place `stop` of its order."""
        line = find_line(order, stop, self.weak)  # first: it goes on in the page's own batches
        return Verdict(
            probability=self.chances(page),
            weak=self.weak(page),
            all_weak=all(self.weak(part).all() for part in order.candidates.parts()),
            line=line,
            more=order.reaches(stop),
        )


def find_line(order: SearchOrder, stop: int, judge: Callable[[Ranked], Iterable[Any]]) -> int:
    """The place where photos stop being convincing, as far as places before `stop` are concerned.

    It is that of the first weak photo of the first _RUN in a row, which may be cut short by the
    end of all. `judge` says which photos are weak. Beyond the first _JUDGED photos it is looked
    for no more, so that a page far down does not cost all those before it.
    """
    weak: list[bool] = []
    first, most = min(stop, _JUDGED), min(stop + _RUN - 1, _JUDGED)
    after = (order.page(first, until) for until in (most,))  # scored only where it is asked for
    for page in chain(order.pages(first), after):
        weak += map(bool, judge(page))
        line = first_run(weak)
        if line <= len(weak) - _RUN:
            return line
        if line == len(weak) >= first:  # no run goes on after the page
            break
    return stop if order.reaches(len(weak)) else first_run(weak)


def first_run(weak: Sequence[bool]) -> int:
    """Where the first run of weak results begins; one that the end cuts short counts as one."""
    for start in range(len(weak)):
        if all(weak[start : start + _RUN]):
            return start
    return len(weak)
