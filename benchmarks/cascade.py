"""Benchmark: the second stage's cascade against scoring every candidate, by answers and by time.

    python -m benchmarks.cascade --home HOME --queries dev.tsv

HOME holds the photos already, and is only read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.load import read_queries
from captioner.checkpoint import load_checkpoint
from captioner.embedder import choose_embedder
from catalog.database import open_database
from catalog.home import open_home
from search.engine import SearchEngine
from search.limits import DEFAULT_RESULTS
from search.request import SearchRequest
from search.rerank import Ranked

_WARM_UP = 5


@dataclass(frozen=True)
class Compared:
    """One query: the photos of its first page by both ways, and what each way took."""

    scored: Sequence[int]  # every candidate scored, best first
    cascade: Sequence[int]
    apart: float  # the largest difference between scores of the same photo
    scored_ms: float
    cascade_ms: float

    def is_same(self, count: int) -> bool:
        """Whether the first photos are the same in the same order."""
        return list(self.scored[:count]) == list(self.cascade[:count])

    def has_same(self, count: int) -> bool:
        """Whether the first photos are the same in any order."""
        return set(self.scored[:count]) == set(self.cascade[:count])


def compare(engine: SearchEngine, query: str) -> Compared:
    """One query, by both ways."""
    question = engine.read(SearchRequest(query))
    scored, scored_ms = _timed(lambda: engine.rank(question))
    page, cascade_ms = _timed(lambda: engine.order(question).page(0, DEFAULT_RESULTS))
    known = dict(zip(scored.found.ids.tolist(), scored.score.tolist(), strict=True))
    shown = page.found.ids.tolist()
    apart = max(abs(known[key] - score) for key, score in zip(shown, page.score, strict=True))
    return Compared(scored.found.ids.tolist(), shown, float(apart), scored_ms, cascade_ms)


def _timed(work: Callable[[], Ranked]) -> tuple[Ranked, float]:
    started = time.perf_counter()
    found = work()
    return found, 1000 * (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True, help="captions to ask (TSV)")
    parser.add_argument("--count", type=int, default=250)
    options = parser.parse_args()
    home = open_home(options.home)
    database = open_database(home)
    captioner, embedder = load_checkpoint(device="cpu"), choose_embedder(device="cpu")
    engine = SearchEngine(home, database, captioner, embedder)
    queries = read_queries(options.queries)[: _WARM_UP + options.count]
    compared = [compare(engine, query) for query in queries][_WARM_UP:]
    database.close()
    _print(compared)


def _print(compared: Sequence[Compared]) -> None:
    print(f"{len(compared)} queries\n\n| | |\n| --- | --- |")
    for count in (10, DEFAULT_RESULTS):
        same = np.mean([each.is_same(count) for each in compared])
        any_order = np.mean([each.has_same(count) for each in compared])
        print(
            f"| the same first {count}: in the same order, in any | {same:.1%}, {any_order:.1%} |"
        )
    print(f"| largest difference of a shown score | {max(each.apart for each in compared):.6f} |")
    for name, spent in (
        ("every candidate scored", [each.scored_ms for each in compared]),
        ("the cascade", [each.cascade_ms for each in compared]),
    ):
        middle, most = np.percentile(spent, [50, 95])
        print(f"| {name}, both stages, p50 / p95 ms | {middle:.0f} / {most:.0f} |")


if __name__ == "__main__":
    main()
