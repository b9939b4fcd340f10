"""Load test: many clients search while photos are indexed; latencies, and wrong answers.

    python -m benchmarks.load --home HOME --queries dev.tsv --more images

The home, or the photos of --folder, are served by a real `tellshow serve` from a copy that is
thrown away; `tellshow index` adds the photos of --more to it while the clients ask. Every answer
is judged (see benchmarks/answer_check.py). Ends with 1 where one was wrong or missing. Linux only:
it reads what the server uses from /proc.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select

from benchmarks.answer_check import Truth, difference, fault
from benchmarks.clients import Asked, ask_each, ask_together
from benchmarks.server_process import Served, own_home, serving, start, stop
from catalog.database import open_database
from catalog.home import open_home
from catalog.models import Photo
from search.limits import MAX_RESULTS

_K = 20
_FIXED = 25  # queries whose answers are compared; every client asks all of them
_ALONE_SHARE = 0.2  # of the time, for one client alone
_SHOWN = 5  # complaints of each phase


@dataclass
class Phase:
    """What the clients were answered while something went on."""

    name: str
    asked: Sequence[Asked]
    looked: Sequence[Asked]
    seconds: float
    wrong: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What went wrong, for each request that got no answer."""
        return [each.error for each in (*self.asked, *self.looked) if each.error]

    def row(self) -> str:
        """The phase as a row of a table."""
        rate = len(self.asked) / self.seconds
        return (
            f"| {self.name} | {len(self.asked):,} | {rate:.1f} | {_shares(self.asked)} "
            f"| {_shares(self.looked)} | {len(self.errors)} | {len(self.wrong)} |"
        )


def _shares(asked: Sequence[Asked]) -> str:
    """Milliseconds that half, 95% and 99% of the answers took at most; a dash without answers."""
    if not asked:
        return "–"
    cuts = np.percentile([each.milliseconds for each in asked], [50, 95, 99])
    return " / ".join(f"{cut:,.0f}" for cut in cuts)


def read_queries(file: Path) -> list[str]:
    """The captions of a TSV, shuffled; always in the same order."""
    with file.open(newline="", encoding="utf-8") as opened:
        texts = [row["caption"] for row in csv.DictReader(opened, dialect="excel-tab")]
    return random.Random(0).sample(texts, len(texts))


def photo_ids(home: Path) -> frozenset[int]:
    """The photos of a home."""
    database = open_database(open_home(home))
    try:
        with database.read() as session:
            return frozenset(session.scalars(select(Photo.id)))
    finally:
        database.close()


def candidates(served: Served, queries: Sequence[str]) -> dict[str, Asked]:
    """The whole answers to queries, one after the other."""
    return {each.query: each for each in ask_each(served.address, queries, MAX_RESULTS)}


def mixed(queries: Sequence[str], fixed: Sequence[str]) -> list[str]:
    """All queries, every fourth one a fixed one."""
    texts: list[str] = []
    for number, text in enumerate(queries):
        texts.append(text)
        if number % 3 == 2 and fixed:
            texts.append(fixed[number // 3 % len(fixed)])
    return texts


def judge(phase: Phase, truths: Mapping[str, Truth]) -> None:
    """Note what is wrong with the phase's answers."""
    for asked in phase.asked:
        if asked.error:
            continue
        found = fault(asked)
        if found is None and asked.query in truths:
            found = difference(asked, truths[asked.query])
        if found is not None:
            phase.wrong.append(found)


@contextmanager
def indexing(home: Path, folder: Path, photos: int) -> Iterator[None]:
    """`tellshow index` at work on a home of so many photos, broken off at the end.

    Begins when the first photos were added. Raises RuntimeError where none are.
    """
    process = start(["index", "--home", str(home), str(folder)])
    try:
        while process.poll() is None and len(photo_ids(home)) == photos:
            time.sleep(0.5)
        if len(photo_ids(home)) == photos:
            raise RuntimeError(f"{folder} holds no more photos")
        yield
        if process.poll() is not None:
            print("the index was done before the clients: give it more photos", file=sys.stderr)
    finally:
        stop(process)


class Load:
    """A server under load: phases, one after the other, and what each found."""

    def __init__(self, served: Served, home: Path, queries: Sequence[str], seconds: float) -> None:
        self._served, self._home, self._seconds = served, home, seconds
        self.known = photo_ids(home)
        found = candidates(served, list(dict.fromkeys(queries))[:_FIXED])
        # Unknown words in a path lift a photo by a step that hangs on the other candidates.
        self._before = {text: each for text, each in found.items() if not each.unknown_words}
        self._texts = mixed(queries, list(self._before))
        self.phases: list[Phase] = []

    def ask(self, name: str, clients: int, share: float = 1.0) -> None:
        """Let the clients ask for a share of the time."""
        started = time.monotonic()
        seconds = share * self._seconds
        answers = ask_together(self._served.address, self._texts, clients, seconds, _K)
        self.phases.append(Phase(name, *answers, time.monotonic() - started))

    def judge(self) -> int:
        """Judge every answer; returns how many photos were added since the beginning."""
        after = candidates(self._served, list(self._before))
        truths = {
            text: Truth(self.known, _scores(before), _scores(after[text]))
            for text, before in self._before.items()
        }
        for phase in self.phases:
            judge(phase, truths)
        return len(photo_ids(self._home) - self.known)


def _scores(asked: Asked) -> dict[int, float]:
    if asked.error:
        raise RuntimeError(f"no answer to {asked.query!r} without load: {asked.error}")
    return dict(zip(asked.ids, asked.scores, strict=True))


def run(options: argparse.Namespace) -> bool:
    """Measure and print; returns whether every answer came and was right."""
    queries, many = read_queries(options.queries), f"{options.clients} clients"
    with own_home(options.home, options.folder) as home, serving(home) as served:
        ready, models = served.cost(), served.models()
        load = Load(served, home, queries, options.seconds)
        load.ask("1 client", 1, _ALONE_SHARE)
        load.ask(many, options.clients)
        with indexing(home, options.more, len(load.known)):
            load.ask(f"{many}, an index beside", options.clients)
        busy, added = served.cost(), load.judge()
        made = served.models()
    _print_phases(load, added)
    print(
        f"\nThe server: {ready.resident:,.0f} MB when ready, {busy.most_resident:,.0f} MB at most, "
        f"{busy.threads} threads; {models} models were loaded to start, {made - models} later."
    )
    return not any(phase.errors or phase.wrong for phase in load.phases)


def _print_phases(load: Load, added: int) -> None:
    print(f"{len(load.known):,} photos; {added:,} more were indexed meanwhile\n")
    print(
        "| | searches | a second | p50 / p95 / p99 ms | a thumbnail meanwhile, p50 / p95 / p99 ms "
        "| errors | wrong |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    for phase in load.phases:
        print(phase.row())
    for phase in load.phases:
        for complaint in [*phase.errors, *phase.wrong][:_SHOWN]:
            print(f"{phase.name}: {complaint}", file=sys.stderr)


def main() -> int:
    """Measure, print, and say by the exit code whether all was right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with photos; it stays as it is")
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--queries", type=Path, required=True, help="captions to ask (TSV)")
    parser.add_argument("--more", type=Path, required=True, help="photos to index meanwhile")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    if options.home is None and not options.folder:
        parser.error("give --home or --folder")
    return 0 if run(options) else 1


if __name__ == "__main__":
    sys.exit(main())
