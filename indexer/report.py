"""The report of an index run: counts by outcome, and what was skipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from catalog.paths import show_path
from catalog.roots import is_reachable

# The outcomes of a file; the names of the report's counts.
INDEXED, UNCHANGED, MOVED = "indexed", "unchanged", "moved"
DUPLICATES, REMOVED, WITHHELD = "duplicates", "removed", "withheld"


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, or a folder that cannot be listed, and why in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class HeldBack:
    """A folder with photos that only an older captioner has described, which so goes on answering.

    `online`: the folder is there.
    """

    path: str
    photos: int
    online: bool


@dataclass(frozen=True)
class IndexReport:
    """What an index run did.

    `indexed` went through the model; `unchanged`, `moved` and `duplicates` did not have to.
    `removed` are gone from disk and catalog; `withheld` are gone from disk only, because more
    than half of their folder is and nobody said to prune. `photos_per_second` counts `indexed`.
    `held_back`: why the captioner does not answer searches yet. `changed_originals`: photos whose
    bytes changed although their size and time did not; None where nobody asked.
    """

    indexed: int
    unchanged: int
    moved: int
    duplicates: int
    removed: int
    withheld: int
    offline_roots: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    seconds: float
    photos_per_second: float
    held_back: tuple[HeldBack, ...] = ()
    changed_originals: tuple[str, ...] | None = None

    @property
    def changed(self) -> bool:
        """Whether the catalog says something else than before."""
        return bool(self.indexed or self.moved or self.duplicates or self.removed)

    def by_reason(self) -> list[tuple[str, int]]:
        """How many were skipped for each reason, the most frequent first."""
        reasons = Counter(item.reason for item in self.skipped)
        return sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))

    def to_json(self) -> dict[str, object]:
        """The object that `tellshow index --json` prints."""
        values = asdict(self)
        del values["withheld"], values["held_back"]
        values["offline_roots"] = list(self.offline_roots)
        values["skipped"] = [asdict(item) for item in self.skipped]
        if self.changed_originals is None:
            del values["changed_originals"]
        return values


def make_report(
    counts: Counter[str],
    offline_roots: Sequence[bytes],
    skipped: Sequence[Skipped],
    undescribed: Mapping[bytes, int],
    seconds: float,
) -> IndexReport:
    """Sum up a run that took `seconds`; `undescribed`: photos of older captioners by folder."""
    return IndexReport(
        indexed=counts[INDEXED],
        unchanged=counts[UNCHANGED],
        moved=counts[MOVED],
        duplicates=counts[DUPLICATES],
        removed=counts[REMOVED],
        withheld=counts[WITHHELD],
        offline_roots=tuple(show_path(root) for root in offline_roots),
        skipped=tuple(skipped),
        seconds=seconds,
        photos_per_second=counts[INDEXED] / seconds if seconds else 0.0,
        held_back=tuple(
            HeldBack(show_path(path), count, is_reachable(path))
            for path, count in undescribed.items()
        ),
    )
