"""Server-sent events about indexing: their texts, and a limit on open streams.

Each stream keeps one of the server's threads, hence few of them, and none for long: browsers
reconnect by themselves (HTML Living Standard, section 9.2).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from threading import Event, Lock

from web.indexing.messages import progress_json, run_json
from web.indexing.progress import Progress, ProgressMonitor
from web.indexing.runner import IndexRunner

MOST_STREAMS = 3
STREAM_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
TICK_SECONDS = 0.5
RETRY_MS = 2000

_ID = re.compile(r"\d+:[a-z]+(:\d+)?")


class TooManyStreams(Exception):
    """As many streams are open as may be."""


class Streams:
    """The open streams, at most `most`; once `closed` is set they end, and none is opened."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self.closed = Event()
        self._most = most
        self._open = 0
        self._lock = Lock()

    def acquire(self) -> Callable[[], None] | None:
        """Open a stream: the function that closes it again; None where no more may be open."""
        with self._lock:
            if self._open >= self._most or self.closed.is_set():
                return None
            self._open += 1
        released = Event()

        def release() -> None:
            with self._lock:
                if not released.is_set():
                    released.set()
                    self._open -= 1

        return release


def event_texts(
    monitor: ProgressMonitor,
    runner: IndexRunner,
    last_id: str,
    is_gone: Callable[[], bool],
    closed: Event,
    seconds: float = STREAM_SECONDS,
) -> Iterator[str]:
    """The text of a stream: an event for each change, a comment as heartbeat between them."""
    sent = last_id if _ID.fullmatch(last_id) else ""
    ends = time.monotonic() + seconds
    yield f"retry: {RETRY_MS}\n\n"
    last_sent = time.monotonic()
    while time.monotonic() < ends and not is_gone():
        for name, key, data in events_after(sent, monitor.progress(), runner):
            yield f"event: {name}\nid: {key}\ndata: {json.dumps(data)}\n\n"
            sent, last_sent = key, time.monotonic()
        if time.monotonic() - last_sent > HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            last_sent = time.monotonic()
        if closed.wait(TICK_SECONDS):
            return


def events_after(
    sent: str, seen: Progress, runner: IndexRunner
) -> Iterator[tuple[str, str, dict[str, object]]]:
    """The events due after the one with the id `sent` ("" for none): name, id, data.

    An id is the last run's number, the state, and how many files were done, so that a client
    that reconnects after the end of a run gets that end.
    """
    run_id = seen.run.run_id if seen.run else 0
    if not seen.is_idle:
        done = seen.active_run.done if seen.active_run else int(seen.stopping)
        key = f"{run_id}:{seen.state}:{done}"
        if key != sent:
            yield "progress", key, progress_json(seen)
        return
    idle, finished = f"{run_id}:idle", f"{run_id}:done"
    if sent == idle:
        return
    if sent not in ("", finished):
        yield "done", finished, _end(seen, runner)
    yield "idle", idle, progress_json(seen)


def _end(seen: Progress, runner: IndexRunner) -> dict[str, object]:
    return {
        "run": run_json(seen.run) if seen.run else None,
        "last": runner.last_run.to_json() if runner.last_run else None,
    }
