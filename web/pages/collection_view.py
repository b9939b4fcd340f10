"""The contents of the collection page, gathered from catalog, engine and index runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from catalog.disk_usage import Footprint, measure
from catalog.failures import failed_paths, failures_by_reason
from catalog.paths import read_path, show_path
from catalog.roots import RootView, is_reachable, list_roots
from catalog.runs import RunView, list_runs
from search.engine import SearchEngine
from search.status import Status
from web.indexing.messages import detail, duration, ending, headline, outcome
from web.indexing.progress import Progress
from web.indexing.runner import EndedRun, IndexRunner, folder_text
from web.indexing.state import Indexing

_RUNS = 8
_REASONS = 40
_PATHS = 10  # of each reason, before its own page
_SKIPPED = 50


@dataclass(frozen=True)
class FolderRow:
    """A folder; `photos` None where it was never indexed, `number` None where it may not be.

    `link`: the path to filter a search by, None where it is no text.
    """

    path: str
    photos: int | None
    online: bool
    link: str | None
    number: int | None


@dataclass(frozen=True)
class ReasonRow:
    """Files that could not be read for one reason, and the first of them."""

    reason: str
    files: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class RunRow:
    """A run in words; `ending` is empty where it came to its end."""

    started_at: datetime
    folders: tuple[str, ...]
    outcome: str
    took: str
    ending: str
    going: bool


@dataclass(frozen=True)
class EndedRow:
    """The last run that was started from the page, in words."""

    folder: str
    outcome: str
    failed: bool
    skipped: tuple[Mapping[str, str], ...]
    more_skipped: int


@dataclass(frozen=True)
class Overview:
    """Everything on the page."""

    status: Status
    footprint: Footprint
    folders: tuple[FolderRow, ...]
    reasons: tuple[ReasonRow, ...]
    more_reasons: int
    runs: tuple[RunRow, ...]
    progress: Progress
    headline: str
    detail: str
    ended: EndedRow | None
    may_index: bool


def overview(engine: SearchEngine, indexing: Indexing) -> Overview:
    """Read everything that the page shows; raises DatabaseUnavailable."""
    progress = indexing.monitor.progress(fresh=True)
    with engine.database.read() as session:
        roots = list_roots(session)
        reasons = failures_by_reason(session)
        found = tuple(_reason(session, *row) for row in list(reasons.items())[:_REASONS])
        runs = list_runs(session, _RUNS)
    return Overview(
        status=engine.status(),
        footprint=measure(engine.home),
        folders=_folders(roots, indexing.runner),
        reasons=found,
        more_reasons=len(reasons) - len(found),
        runs=_runs(runs, roots, progress),
        progress=progress,
        headline=headline(progress),
        detail=detail(progress),
        ended=_ended(indexing.runner.last_run),
        may_index=bool(indexing.runner.folders),
    )


def _reason(session: Session, reason: str, files: int) -> ReasonRow:
    paths = failed_paths(session, reason, _PATHS)
    return ReasonRow(reason, files, tuple(show_path(path) for path in paths))


def _folders(roots: list[RootView], runner: IndexRunner) -> tuple[FolderRow, ...]:
    """The indexed folders, and then those that may be and are not yet."""
    allowed = {os.fsencode(path): number for number, path in enumerate(runner.folders, start=1)}
    known = [_folder(root.path, root.photos, allowed.pop(root.path, None)) for root in roots]
    return (*known, *(_folder(path, None, number) for path, number in allowed.items()))


def _folder(path: bytes, count: int | None, number: int | None) -> FolderRow:
    text = show_path(path)
    searchable = bool(count) and read_path(text) == path
    return FolderRow(text, count, is_reachable(path), text if searchable else None, number)


def _runs(runs: list[RunView], roots: list[RootView], progress: Progress) -> tuple[RunRow, ...]:
    names = {root.root_id: show_path(root.path) for root in roots}
    active_id = progress.active_run.run_id if progress.active_run else None
    return tuple(_run(run, names, run.run_id == active_id) for run in runs)


def _run(run: RunView, names: Mapping[int, str], going: bool) -> RunRow:
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0
    return RunRow(
        started_at=run.started_at,
        folders=tuple(names[root] for root in run.roots if root in names),
        outcome="looking for photos" if going and run.total is None else outcome(run.counts),
        took=duration(seconds) if run.finished_at else "",
        ending=ending(run, going),
        going=going,
    )


def _ended(ended: EndedRun | None) -> EndedRow | None:
    if ended is None:
        return None
    folder = folder_text(ended.folder)
    if ended.report is None:
        text = "stopped; what was found until then is saved" if ended.stopped else ended.message
        return EndedRow(folder, text, not ended.stopped, (), 0)
    skipped = list(ended.report["skipped"])
    counts = {**ended.report, "skipped": len(skipped)}
    text = f"{outcome(counts)}, in {duration(ended.report['seconds'])}"
    more = max(0, len(skipped) - _SKIPPED)
    return EndedRow(folder, text, False, tuple(skipped[:_SKIPPED]), more)
