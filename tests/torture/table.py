"""The table that a run of the suite prints: a row for each kind of torture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

HEAD = (
    "| what | cases | right | refused or named | silently wrong | lost | seconds |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


class Outcome(StrEnum):
    """What became of a case.

    RIGHT: as if nothing had happened. NAMED: not so, and a sentence says what is wrong. WRONG: not
    so, and nothing says it, or a traceback does. LOST: something is gone that was there, or does
    not come back.
    """

    RIGHT = "right"
    NAMED = "refused or named"
    WRONG = "silently wrong"
    LOST = "lost"


@dataclass
class Row:
    """One kind of torture: outcomes counted, and a line for each that is bad."""

    what: str
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    seconds: float = 0.0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    skipped: str = ""

    def add(self, outcome: Outcome, detail: str = "", times: int = 1) -> None:
        """Count a case."""
        self.counts[outcome] += times
        if outcome in (Outcome.WRONG, Outcome.LOST):
            self.bad.append(f"{self.what}: {outcome}: {detail}")

    def judge(self, is_right: bool, detail: str, otherwise: Outcome = Outcome.WRONG) -> None:
        """Count a case as right, or as something else with its detail."""
        self.add(Outcome.RIGHT if is_right else otherwise, detail)

    def line(self) -> str:
        """The row in Markdown."""
        if self.skipped:
            return f"| {self.what} | skipped: {self.skipped} | | | | | |"
        cells = [str(sum(self.counts.values())), *(str(each) for each in self.counts.values())]
        return f"| {self.what} | {' | '.join(cells)} | {self.seconds:.0f} |"


@contextmanager
def timed(row: Row) -> Iterator[Row]:
    """Note how long a row's cases took."""
    started = time.monotonic()
    try:
        yield row
    finally:
        row.seconds += time.monotonic() - started
