"""The plan of a run for one folder: its files on disk compared with those in the catalog.

Opens no file and changes no row.
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
from catalog.records import METADATA_VERSION, FileStamp
from catalog.remote_folders import is_remote
from indexer.ignore import NO_RULES, IgnoreRules
from indexer.remote_walk import find_remote_photos
from indexer.report import Skipped
from indexer.walk import find_photos


@dataclass(frozen=True)
class Task:
    """A file to read; `known` is its row in the catalog, whatever is missing from it."""

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
    """What to do for one root; paths are relative to it where nothing else is said."""

    root_id: int
    root: bytes
    known: int  # files in the catalog
    unchanged: int = 0
    tasks: list[Task] = field(default_factory=list)
    vanished: list[KnownFile] = field(default_factory=list)
    excluded: list[KnownFile] = field(default_factory=list)  # in the catalog, but now left out
    skipped: list[Skipped] = field(default_factory=list)
    stale_failures: list[bytes] = field(default_factory=list)  # absolute paths, no longer there


def make_plan(
    session: Session,
    root_id: int,
    folder: Path,
    model_id: int,
    skip: Collection[Path] = (),
    is_own: Callable[[bytes], bool] = lambda path: False,
    is_complete: Callable[[KnownFile], bool] = lambda known: True,
    rules: IgnoreRules = NO_RULES,
) -> Plan:
    """Compare an online folder with the catalog, but for the folders to `skip` and by the rules.

    Files whose absolute paths are the home's own (`is_own`) are no photos.

    An unchanged file is read again where `is_complete` is false for its row.
    """
    root = os.fsencode(folder)
    known = photos.known_files(session, root_id, model_id)
    failures = _failures_below(session, root)
    plan = Plan(root_id, root, len(known))
    unlisted: dict[bytes, OSError] = {}
    found: set[bytes] = set()
    ignored: set[bytes] = set()
    if is_remote(folder):
        files = find_remote_photos(folder, unlisted.__setitem__, rules, ignored.add)
    else:
        files = find_photos(folder, unlisted.__setitem__, skip, rules, ignored.add)
    for file in files:
        if is_own(os.path.join(root, file.path)):
            continue
        found.add(file.path)
        same = known.get(file.path)
        unchanged = same is not None and _is_known(same, file) and is_complete(same)
        _classify(plan, file, same, unchanged, failures.get(file.path))
    plan.skipped += [_unlisted(root, path, error) for path, error in unlisted.items()]
    gone = [path for path in known if _gone(path, found, unlisted)]
    plan.excluded = [known[path] for path in gone if is_covered(path, ignored)]
    plan.vanished = [known[path] for path in gone if not is_covered(path, ignored)]
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


def _classify(
    plan: Plan, file: FileStamp, known: KnownFile | None, unchanged: bool, failure: Failure | None
) -> None:
    """Add a file to the plan: as a remembered failure, unchanged, or a task."""
    if failure is not None and _still_fails(failure, file):
        plan.skipped.append(Skipped(show_path(failure.path), failure.reason))
    elif unchanged:
        plan.unchanged += 1
    else:
        plan.tasks.append(Task(plan.root_id, plan.root, file, known, failure is not None))


def _still_fails(failure: Failure, file: FileStamp) -> bool:
    """Whether the file is unchanged, and no extra was installed that it lacked."""
    if (failure.size, failure.mtime_ns) != (file.size, file.mtime_ns):
        return False
    return failure.reason != MISSING_EXTRA or not can_read_raw()


def _is_known(known: KnownFile, file: FileStamp) -> bool:
    """Whether the catalog holds all that is known by now of a file with this size and time."""
    same = (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
    same = same and known.sidecars == file.sidecars
    return same and known.has_state and known.metadata_version >= METADATA_VERSION


def _unlisted(root: bytes, path: bytes, error: OSError) -> Skipped:
    return Skipped(
        show_path(os.path.join(root, path)), f"It cannot be looked at: {error.strerror or error}."
    )


def _gone(path: bytes, found: Collection[bytes], unlisted: Mapping[bytes, OSError]) -> bool:
    """Whether a known file is certainly not on disk; one that could not be listed may be."""
    if path in found:
        return False
    return not any(path == other or path.startswith(os.path.join(other, b"")) for other in unlisted)


def is_covered(path: bytes, ignored: Collection[bytes]) -> bool:
    """Whether a path or a folder above it is among those that are left out."""
    while path and path not in ignored:
        path = os.path.dirname(path)
    return bool(path)
