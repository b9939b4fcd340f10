"""Benchmark: how well noun queries find photos by captions that people wrote of them.

    python -m benchmarks.human_captions --captions dev.tsv --images images

The queries, and which photos fit them, are those of `tellshow evaluate --short`. Each photo is
found by one of its own captions, or two, drawn at random: those that name all of the query come
first, in random order. A captioner's figures may be held against it; it is rather more than an
index would find that people wrote, as the captions drawn are among those that tell what fits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captioner.dataset import read_captions
from search.evaluation.noun_queries import NounQuery, captions_that_name, noun_queries

_FIRST, _TEN = 5, 10


def found_by(
    count: int,
    queries: Sequence[NounQuery],
    naming: Sequence[Sequence[NDArray[np.bool_]]],
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Precision of the first five and recall of the first ten by `count` captions a photo.

    `naming`: what `captions_that_name` says of the queries.
    """
    drawn = [generator.permutation(len(own))[:count] for own in naming[0]]
    measured = []
    for query, named in zip(queries, naming, strict=True):
        found = np.array([own[rows].any() for own, rows in zip(named, drawn, strict=True)])
        # Nobody can tell whether photos that come last fit.
        scores = np.where(query.fits < 0, -1.0, found)
        order = np.lexsort((generator.random(len(scores)), -scores))
        right = query.fits[order] > 0
        measured.append((right[:_FIRST].mean(), right[:_TEN].sum() / right.sum()))
    precision, recall = np.mean(measured, axis=0)
    return float(precision), float(recall)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path, required=True, help="captions of photos (TSV)")
    parser.add_argument("--images", type=Path, required=True, help="the folder of the photos")
    parser.add_argument("--draws", type=int, default=20, help="how often captions are drawn")
    options = parser.parse_args()
    photos = read_captions(options.captions, options.images)
    queries, generator = noun_queries(photos), np.random.default_rng(0)
    if not queries:
        parser.error(f"{options.captions} has too few photos for a noun query")
    naming = captions_that_name(photos, queries)
    print(f"{len(photos)} photos, {len(queries)} noun queries\n")
    print("| found by | precision of the first five | recall of the first ten |")
    print("| --- | --- | --- |")
    for count in (1, 2):
        found = [found_by(count, queries, naming, generator) for _ in range(options.draws)]
        precision, recall = np.mean(found, axis=0)
        print(f"| {count} caption{'s'[: count - 1]} a photo | {precision:.3f} | {recall:.3f} |")


if __name__ == "__main__":
    main()
