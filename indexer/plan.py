"""What has to be done for a folder: its files on disk compared with those in the catalog.

Opens no file and changes no row. Knows nothing of the model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from captioner.raw import MISSING_EXTRA, can_read_raw
from catalog import photos
from catalog.failures import Failure, known_failures
from catalog.paths import show_path
from catalog.photos import KnownFile
from catalog.records import FileStamp
from indexer.report import Skipped
from indexer.walk import find_photos


@dataclass(frozen=True)
class Task:
    """A file to read; `known` is what the catalog holds under its path, in whatever state."""

    root_id: int
    root: bytes
    file: FileStamp
    known: KnownFile | None
    failed_before: bool

    @property
    def full_path(self) -> bytes:
        """Absolute path."""
        return os.path.join(self.root, self.file.path)


@dataclass
class Plan:
    """What to do for one root."""

    root_id: int
    root: bytes
    known: int  # files in the catalog
    unchanged: int = 0
    tasks: list[Task] = field(default_factory=list)
    vanished: list[KnownFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    stale_failures: list[bytes] = field(default_factory=list)  # absolute paths, no longer there


def make_plan(
    session: Session,
    root_id: int,
    folder: Path,
    model_id: int,
    skip: Collection[Path] = (),
    is_whole: Callable[[KnownFile], bool] = lambda known: True,
) -> Plan:
    """Compare a folder that is there with the catalog, but for the folders to `skip`.

    A known file that `is_whole` denies is read again, though it is the same.
    """
    root = os.fsencode(folder)
    known = photos.known_files(session, root_id, model_id)
    failures = _failures_below(session, root)
    plan = Plan(root_id, root, len(known))
    unlisted: dict[bytes, OSError] = {}
    found: set[bytes] = set()
    for file in find_photos(folder, unlisted.__setitem__, skip):
        found.add(file.path)
        same = known.get(file.path)
        whole = same is not None and same.has_state and _stamp(same) == file and is_whole(same)
        _sort(plan, file, same, whole, failures.get(file.path))
    plan.skipped += [_unlisted(root, path, error) for path, error in unlisted.items()]
    plan.vanished = [known[path] for path in known if _gone(path, found, unlisted)]
    gone = [path for path in failures if _gone(path, found, unlisted)]
    plan.stale_failures = [os.path.join(root, path) for path in gone]
    return plan


def _failures_below(session: Session, root: bytes) -> dict[bytes, Failure]:
    below = os.path.join(root, b"")
    return {
        path[len(below) :]: failure
        for path, failure in known_failures(session).items()
        if path.startswith(below)
    }


def _sort(
    plan: Plan, file: FileStamp, known: KnownFile | None, whole: bool, failure: Failure | None
) -> None:
    """Put a file where it belongs: remembered failure, unchanged, or to read."""
    if failure is not None and _still_fails(failure, file):
        plan.skipped.append(Skipped(show_path(failure.path), failure.reason))
    elif whole:
        plan.unchanged += 1
    else:
        plan.tasks.append(Task(plan.root_id, plan.root, file, known, failure is not None))


def _still_fails(failure: Failure, file: FileStamp) -> bool:
    """Whether trying again is in vain: the file is the same, and no extra came that it lacked."""
    if (failure.size, failure.mtime_ns) != (file.size, file.mtime_ns):
        return False
    return failure.reason != MISSING_EXTRA or not can_read_raw()


def _stamp(known: KnownFile) -> FileStamp:
    return FileStamp(known.path, known.size, known.mtime_ns)


def _unlisted(root: bytes, path: bytes, error: OSError) -> Skipped:
    return Skipped(
        show_path(os.path.join(root, path)), f"It cannot be looked at: {error.strerror}."
    )


def _gone(path: bytes, found: Collection[bytes], unlisted: Mapping[bytes, OSError]) -> bool:
    """Whether a known file is certainly not there: what could not be listed may be."""
    if path in found:
        return False
    return not any(path == other or path.startswith(os.path.join(other, b"")) for other in unlisted)
