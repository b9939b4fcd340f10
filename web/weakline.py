"""Where the line goes below which photos probably do not show what was asked for.

Single photos are marked weak by the search, and towards the end of a ranking more and more of
them are. The line stands before the first three in a row: fewer may be a slip of the model's
among photos that fit. Pages look two photos beyond their ends, so that the line falls in the
same place however the ranking is cut into pages. Knows nothing about HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from search.engine import SearchEngine
from search.query import MAX_RESULTS, SearchAnswer, SearchRequest

_RUN = 3


@dataclass(frozen=True)
class Judged:
    """A page of an answer, and how many of its results stand above the line."""

    answer: SearchAnswer
    above: int


def search_judged(engine: SearchEngine, request: SearchRequest) -> Judged:
    """The answer to `request`, parted in two; raises what the search raises."""
    margin = _RUN - 1
    before = min(margin, request.offset)
    wider = replace(
        request,
        offset=request.offset - before,
        k=min(before + request.k + margin, MAX_RESULTS),
    )
    if wider.k < before + request.k:
        before, wider = 0, request
    answer = engine.search(wider)
    line = first_run([result.weak for result in answer.results])
    shown = answer.results[before : before + request.k]
    above = min(max(line - before, 0), len(shown))
    return Judged(replace(answer, results=shown), above)


def first_run(weak: Sequence[bool]) -> int:
    """Where the first run of weak results begins; one that the end cuts short counts as one."""
    for start in range(len(weak)):
        if all(weak[start : start + _RUN]):
            return start
    return len(weak)
