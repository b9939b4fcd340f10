"""Index runs: their progress while they go on, and what they did.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from catalog.models import Run

# A run that says nothing for so long was killed; it speaks every two seconds.
_SILENT = timedelta(seconds=20)


@dataclass(frozen=True)
class RunView:
    """A run. Releases before this one noted no `roots`, `total`, `done` and `seconds`.

    `finished_at` is None while it runs, and for ever where it was killed. `roots`: ids of the
    folders. `total`: files to read, None while they are looked for; `done` of them were, those
    skipped included, in `seconds`. `counts`: what became of files so far, by the names of the
    index report. `interrupted`: a person broke it off. `stoppable`: it ends when it is asked
    to, see stop_request.py. `seen_at`: when it last said that it goes on, None where its database
    is a file; `stop_requested`: a server on another machine asked it to end.
    """

    run_id: int
    started_at: datetime
    finished_at: datetime | None
    roots: tuple[int, ...]
    total: int | None
    done: int
    seconds: float
    interrupted: bool
    counts: Mapping[str, int]
    stoppable: bool = False
    seen_at: datetime | None = None
    stop_requested: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it said a moment ago that it goes on; the clocks of machines must agree."""
        if self.finished_at is not None or self.seen_at is None:
            return False
        return datetime.now(UTC) - self.seen_at < _SILENT


@dataclass(frozen=True)
class Noted:
    """How far a run is, as it notes with each batch; see RunView."""

    roots: Sequence[int]
    counts: Mapping[str, int]
    total: int | None = None
    done: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    stoppable: bool = False

    def to_json(self) -> dict[str, Any]:
        """What the row keeps: the counts, and the progress apart from them."""
        progress = {
            "roots": list(self.roots),
            "total": self.total,
            "done": self.done,
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            **({"stoppable": True} if self.stoppable else {}),
        }
        return {**self.counts, "progress": progress}


def start_run(session: Session, noted: Noted) -> int:
    """Record that a run begins; return its id."""
    row = {"started_at": datetime.now(UTC), "counts": noted.to_json()}
    return session.scalars(insert(Run).values(row).returning(Run.id)).one()


def note_run(session: Session, run_id: int, noted: Noted) -> None:
    """Record how far a run is."""
    session.execute(update(Run).where(Run.id == run_id).values(counts=noted.to_json()))


def beat(session: Session, run_id: int) -> bool:
    """Note that a run goes on; returns whether it is asked to end."""
    query = update(Run).where(Run.id == run_id).values(seen_at=datetime.now(UTC))
    return bool(session.scalar(query.returning(Run.stop_requested)))


def ask_to_end(session: Session, run_id: int) -> None:
    """Ask a run to end that may be on another machine; it hears of it with its next `beat`."""
    session.execute(update(Run).where(Run.id == run_id).values(stop_requested=True))


def finish_run(session: Session, run_id: int, noted: Noted) -> None:
    """Record that a run is over, and what it did."""
    values = {"finished_at": datetime.now(UTC), "counts": noted.to_json()}
    session.execute(update(Run).where(Run.id == run_id).values(values))


def last_run_finished(session: Session) -> bool:
    """Whether the run that was started last came to its end; True before the first."""
    query = select(Run.finished_at.is_not(None)).order_by(Run.id.desc()).limit(1)
    finished = session.scalar(query)
    return True if finished is None else finished


def list_runs(session: Session, limit: int, offset: int = 0) -> list[RunView]:
    """Return runs, the last one first."""
    columns = (Run.started_at, Run.finished_at, Run.counts, Run.seen_at, Run.stop_requested)
    query = select(Run.id, *columns).order_by(Run.id.desc()).limit(limit).offset(offset)
    return [_view(*row) for row in session.execute(query)]


def count_runs(session: Session) -> int:
    """Return how many runs there were."""
    return session.scalar(select(func.count()).select_from(Run)) or 0


def _view(
    run_id: int,
    started: datetime,
    finished: datetime | None,
    kept: Mapping[str, Any] | None,
    seen: datetime | None,
    stop_requested: bool,
) -> RunView:
    counts = dict(kept or {})
    progress = counts.pop("progress", {})
    return RunView(
        run_id=run_id,
        started_at=started,
        finished_at=finished,
        roots=tuple(progress.get("roots", ())),
        total=progress.get("total"),
        done=progress.get("done", 0),
        seconds=progress.get("seconds", 0.0),
        interrupted=progress.get("interrupted", False),
        counts=counts,
        stoppable=progress.get("stoppable", False),
        seen_at=seen,
        stop_requested=stop_requested,
    )
