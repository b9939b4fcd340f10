"""Benchmark: smaller photo states, by what they cost in recall: fewer bits a value, fewer places.

    python -m benchmarks.state_sizes --home HOME --queries dev.tsv --model FILE

HOME holds the photos of the captions already, described by a captioner whose states have eight bits
a number, and is only read: states are made smaller as they are loaded. Each caption is ranked by
every variant among the same candidates.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.machine import described
from captioner.captioner import PhotoState
from captioner.checkpoint import load_checkpoint
from captioner.embedder import choose_embedder
from catalog.database import Database, open_database
from catalog.home import open_home
from catalog.views import list_photos
from search.engine import SearchEngine
from search.request import SearchRequest

Smaller = Callable[[PhotoState], PhotoState]

_FIRST, _NOT_FOUND = 10, 10**9
_VALUE = 127  # stands for 1, of a tanh
_STORED_BITS = 8


def fewer_bits(bits: int) -> Smaller:
    """Values of the memory on as many evenly spaced levels as so many bits tell, 0 among them."""
    level = _VALUE // (2 ** (bits - 1) - 1)

    def smaller(state: PhotoState) -> PhotoState:
        return replace(state, memory=np.rint(state.memory / level).astype(np.int8) * np.int8(level))

    return smaller


def every_other_place(state: PhotoState) -> PhotoState:
    """25 places of 49, those of one colour of a chessboard; each stands for the next as well."""
    memory = state.memory.copy()
    memory[:, 1::2] = memory[:, :-1:2]
    return replace(state, memory=memory)


VARIANTS: dict[str, tuple[Smaller, int]] = {  # and the bytes of a memory of 49 places of 160
    "8 bits, 49 places: as stored": (lambda state: state, 7840),
    "4 bits, 49 places": (fewer_bits(4), 3920),
    "3 bits, 49 places": (fewer_bits(3), 2940),
    "8 bits, 25 places": (every_other_place, 4000),
    "4 bits, 25 places": (lambda state: every_other_place(fewer_bits(4)(state)), 2000),
}


def ranked(engine: SearchEngine, query: str, smaller: Smaller) -> list[int]:
    """Ids of the candidates, best first, by states that were made smaller."""
    unpack = PhotoState.unpack
    with patch.object(PhotoState, "unpack", lambda *given: smaller(unpack(*given))):
        return [int(key) for key in engine.rank(engine.read(SearchRequest(query))).found.ids]


def captions(database: Database, path: Path, count: int) -> list[tuple[int, str]]:
    """Captions drawn by chance from a TSV, each with the id of its photo."""
    with database.read() as session:
        ids = {Path(os.fsdecode(view.path)).name: view.photo_id for view in list_photos(session)}
    with path.open(newline="", encoding="utf-8") as opened:
        rows = [row for row in csv.DictReader(opened, dialect="excel-tab") if row["image"] in ids]
    return [(ids[row["image"]], row["caption"]) for row in random.Random(0).sample(rows, count)]


def compare(engine: SearchEngine, asked: Sequence[tuple[int, str]]) -> str:
    """The table of all variants, for captions with the ids of their photos."""
    places: dict[str, list[int]] = {name: [] for name in VARIANTS}
    first: dict[str, list[set[int]]] = {name: [] for name in VARIANTS}
    for photo, caption in asked:
        for name, (smaller, _) in VARIANTS.items():
            ids = ranked(engine, caption, smaller)
            places[name].append(ids.index(photo) + 1 if photo in ids else _NOT_FOUND)
            first[name].append(set(ids[:_FIRST]))
    return table(places, first)


def table(places: dict[str, list[int]], first: dict[str, list[set[int]]]) -> str:
    """A Markdown table of recall, and of how much of the first page is the same."""
    stored = first[next(iter(VARIANTS))]
    rows = []
    for name, (_, size) in VARIANTS.items():
        found = np.array(places[name])
        recall = " | ".join(f"{100 * (found <= k).mean():.1f}" for k in (1, 5, _FIRST))
        same = np.mean([len(one & two) for one, two in zip(stored, first[name], strict=True)])
        rows.append(f"| {name} | {size:,} | {recall} | {same:.2f} |")
    head = f"| state | bytes of its memory | R@1 | R@5 | R@{_FIRST} | same of the first {_FIRST} |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows])


def main() -> None:
    """Measure and print; raises SystemExit for a captioner of fewer bits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True, help="captions of photos (TSV)")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--model", type=Path, help="the captioner; if not given, the shipped one")
    options = parser.parse_args()
    captioner = load_checkpoint(options.model, device="cpu")
    if captioner.config.state_bits < _STORED_BITS:
        raise SystemExit("states of four bits cannot be compared with those of eight; see --model")
    home = open_home(options.home)
    database = open_database(home)
    engine = SearchEngine(home, database, captioner, choose_embedder(device="cpu"))
    print(described())
    print(compare(engine, captions(database, options.queries, options.count)))
    database.close()


if __name__ == "__main__":
    main()
