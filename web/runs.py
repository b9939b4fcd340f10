"""An index run as the API describes it.

Knows nothing of HTTP, nor of runs that go on; those are progress.py's.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.runs import RunView

COUNTS = ("indexed", "unchanged", "moved", "duplicates", "removed", "withheld", "skipped")


def run_state(run: RunView, is_going: bool = False) -> str:
    """How a run ended: finished, interrupted by a person, or killed; or that it is running."""
    if run.finished_at is not None:
        return "interrupted" if run.interrupted else "finished"
    return "running" if is_going else "killed"


def run_json(
    run: RunView, names: Mapping[int, str] | None = None, is_going: bool = False
) -> dict[str, object]:
    """A run with its counts; `names` are the folders' paths by their ids."""
    known = names or {}
    return {
        "run_id": run.run_id,
        "state": run_state(run, is_going),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "folders": [known[root] for root in run.roots if root in known],
        "total": run.total,
        "done": run.done,
        **{name: run.counts.get(name, 0) for name in COUNTS},
    }
