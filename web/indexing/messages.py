"""Index runs as texts for people and as JSON objects for programs."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.runs import RunView
from web.indexing.progress import BUSY, LOOKING, READING, SAVING, STARTING, Progress

_HEADLINES = {
    STARTING: "Getting ready to index {}",
    LOOKING: "Looking for photos in {}",
    READING: "Indexing {}",
    SAVING: "Saving what was found in {}",
    BUSY: "Another tellshow is writing to this collection",
}
_DETAILS = {
    STARTING: "The models are being loaded.",
    LOOKING: "What is there is compared with what is known.",
    SAVING: "The vectors are being written.",
    BUSY: "It is no index run, so it does not say how far it is.",
}
# By the names of an index report's numbers, see indexer.report.
_OUTCOMES = {
    "indexed": "{} new or changed",
    "unchanged": "{} unchanged",
    "moved": "{} moved",
    "duplicates": "{} duplicated",
    "removed": "{} removed",
    "withheld": "{} gone but kept",
    "skipped": "{} skipped",
}
_ENDS = {"interrupted": "stopped early", "killed": "broken off"}


def progress_json(progress: Progress) -> dict[str, object]:
    """The progress of indexing for programs, with `headline` and `detail` for people."""
    words: dict[str, object] = {"headline": headline(progress), "detail": detail(progress)}
    return {**progress.to_json(), **words}


def run_json(
    run: RunView, names: Mapping[int, str] | None = None, is_active: bool = False
) -> dict[str, object]:
    """A run as the API describes it; `names` are the folders' paths by their ids."""
    known = names or {}
    return {
        "run_id": run.run_id,
        "state": run_state(run, is_active),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "folders": [known[root] for root in run.roots if root in known],
        "total": run.total,
        "done": run.done,
        **{name: run.counts.get(name, 0) for name in _OUTCOMES},
    }


def run_state(run: RunView, is_active: bool = False) -> str:
    """A run's state: running, finished, interrupted by a person, or killed."""
    if run.finished_at is not None:
        return "interrupted" if run.interrupted else "finished"
    return "running" if is_active else "killed"


def headline(progress: Progress) -> str:
    """What is being indexed, in a few words; empty where nothing is."""
    if progress.is_idle:
        return ""
    if progress.stopping:
        return f"Stopping, and saving what was found in {_folders(progress)}"
    return _HEADLINES[progress.state].format(_folders(progress))


def detail(progress: Progress) -> str:
    """How far the run is: files, files a second, time left; or what it is waiting for."""
    run = progress.active_run
    if run is None or run.total is None:
        return _DETAILS.get(progress.state, "")
    parts = [f"{run.done:,} of {run.total:,} files"]
    if progress.photos_per_second is not None:
        parts.append(f"{progress.photos_per_second:.1f} a second")
    if progress.seconds_left is not None and run.done < run.total:
        parts.append(f"{duration(progress.seconds_left)} left")
    if skipped := run.counts.get("skipped"):
        parts.append(f"{skipped:,} skipped")
    return ", ".join(parts)


def outcome(counts: Mapping[str, int]) -> str:
    """The counts of a run in words, those of zero left out."""
    parts = [
        text.format(f"{counts[name]:,}") for name, text in _OUTCOMES.items() if counts.get(name)
    ]
    return ", ".join(parts) or "no photos"


def ending(run: RunView, is_active: bool) -> str:
    """How a run ended that did not finish, in words; empty for others."""
    return _ENDS.get(run_state(run, is_active), "")


def duration(seconds: float) -> str:
    """Seconds as text, in the largest fitting unit: "89 seconds", "2 minutes"."""
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or (name == "minute" and seconds >= size):
            return _amount(round(seconds / size), name)
    return _amount(max(1, round(seconds)), "second")


def _amount(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _folders(progress: Progress) -> str:
    return " and ".join(progress.folders) or "a folder"
